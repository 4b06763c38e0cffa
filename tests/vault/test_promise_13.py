"""Tenants are isolated: whatever a role asks as one of them tells nothing of another, and changes nothing there.

A request that names another tenant's things is run again with names that nobody has. Both must end alike but for the
names, to the letter: what is there and what is not can't be told apart. No other answer holds what is another's, and
another's rows are the same after it.
"""

from __future__ import annotations

import asyncio
import re
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import asyncpg
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.conftest import execute, named
from tests.thorough import times
from tests.vault.db.test_roles import FUNCTIONS, TABLES
from tests.vault.signing_in import SEALED, Whose, address, make_logins, settle

REQUESTS = times(3_000, 10_000)
EXAMPLES, BATCH = times(42, 140), 50
"""Of those that name another tenant's things, which are most, two requests each."""
A, B, NOBODY = Whose("aaaaaaaa"), Whose("bbbbbbbb"), Whose("cccccccc")
ROLES = [role for role in TABLES if role != "dragoman_keys"]
"""Who rotates the root key wraps everybody's keys anew: it is no tenant's, and reads nothing."""
DAY = "vault.record_"

TABLE = (
    "SELECT * FROM {of}",
    "SELECT {columns} FROM {of}",
    "SELECT count(*) FROM {of}",
    "SELECT {columns} FROM {of} WHERE {whose} = '{tenant}'",
    "SELECT {columns} FROM {of} WHERE {of}::text LIKE '%{mark}%'",
    "SELECT {columns} FROM {of} WHERE {whose} <> vault.tenant_id()",
    "SELECT {columns} FROM {of} WHERE 1 / (CASE WHEN {whose} = '{tenant}' THEN 0 ELSE 1 END) = 1",
    "SELECT {columns} FROM {of} FOR UPDATE",
    "SELECT a.{whose} FROM {of} a FULL JOIN {of} b ON true",
    "TABLE {of}",
    "COPY {of} TO STDOUT",
    "COPY (SELECT {columns} FROM {of}) TO STDOUT",
    "DELETE FROM {of} WHERE {whose} = '{tenant}'",
    "DELETE FROM {of} RETURNING {columns}",
    "UPDATE {of} SET {whose} = '{tenant}'",
    "UPDATE {of} SET {changed} WHERE {whose} = '{tenant}'",
    "UPDATE {of} SET {changed} WHERE true RETURNING {columns}",
    "INSERT INTO {of} SELECT * FROM {of}",
    "INSERT INTO {of} ({whose}) VALUES ('{tenant}') ON CONFLICT DO NOTHING",
    "TRUNCATE {of}",
    "LOCK TABLE {of}",
    "SELECT most_common_vals::text FROM pg_stats WHERE schemaname || '.' || tablename = '{of}'",
)
"""Asked of every table, and of a day's part of the records."""

INSERTS = (
    "INSERT INTO vault.room_grant (tenant_id, room, principal, granted_by) VALUES ('{tenant}', '{room}', 'host', 'x')",
    "INSERT INTO vault.erasure (tenant_id, id, room, requested_by) VALUES ('{tenant}', '{erasure}', '{room}', 'x')",
    "INSERT INTO vault.residue VALUES ('{tenant}', '{dead}', '{meeting}', now()::date, 1)",
    "INSERT INTO vault.policy (tenant_id, name, version, source, translation, redacted, audit, proposed_by) VALUES"
    " ('{tenant}', '{policy}', 1, 'forever', 'forever', 'forever', 'forever', 'x')",
    "INSERT INTO vault_keys.hold (tenant_id, id, matter, placed_by) VALUES ('{tenant}', '{hold}', 'x', 'x')",
    "INSERT INTO vault_keys.tombstone (tenant_id, key_id, meeting_id, speaker_id, reason, records) VALUES"
    " ('{tenant}', '{dead}', '{meeting}', '{speaker}', 'x', 1)",
    "INSERT INTO vault_keys.tenant_key (tenant_id, purpose, version, wrapper_ref, wrapped) VALUES"
    " ('{tenant}', 'sign', 1, 'x', 'x')",
    "INSERT INTO vault_keys.tombstone (tenant_id, key_id, meeting_id, speaker_id, reason, records) VALUES"
    " (vault.tenant_id(), '{key}', '{meeting}', '{speaker}', 'x', 1)",
    "UPDATE vault_keys.data_key SET state = 'destroyed', wrapped = NULL, destroyed_at = now() WHERE id = '{key}'",
)

