"""What destroyed keys had opened is taken away, some at a time.

What can go wrong, and why things happen in this order:

- **Rows go whose key is not destroyed.** Only keys in `vault.residue` are looked at, and a key comes into it in the
  transaction that destroys it. The database's guard refuses to delete a record whose key is not destroyed.
- **Rows stay for ever.** The residue is the list of what is left, and goes in the transaction that deletes the rows.
  Whoever dies in between leaves it, and the next sweep goes on.
- **One transaction deletes so much that others wait.** It takes about `ROWS` records, the oldest days first.
- **The files hold the key longer than its rows.** `vacuum` comes before this: as long as rows are left, the residue
  says that the files may not be free of the key yet.

Each transaction deletes records, then speakers, then the residue that named them: all three, or nothing.
"""

from __future__ import annotations

from uuid import UUID

from ..db.pool import Pool
from . import statements

ROWS = 20_000
"""One transaction deletes about so many records, or those of one key if they are more."""


async def left(pool: Pool, tenant: UUID) -> list[UUID]:
    """The destroyed keys whose rows still stand there."""
    async with pool.transaction(tenant) as connection:
        return list((await connection.execute(statements.LEFT, {"tenant": tenant})).scalars())


async def clear(pool: Pool, tenant: UUID, keys: list[UUID]) -> None:
    """Deletes the rows of these keys. Call `vacuum` before it: a key with rows left may still stand in a file."""
    while keys:
        async with pool.transaction(tenant) as connection:
            rows = list(await connection.execute(statements.NEXT_LEFT, {"tenant": tenant, "keys": keys, "rows": ROWS}))
            if not rows:
                return
            ids, meetings, days = (list({row[n] for row in rows}) for n in range(3))
            given = {"tenant": tenant, "keys": ids, "meetings": meetings, "days": days}
            for statement in statements.CLEAR:
                wanted = {name: value for name, value in given.items() if f":{name}" in statement.text}
                await connection.execute(statement, wanted)
