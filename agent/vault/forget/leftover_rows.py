"""What destroyed keys had opened is taken away, some at a time."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy import ARRAY, Uuid, bindparam, text

from ..db.pool import Pool

ROWS = 20_000
"""How many records one transaction takes away, or one key's if those are more."""

_LEFT = text("SELECT key_id FROM vault.residue WHERE tenant_id = :tenant")
_TAKE = text("""
SELECT key_id, meeting_id, day FROM (SELECT *, sum(records) OVER (ORDER BY day, meeting_id, key_id) - records AS before
  FROM vault.residue WHERE tenant_id = :tenant AND key_id = ANY (:keys)) r
WHERE before < :rows ORDER BY before LIMIT 1000""").bindparams(bindparam("keys", type_=ARRAY(Uuid)))
_CLEAR = tuple(
    text(statement).bindparams(bindparam("keys", type_=ARRAY(Uuid)))
    for statement in (
        "DELETE FROM vault.record WHERE tenant_id = :tenant AND day = ANY (:days) AND meeting_id = ANY (:meetings)"
        " AND key_id = ANY (:keys)",
        "DELETE FROM vault.speaker WHERE tenant_id = :tenant AND key_id = ANY (:keys)",
        "DELETE FROM vault.residue WHERE tenant_id = :tenant AND key_id = ANY (:keys)",
    )
)


async def left(pool: Pool, tenant: UUID) -> list[UUID]:
    """The destroyed keys whose rows still stand there."""
    async with pool.transaction(tenant) as connection:
        return list((await connection.execute(_LEFT, {"tenant": tenant})).scalars())


async def clear(pool: Pool, tenant: UUID, keys: list[UUID]) -> None:
    """Takes away their rows. Scour first: what is left says that the files may not be free of these keys."""
    while keys:
        async with pool.transaction(tenant) as connection:
            rows = list(await connection.execute(_TAKE, {"tenant": tenant, "keys": keys, "rows": ROWS}))
            if not rows:
                return
            ids, meetings, days = (list({row[n] for row in rows}) for n in range(3))
            given = {"tenant": tenant, "keys": ids, "meetings": meetings, "days": days}
            for statement in _CLEAR:
                wanted = {name: value for name, value in given.items() if f":{name}" in statement.text}
                await connection.execute(statement, wanted)