CALLS = (
    "SELECT vault.begin('{meeting}', '{policy}')",
    "SELECT vault.finish('{meeting}')",
    "SELECT vault.name_speaker('{meeting}', '{speaker}', '{subject}', 'A', '{key}', 'x')",
    "SELECT vault.store('{meeting}', ARRAY['{segment}']::uuid[], ARRAY['source'], ARRAY['en'], ARRAY[9],"
    " ARRAY['{speaker}']::uuid[], ARRAY['{dead}']::uuid[], ARRAY[now()], ARRAY[1.0], ARRAY[2.0], ARRAY['w'],"
    f" ARRAY[''], ARRAY[convert_to(repeat('n', {SEALED}), 'UTF8')])",
    "SELECT vault_keys.add('{meeting}', '{key}', '{speaker}', '{subject}', 'source', 1, 'x')",
    "SELECT vault_keys.add('{meeting}', '{dead}', '{speaker}', '{subject}', 'source', 1, 'x')",
    "SELECT * FROM vault.effective('{tenant}', '{policy}')",
    "SELECT vault.effective(vault.tenant_id(), '{policy}')",
    "SELECT * FROM vault.due_by('{tenant}', '{meeting}', 'source', now())",
    "SELECT vault.due_since('{tenant}', '{meeting}', 'source')",
    "SELECT vault.due_since(vault.tenant_id(), '{meeting}', 'source')",
    "SELECT vault.shortens(ROW('{tenant}', '{policy}', 2, '1 days', '1 days', '1 days', '1 days', 'off', '{{}}', 'a',"
    " now(), 'b', now(), now())::vault.policy)",
    "SELECT vault_keys.is_held('{tenant}', '{room}', '{meeting}', '{subject}')",
    "SELECT vault_keys.missing(ARRAY['{dead}', '{key}']::uuid[])",
    "SELECT vault_keys.gone(ARRAY['{dead}', '{key}']::uuid[])",
    "SELECT vault_keys.release('{hold}', 'x')",
    "SELECT vault_keys.release_again('{hold}', 'x', '2026-01-01')",
    "SELECT vault.readable('{meeting}', NULL, NULL)",
    "SELECT vault.readable(NULL, '{subject}', 'en')",
    "SELECT vault.readable(NULL, NULL, NULL)",
    "SELECT vault.opened(), vault.opened_names(), vault.opened_since('source')",
    "SELECT vault_audit.append('read', '{meeting}', 'allowed', '{{}}')",
    "SELECT * FROM vault_audit.forgettable()",
    "SELECT vault_audit.forget(1, 'x', 'x', 'x')",
    "SELECT vault_audit.digest(ROW(NULL, 1, '2026-01-01', 'a', 'b', 'c', 'd', '{{}}', 'x', 'x')::vault_audit.event)",
    "SELECT vault.tenant_id(), vault.principal(), vault.room(), vault.ticket()",
    "SELECT vault.drop_day('2020-01-01')",
    "SELECT vault.days()",
    "SELECT vault.ensure_day(vault.now()::date)",
    "SELECT vault.term(ROW('{tenant}', '{policy}', 2, 'forever', 'forever', 'forever', 'forever', 'off', '{{}}', 'a',"
    " now(), 'b', now(), now())::vault.policy, 'source')",
    "SELECT vault.own_meeting('{meeting}')",
    "SELECT vault.erased('{tenant}', '{room}', '{meeting}', '{subject}')",
)
"""Every function that knows of tenants; those that nobody may call too."""


@dataclass(frozen=True)
class Request:
    """Who asks, as whom, and what. The statement is of the other tenant's names."""

    role: str
    me: Whose
    said: str
    """`own`: the transaction says whose it is; `empty`: it says nobody's; `unset`: nothing was ever said."""
    room: str
    """`mine`, `theirs` or none."""
    ticket: int | None
    statement: str
    table: str = ""

    @property
    def other(self) -> Whose:
        return B if self.me is A else A

    @property
    def finds_everybody(self) -> bool:
        """The sweep has to know the tenants that there are: that one list is no secret from it."""
        return self.role == "dragoman_retention" and self.table == "vault.tenant"

    @property
    def names_another(self) -> bool:
        """Else it asks for all that there is."""
        return "{" in re.sub(r"{{|{(of|whose|columns|changed)}", "", self.statement) or self.room == "theirs"

    @property
    def only_reads(self) -> bool:
        return bool(self.table) and self.statement.startswith(("SELECT", "TABLE", "COPY", "LOCK"))

    def becomes(self, whose: Whose) -> str:
        """What the transaction says of itself before it asks."""
        if self.said == "unset":
            return f"SET LOCAL ROLE {self.role}"
        said = {
            "role": self.role,
            "app.tenant": self.me.names["tenant"] if self.said == "own" else "",
            "app.uid": "host",
            "app.room": {"mine": self.me.names["room"], "theirs": whose.names["room"], "": ""}[self.room],
            "app.ticket": "" if self.ticket is None else str(self.ticket),
        }
        settings = [f"set_config('{name}', '{value}', true)" for name, value in said.items()]
        return f"SELECT {', '.join(settings)}"

    def says(self, whose: Whose, columns: dict[tuple[str, str], str], changed: dict[tuple[str, str], str]) -> str:
        owner = "id" if self.table == "vault.tenant" else "tenant_id"
        shown = columns.get((self.role, self.table), owner)
        change = changed.get((self.role, self.table), f"{owner} = {owner}")
        return self.statement.format(**whose.names, of=self.table, whose=owner, columns=shown, changed=change)


class Vault:
    """A database with two tenants, and one connection for each state in which a role may ask."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._runner = asyncio.Runner()
        self._asking: asyncpg.Connection
        self._unset: asyncpg.Connection
        self.tables: list[str] = []
        self.columns: dict[tuple[str, str], str] = {}
        self.changed: dict[tuple[str, str], str] = {}
        self.asked: Counter[str] = Counter()
        self.rows: dict[Whose, str] = {}
        self._runner.run(self._open())

    async def _open(self) -> None:
        # A statement that another role prepared is not asked again whether this one may name the schema.
        self._asking = await asyncpg.connect(self._url, statement_cache_size=0)
        self._unset = await asyncpg.connect(self._url, statement_cache_size=0)
        for whose in (A, B):
            assert await settle(self._asking, whose) == 1
        rows = await self._asking.fetch(
            "SELECT oid::regclass::text FROM pg_class WHERE relkind IN ('r', 'p')"
            " AND relnamespace::regnamespace::text IN ('vault', 'vault_keys', 'vault_audit')"
        )
        self.tables = sorted(row[0] for row in rows)
        self.rows = {whose: await self._asking.fetchval(_ROWS, whose.mark) for whose in (A, B)}
        for role, tables in TABLES.items():
            for table, rights in tables.items():
                self._learn(role, table, rights)

    def _learn(self, role: str, table: str, rights: str) -> None:
        """What a role may name of a table without being refused for that alone."""
        if found := re.search(r"SELECT\(([^)]*)\)", rights):
            self.columns[role, table] = found[1]
        elif "SELECT" in rights:
            self.columns[role, table] = "*"
        if found := re.search(r"UPDATE\(([^)]*)\)", rights):
            column = found[1].split(", ")[0]
            self.changed[role, table] = f"{column} = {column}"

    def close(self) -> None:
        self._runner.run(self._asking.close())
        self._runner.run(self._unset.close())
        self._runner.close()

    def check(self, request: Request) -> None:
        self._runner.run(self._check(request))

    def do(self, statement: str) -> None:
        self._runner.run(self._asking.execute(statement))

    def told(self, request: Request) -> str:
        return self._runner.run(self._ask(request, request.other))

    async def _check(self, request: Request) -> None:
        other = request.other
        told = await self._ask(request, other)
        if request.finds_everybody:
            return
        if request.names_another:
            unknown = await self._ask(request, NOBODY)
            assert told.replace(other.mark, "?") == unknown.replace(NOBODY.mark, "?"), request
        else:
            assert other.mark not in told, request
        unsaid = told.replace(request.me.names["room"], "")  # which room it is in, a transaction may say
        assert request.said == "own" or request.me.mark not in unsaid, request

    async def _ask(self, request: Request, whose: Whose) -> str:
        """All that the request tells, its refusal too; the other tenant's rows are looked at, and all is taken back."""
        connection = self._unset if request.said == "unset" else self._asking
        self.asked[request.role] += 1
        await connection.execute(f"BEGIN; {request.becomes(whose)}")
        try:
            told = await self._tell(connection, request.says(whose, self.columns, self.changed))
            if not (told.startswith("refused") or request.only_reads):
                await connection.execute("RESET ROLE")
                assert await connection.fetchval(_ROWS, request.other.mark) == self.rows[request.other], request
            return told
        finally:
            await connection.execute("ROLLBACK")

    async def _tell(self, connection: asyncpg.Connection, statement: str) -> str:
        try:
            if statement.startswith("COPY"):
                return await self._copy(connection, statement)
            return _plain([tuple(row) for row in await connection.fetch(statement)])
        except asyncpg.PostgresError as error:
            return _THEN.sub("then", f"refused {error.sqlstate}: {error} {error.detail}")

    @staticmethod
    async def _copy(connection: asyncpg.Connection, statement: str) -> str:
        lines: list[bytes] = []

        async def take(line: bytes) -> None:
            lines.append(line)

        what = statement.removeprefix("COPY ").removesuffix(" TO STDOUT")
        if what.startswith("("):
            await connection.copy_from_query(what[1:-1], output=take)
        else:
            schema, _, table = what.partition(".")
            await connection.copy_from_table(table, schema_name=schema, output=take)
        return b"".join(lines).decode()


_ROWS = """
    SELECT md5(string_agg(x, '|' ORDER BY x)) FROM (
      SELECT t::text FROM vault.tenant t UNION ALL SELECT t::text FROM vault.policy t
      UNION ALL SELECT t::text FROM vault.meeting t UNION ALL SELECT t::text FROM vault.speaker t
      UNION ALL SELECT t::text FROM vault.record t UNION ALL SELECT t::text FROM vault.room_grant t
      UNION ALL SELECT t::text FROM vault.erasure t UNION ALL SELECT t::text FROM vault.residue t
      UNION ALL SELECT t::text FROM vault_keys.tenant_key t UNION ALL SELECT t::text FROM vault_keys.data_key t
      UNION ALL SELECT t::text FROM vault_keys.tombstone t UNION ALL SELECT t::text FROM vault_keys.hold t
      UNION ALL SELECT t::text FROM vault_audit.event t UNION ALL SELECT t::text FROM vault_audit.head t
      UNION ALL SELECT t::text FROM vault_audit.checkpoint t) AS all_of_it (x)
    WHERE starts_with(x, '(' || $1)"""
"""A digest of all rows that begin with a tenant's mark, as each does whose first column is the tenant's id."""


_THEN = re.compile(r"datetime\.datetime\([^)]*\)+|\d{4}-\d\d-\d\d \d\d:\d\d:[\d.+]+")
"""Times are what they are by the clock, and say nothing of a tenant."""


def _plain(rows: list[tuple[Any, ...]]) -> str:
    shown = [tuple(each.decode("utf8", "replace") if isinstance(each, bytes) else each for each in row) for row in rows]
    return _THEN.sub("then", str(sorted(map(str, shown))))


@pytest.fixture(scope="session")
def vault(postgres: str, all_tables: str) -> Iterator[Vault]:
    """Of its own: the checks look at all rows."""

    async def make() -> None:
        await execute(postgres, f"CREATE DATABASE promise_13 TEMPLATE {all_tables}")
        await make_logins(named(postgres, "promise_13"))

    asyncio.run(make())
    vault = Vault(named(postgres, "promise_13"))
    yield vault
    vault.close()


def requests(tables: list[str]) -> st.SearchStrategy[Request]:
    asked = st.one_of(
        st.tuples(st.sampled_from(TABLE), st.sampled_from(tables)),
        st.tuples(st.sampled_from(INSERTS + CALLS), st.just("")),
    )
    return st.builds(
        lambda what, **who: Request(statement=what[0], table=what[1], **who),
        asked,
        role=st.sampled_from(ROLES),
        me=st.sampled_from([A, B]),
        said=st.sampled_from(["own", "own", "empty", "unset"]),
        room=st.sampled_from(["mine", "theirs", ""]),
        ticket=st.sampled_from([1, None, 2]),
    )


def test_promise_13_tenants_are_isolated(vault: Vault) -> None:
    tables = vault.tables

    @settings(
        max_examples=EXAMPLES,
        phases=[Phase.generate],  # a request that fails is shown by itself
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(st.lists(requests(tables), min_size=BATCH, max_size=BATCH))
    def ask(batch: list[Request]) -> None:
        for request in batch:
            vault.check(request)

    vault.asked.clear()
    ask()

    assert sum(vault.asked.values()) >= REQUESTS
    assert set(vault.asked) == set(ROLES)


@pytest.mark.parametrize("role", ROLES)
def test_promise_13_of_every_statement_once(vault: Vault, role: str) -> None:
    """What chance may have left out: each statement of each table, as whose it is and as nobody's."""
    asked = [(statement, table) for statement in TABLE for table in vault.tables]
    asked += [(statement, "") for statement in INSERTS + CALLS]

    for statement, table in asked:
        for said in ("own", "empty", "unset"):
            vault.check(Request(role, A, said, "theirs" if not table else "mine", 1, statement, table))


def test_promise_13_leaves_out_no_function_that_a_role_may_call(vault: Vault) -> None:
    called = {name for statement in CALLS + TABLE for name in re.findall(r"(vault\w*\.\w+)\(", statement)}
    timeless = {"vault.is_term", "vault.now", "vault.surely", "vault.since", "vault.ended", "vault.shorter"}

    mine = {name.partition("(")[0] for role in ROLES for name in FUNCTIONS[role]}

    assert mine - called <= timeless  # they are told all that they answer from


LEAK = "vault.effective(uuid, text, timestamptz)"


def test_promise_13_would_notice_a_function_that_answers_for_others(vault: Vault) -> None:
    request = Request("dragoman_web", A, "own", "mine", 1, "SELECT * FROM vault.effective('{tenant}', '{policy}')")
    vault.check(request)

    vault.do(f"ALTER FUNCTION {LEAK} SECURITY DEFINER")
    with pytest.raises(AssertionError):
        vault.check(request)
    vault.do(f"ALTER FUNCTION {LEAK} SECURITY INVOKER")

    vault.check(request)


OWN = {
    "dragoman_agent": "vault.policy",
    "dragoman_web": "vault.record",
    "dragoman_retention": "vault.record",
    "dragoman_auditor": "vault_audit.event",
}


@pytest.mark.parametrize("role", ROLES)
def test_promise_13_hides_nobodys_own_rows(vault: Vault, role: str) -> None:
    """Else it would be kept by showing nothing at all."""
    request = Request(role, A, "own", "mine", 1, "SELECT {columns} FROM {of}", OWN[role])

    assert A.mark in vault.told(request)


@pytest.mark.parametrize("table", ["vault.policy", "vault.record", "vault_keys.data_key"])
async def test_a_statement_that_was_prepared_as_one_tenant_is_the_next_ones_as_its_own(
    vault: Vault, postgres: str, table: str
):
    connection = await asyncpg.connect(address(named(postgres, "promise_13"), "web"))
    seen: list[str] = []

    for whose in [A] * 7 + [B] * 7 + [A]:  # from the sixth time on the plan is kept for all
        async with connection.transaction():
            await connection.execute(Request("dragoman_web", whose, "own", "", 1, "").becomes(whose))
            if not seen:
                await connection.execute(f"PREPARE mine AS SELECT tenant_id FROM {table}")
            seen.append("".join(str(row[0])[:1] for row in await connection.fetch("EXECUTE mine")))
    await connection.close()

    assert [set(each) for each in seen] == [{"a"}] * 7 + [{"b"}] * 7 + [{"a"}]


@pytest.mark.parametrize("role", ["agent", "web", "retention", "auditor"])
async def test_a_login_takes_on_no_other_role_and_reads_no_day_by_its_own_name(vault: Vault, postgres: str, role: str):
    connection = await asyncpg.connect(address(named(postgres, "promise_13"), role))
    [day] = [table for table in vault.tables if table.startswith(DAY)][:1]
    others = [other for other in (*TABLES, "postgres", "pg_read_all_data", "pg_execute_server_program")]
    await connection.execute(f"SET ROLE dragoman_{role}")
    refused = []
    for statement in (
        f"SELECT * FROM {day}",
        f"COPY {day} TO STDOUT",
        f"SELECT count(*) FROM {day}",
        "COPY vault.record TO PROGRAM 'true'",
    ):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await connection.execute(statement)
    for other in others:
        with suppress(asyncpg.InsufficientPrivilegeError):
            await connection.execute(f"SET ROLE {other}")
            continue
        refused.append(other)
    await connection.close()

    assert set(others) - set(refused) == {f"dragoman_{role}"}
