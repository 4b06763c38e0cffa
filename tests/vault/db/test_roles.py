"""What each of the roles may do: every right that there is, and that none of them can do more.

A change of the migrations that gives a right or takes one away must change the tables here as well.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import pytest
from pydantic import SecretStr
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from agent.vault.db.pool import Pool, Role
from tests.vault.signing_in import SEALED, Whose, address, make_logins, settle

SCHEMAS = ("vault", "vault_keys", "vault_audit")
TABLES: Mapping[str, Mapping[str, str]] = {
    "dragoman_agent": {
        "vault.policy": "SELECT",
        "vault.tenant": "SELECT",
        "vault_keys.tenant_key": "INSERT SELECT",
    },
    "dragoman_web": {
        "vault.erasure": "INSERT SELECT",
        "vault.meeting": "SELECT",
        "vault.policy": "INSERT SELECT UPDATE(approved_at, approved_by, effective_from)",
        "vault.record": "SELECT",
        "vault.room_grant": "DELETE INSERT SELECT",
        "vault.speaker": "SELECT",
        "vault.tenant": "SELECT UPDATE(default_policy, stricter)",
        "vault_keys.data_key": "SELECT",
        "vault_keys.hold": "INSERT SELECT",
        "vault_keys.tenant_key": "INSERT SELECT",
    },
    "dragoman_retention": {
        "vault.erasure": "INSERT SELECT UPDATE(done_at, receipt, state)",
        "vault.meeting": "SELECT UPDATE(destroyed_at, ended_at)",
        "vault.policy": "INSERT SELECT UPDATE(approved_at, approved_by, effective_from)",
        "vault.record": "DELETE SELECT(day, key_id, kind, lang, meeting_id, rev, said_at, segment_id, speaker_id,"
        " stored_at, tenant_id)",
        "vault.residue": "DELETE INSERT SELECT UPDATE",
        "vault.speaker": "DELETE SELECT(id, key_id, meeting_id, subject, tenant_id, voice)",
        "vault.tenant": "SELECT UPDATE(default_policy, stricter)",
        "vault_audit.head": "SELECT",
        "vault_keys.data_key": "MAINTAIN SELECT(created_at, destroyed_at, id, kind, meeting_id, room, speaker_id,"
        " state, subject, tenant_id, tenant_key_version) UPDATE(destroyed_at, state, wrapped)",
        "vault_keys.hold": "INSERT SELECT",
        "vault_keys.tenant_key": "INSERT SELECT",
        "vault_keys.tombstone": "INSERT SELECT",
    },
    "dragoman_keys": {
        "vault_keys.data_key": "SELECT(id, meeting_id, speaker_id, state, tenant_id, tenant_key_version, wrapped)"
        " UPDATE(tenant_key_version, wrapped)",
        "vault_keys.tenant_key": "INSERT SELECT UPDATE(state, wrapped, wrapper_ref)",
    },
    "dragoman_auditor": {
        "vault_audit.checkpoint": "SELECT",
        "vault_audit.event": "SELECT",
        "vault_audit.head": "SELECT",
    },
}
"""All that is granted on a table or a column of one, in the three schemas, to anybody but the owner."""

_ALL = {"vault.now", "vault.principal", "vault.room", "vault.tenant_id", "vault.ticket", "vault_keys.missing"}
FUNCTIONS: Mapping[str, set[str]] = {
    "dragoman_agent": _ALL
    | {"vault.begin", "vault.effective", "vault.finish", "vault.name_speaker", "vault.store"}
    | {"vault_audit.append", "vault_keys.add"},
    "dragoman_web": _ALL
    | {"vault.effective", "vault.is_term", "vault.opened", "vault.opened_names", "vault.opened_since", "vault.readable"}
    | {"vault.shortens", "vault.shorter(text, text)", "vault.shorter(vault.policy, vault.policy)"}
    | {"vault_audit.append", "vault_keys.gone", "vault_keys.release"},
    "dragoman_retention": _ALL
    | {"vault.days", "vault.drop_day", "vault.due_by", "vault.due_since", "vault.effective", "vault.ended"}
    | {"vault.ensure_day", "vault.is_term", "vault.since", "vault.surely", "vault.term"}
    | {"vault.shortens", "vault.shorter(text, text)", "vault.shorter(vault.policy, vault.policy)"}
    | {"vault_audit.append", "vault_audit.forget", "vault_audit.forgettable"}
    | {"vault_keys.gone", "vault_keys.is_held", "vault_keys.release", "vault_keys.release_again"},
    "dragoman_keys": {"vault_audit.append"},
    "dragoman_auditor": _ALL | {"vault_audit.digest"},
}
"""All that anybody but the owner may call there."""

NARROWED = {
    ("vault.meeting", "granted", "RESTRICTIVE", "SELECT", "dragoman_web"),
    ("vault.record", "granted", "RESTRICTIVE", "SELECT", "dragoman_web"),
    ("vault.speaker", "granted", "RESTRICTIVE", "SELECT", "dragoman_web"),
    ("vault.tenant", "every_tenant", "PERMISSIVE", "SELECT", "dragoman_retention"),
    ("vault_keys.data_key", "every_tenant", "PERMISSIVE", "ALL", "dragoman_keys"),
    ("vault_keys.tenant_key", "every_tenant", "PERMISSIVE", "ALL", "dragoman_keys"),
    ("vault_keys.data_key", "granted", "RESTRICTIVE", "SELECT", "dragoman_web"),
    ("vault_keys.tenant_key", "never_unwraps", "RESTRICTIVE", "ALL", "dragoman_retention"),
}
"""What row-level security says beside `own_tenant`, which every table has.

The sweep finds whom it is to visit, and who rotates the root key wraps everybody's keys anew.
"""


async def table_rights(owner: asyncpg.Connection) -> dict[str, dict[str, str]]:
    """By role and table, as `RIGHT(columns) RIGHT`; partitions and what belongs to nobody's role too."""
    rows = await owner.fetch(
        """
        WITH rights AS (
          SELECT c.oid, a.grantee, a.privilege_type AS may, NULL AS col
          FROM pg_class c, aclexplode(coalesce(c.relacl, acldefault('r', c.relowner))) a WHERE a.grantee <> c.relowner
          UNION ALL
          SELECT c.oid, a.grantee, a.privilege_type, t.attname
          FROM pg_class c JOIN pg_attribute t ON t.attrelid = c.oid, aclexplode(t.attacl) a
          WHERE a.grantee <> c.relowner)
        SELECT coalesce(r.rolname, 'PUBLIC') AS role, x.oid::regclass::text AS what, may,
          string_agg(col, ', ' ORDER BY col) AS columns
        FROM rights x JOIN pg_class c ON c.oid = x.oid LEFT JOIN pg_roles r ON r.oid = x.grantee
        WHERE c.relnamespace::regnamespace::text = ANY ($1) AND c.relkind <> 'i' GROUP BY 1, 2, 3 ORDER BY 1, 2, 3
        """,
        SCHEMAS,
    )
    found: dict[str, dict[str, list[str]]] = {}
    for row in rows:
        right = row["may"] + (f"({row['columns']})" if row["columns"] else "")
        found.setdefault(row["role"], {}).setdefault(row["what"], []).append(right)
    return {role: {what: " ".join(rights) for what, rights in whats.items()} for role, whats in found.items()}


async def function_rights(owner: asyncpg.Connection) -> dict[str, set[str]]:
    """By role, the functions that it may call; of those of one name, each by its arguments."""
    rows = await owner.fetch(
        """
        SELECT coalesce(r.rolname, 'PUBLIC') AS role, p.pronamespace::regnamespace || '.' || p.proname
          || CASE WHEN count(*) OVER (PARTITION BY p.pronamespace, p.proname, a.grantee) > 1
             THEN '(' || oidvectortypes(p.proargtypes) || ')' ELSE '' END AS what
        FROM pg_proc p CROSS JOIN aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) a
          LEFT JOIN pg_roles r ON r.oid = a.grantee
        WHERE p.pronamespace::regnamespace::text = ANY ($1) AND a.grantee <> p.proowner
        """,
        SCHEMAS,
    )
    found: dict[str, set[str]] = {}
    for row in rows:
        found.setdefault(row["role"], set()).add(row["what"])
    return found


async def policies(owner: asyncpg.Connection) -> set[tuple[str, ...]]:
    """Of row-level security: table, name, whether it adds or narrows, for what and whom; the tenant's own are apart."""
    rows = await owner.fetch(
        "SELECT schemaname || '.' || tablename, policyname, permissive, cmd, array_to_string(roles, ' ')"
        " FROM pg_policies WHERE schemaname = ANY ($1) AND policyname <> 'own_tenant'",
        SCHEMAS,
    )
    return {tuple(map(str, row)) for row in rows}


@pytest.fixture
async def owner(database_url: str) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(database_url)
    await connection.execute("SELECT vault.ensure_day(vault.now()::date)")
    yield connection
    await connection.close()


# --- every right there is


async def test_every_right_on_a_table_or_a_column_is_one_that_was_meant(owner: asyncpg.Connection):
    assert await table_rights(owner) == TABLES


async def test_every_function_that_somebody_may_call_is_one_that_was_meant(owner: asyncpg.Connection):
    assert await function_rights(owner) == FUNCTIONS


async def test_every_table_has_row_level_security_those_of_a_day_too(owner: asyncpg.Connection):
    bare = await owner.fetch(
        "SELECT oid::regclass::text FROM pg_class WHERE relnamespace::regnamespace::text = ANY ($1)"
        " AND relkind IN ('r', 'p') AND NOT relrowsecurity",
        SCHEMAS,
    )
    days = await owner.fetchval("SELECT count(*) FROM pg_inherits WHERE inhparent = 'vault.record'::regclass")

    assert bare == []
    assert days > 0


async def test_every_table_is_divided_by_tenant_and_narrowed_as_was_meant(owner: asyncpg.Connection):
    undivided = await owner.fetch(
        "SELECT oid::regclass FROM pg_class c WHERE relnamespace::regnamespace::text = ANY ($1)"
        " AND relkind IN ('r', 'p') AND NOT relispartition"
        " AND NOT EXISTS (SELECT FROM pg_policy WHERE polrelid = c.oid AND polname = 'own_tenant'"
        " AND polpermissive AND polcmd = '*' AND pg_get_expr(polqual, c.oid) LIKE '(%id = vault.tenant_id())'"
        " AND pg_get_expr(polqual, c.oid) = pg_get_expr(polwithcheck, c.oid))",
        SCHEMAS,
    )

    assert undivided == []
    assert await policies(owner) == NARROWED


async def test_every_unique_key_begins_with_the_tenant(owner: asyncpg.Connection):
    """Else a duplicate would tell of another tenant's row. A tenant's name is given by who sets the servers up."""
    others = await owner.fetch(
        "SELECT indexrelid::regclass::text FROM pg_index i JOIN pg_class c ON c.oid = i.indrelid"
        " JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = i.indkey[0]"
        " WHERE c.relnamespace::regnamespace::text = ANY ($1) AND i.indisunique AND a.attname <> 'tenant_id'",
        SCHEMAS,
    )

    assert {row[0] for row in others} == {"vault.pk_tenant", "vault.uq_tenant_name"}


async def test_there_is_nothing_but_tables_that_a_right_could_hide_in(owner: asyncpg.Connection):
    kinds = await owner.fetch(
        "SELECT DISTINCT relkind::text FROM pg_class WHERE relnamespace::regnamespace::text = ANY ($1)", SCHEMAS
    )

    # Tables, divided tables and their indexes: no view, which would read as its owner, and no sequence.
    assert {row[0] for row in kinds} <= {"r", "p", "i", "I"}


async def test_the_public_has_nothing(owner: asyncpg.Connection):
    schemas = await owner.fetch(
        "SELECT nspname FROM pg_namespace, aclexplode(coalesce(nspacl, acldefault('n', nspowner))) a"
        " WHERE nspname = ANY ($1) AND a.grantee = 0",
        SCHEMAS,
    )

    assert schemas == []
    assert "PUBLIC" not in await table_rights(owner)
    assert "PUBLIC" not in await function_rights(owner)
    assert not await owner.fetchval("SELECT has_schema_privilege('dragoman_web', 'public', 'CREATE')")


async def test_the_roles_own_nothing_and_are_members_of_nothing_that_reads(owner: asyncpg.Connection):
    roles = list(TABLES)
    strong = await owner.fetch(
        "SELECT rolname FROM pg_roles WHERE rolname = ANY ($1)"
        " AND (rolsuper OR rolbypassrls OR rolcreaterole OR rolcreatedb OR rolreplication OR rolcanlogin)",
        roles,
    )
    owned = await owner.fetch(
        "SELECT objid FROM pg_shdepend WHERE deptype = 'o'"
        " AND refobjid = ANY (SELECT oid FROM pg_roles WHERE rolname = ANY ($1))",
        roles,
    )
    member = await owner.fetch(
        "SELECT member::regrole::text, roleid::regrole::text FROM pg_auth_members"
        " WHERE member::regrole::text = ANY ($1)",
        roles,
    )

    assert (strong, owned) == ([], [])
    assert {tuple(row) for row in member} <= {("dragoman_retention", "pg_checkpoint")}


async def test_functions_that_act_as_the_owner_fix_where_they_look(owner: asyncpg.Connection):
    acting = await owner.fetch(
        "SELECT oid::regprocedure::text, proconfig FROM pg_proc"
        " WHERE prosecdef AND pronamespace::regnamespace::text = ANY ($1)",
        SCHEMAS,
    )

    assert len(acting) > 10
    for name, settings in acting:
        [path] = [each.partition("=")[2] for each in settings or () if each.startswith("search_path=")]
        schemas = path.split(", ")
        assert schemas[-1] == "pg_temp", name
        assert set(schemas[:-1]) <= set(SCHEMAS), name


async def test_nothing_that_acts_as_the_owner_is_told_by_who_calls_it_whose_it_is(owner: asyncpg.Connection):
    told = await owner.fetch(
        "SELECT p.oid::regprocedure::text FROM pg_proc p, aclexplode(p.proacl) a"
        " WHERE prosecdef AND a.grantee <> p.proowner AND pronamespace::regnamespace::text = ANY ($1)"
        " AND (p.proargnames && ARRAY['t', 'tenant', 'p_tenant', 'tenant_id'])",
        SCHEMAS,
    )

    assert told == []


# --- what they can't do: a meeting of one tenant, each role under a login of its own


class House:
    """A tenant with a row in every table, and a pool for each role."""

    def __init__(self, whose: Whose, pools: Mapping[Role, Pool], ticket: int) -> None:
        self.whose = whose
        self.names = whose.names
        self.pools = pools
        self.ticket = ticket
        self.tenant = UUID(self.names["tenant"])

    async def ask(
        self, role: Role, statement: str, of: str = "", tenant: UUID | None = None, **said: Any
    ) -> list[tuple[Any, ...]]:
        """The rows, in a transaction of that role; the statement may name what is the tenant's, and is `of` a table."""
        async with self.pools[role].transaction(tenant or self.tenant, **said) as connection:
            found = await connection.execute(text(statement.format(**self.names, of=of)))
            return [tuple(row) for row in found] if found.returns_rows else [(found.rowcount,)]

    async def refused(self, role: Role, statement: str, of: str = "", **said: Any) -> str:
        """With which SQLSTATE."""
        with pytest.raises(DBAPIError) as refused:
            await self.ask(role, statement, of, **said)
        return str(getattr(refused.value.orig, "sqlstate", None))


CONTENT = ("vault.record", "vault.speaker", "vault.meeting", "vault_keys.data_key", "vault_audit.event")
DENIED, WRONG_ROOM, HELD = "42501", "P0R01", "P0H01"


@pytest.fixture
async def settled(owner: asyncpg.Connection, database_url: str) -> AsyncIterator[House]:
    """A house with names of its own: what is destroyed and what is logged in it is not taken back."""
    await make_logins(database_url)
    whose = Whose(uuid4().hex[:8])
    ticket = await settle(owner, whose)
    await owner.execute("UPDATE vault_keys.hold SET room = 'another' WHERE id = $1", UUID(whose.names["hold"]))
    pools = {role: Pool(SecretStr(address(database_url, role.name.lower())), role, size=1) for role in Role}
    yield House(whose, pools, ticket)
    for pool in pools.values():
        await pool.close()


STORE = (
    "SELECT vault.store('{meeting}', ARRAY['{segment}']::uuid[], ARRAY['source'], ARRAY['en'], ARRAY[REV],"
    " ARRAY['{speaker}']::uuid[], ARRAY['{key}']::uuid[], ARRAY[now()], ARRAY[1.0], ARRAY[2.0], ARRAY['w'], ARRAY[''],"
    " ARRAY[convert_to(repeat('n', SIZE), 'UTF8')])"
).replace("SIZE", str(SEALED))


async def test_the_replay_of_an_older_revision_is_ignored_and_a_newer_one_stays(
    settled: House, owner: asyncpg.Connection
):
    kept = "SELECT rev, get_byte(sealed, 0) FROM vault.record WHERE tenant_id = $1"

    await settled.ask(Role.AGENT, STORE.replace("REV", "2"), room=settled.names["room"])
    older = await owner.fetchrow(kept, settled.tenant)
    await settled.ask(Role.AGENT, STORE.replace("REV", "4"), room=settled.names["room"])
    newer = await owner.fetchrow(kept, settled.tenant)

    assert tuple(older) == (3, ord(settled.whose.mark[0]))
    assert tuple(newer) == (4, ord("n"))


@pytest.mark.parametrize("table", CONTENT)
async def test_the_agent_reads_nothing_back_and_takes_nothing_away(settled: House, table: str):
    room = settled.names["room"]

    assert await settled.refused(Role.AGENT, "SELECT count(*) FROM {of}", table, room=room) == DENIED
    assert await settled.refused(Role.AGENT, "DELETE FROM {of}", table, room=room) == DENIED
    assert await settled.refused(Role.AGENT, "UPDATE {of} SET tenant_id = tenant_id", table, room=room) == DENIED
    assert await settled.refused(Role.AGENT, "INSERT INTO {of} SELECT * FROM {of}", table, room=room) == DENIED


async def test_an_agent_of_one_room_adds_nothing_to_anothers_meeting(settled: House):
    for room in ("another-room", ""):
        assert await settled.refused(Role.AGENT, STORE.replace("REV", "4"), room=room) == WRONG_ROOM
        name = "SELECT vault.name_speaker('{meeting}', '{speaker}', '{subject}', 'A', '{key}', 'x')"
        assert await settled.refused(Role.AGENT, name, room=room) == WRONG_ROOM
    assert (
        await settled.refused(Role.AGENT, "SELECT vault.begin('{meeting}', '{policy}')", room="another-room")
        == WRONG_ROOM
    )


async def test_an_agent_of_another_tenant_adds_nothing_to_this_ones_meeting(settled: House):
    refused = await settled.refused(Role.AGENT, STORE.replace("REV", "4"), tenant=uuid4(), room=settled.names["room"])

    assert refused == WRONG_ROOM


async def test_an_agent_cannot_end_anothers_meeting(settled: House, owner: asyncpg.Connection):
    await settled.ask(Role.AGENT, "SELECT vault.finish('{meeting}')", room="another-room")
    other = await owner.fetchval("SELECT ended_at FROM vault.meeting WHERE tenant_id = $1", settled.tenant)
    await settled.ask(Role.AGENT, "SELECT vault.finish('{meeting}')", room=settled.names["room"])

    assert other is None
    assert await owner.fetchval("SELECT ended_at FROM vault.meeting WHERE tenant_id = $1", settled.tenant)


async def test_the_web_reads_what_was_granted_once_the_log_says_so(settled: House):
    count = "SELECT count(*) FROM vault.record"
    ticket = settled.ticket

    assert await settled.ask(Role.WEB, count, principal="host", ticket=ticket) == [(1,)]
    assert await settled.ask(Role.WEB, count, principal="host") == [(0,)]
    assert await settled.ask(Role.WEB, count, principal="ana", ticket=ticket) == [(0,)]
    assert await settled.ask(Role.WEB, count, principal="host", ticket=ticket + 1) == [(0,)]
    assert await settled.ask(Role.WEB, count, tenant=uuid4(), principal="host", ticket=ticket) == [(0,)]


async def test_what_is_granted_no_more_is_read_no_more_with_the_same_line_of_the_log(settled: House):
    await settled.ask(Role.WEB, "DELETE FROM vault.room_grant WHERE principal = 'host'")

    for table in ("vault.record", "vault.speaker", "vault.meeting", "vault_keys.data_key"):
        found = await settled.ask(Role.WEB, "SELECT count(*) FROM {of}", table, principal="host", ticket=settled.ticket)
        assert found == [(0,)], table


async def test_a_line_that_is_not_committed_opens_nothing(settled: House):
    line = "SELECT set_config('app.ticket', vault_audit.append('read', '{meeting}', 'allowed', '{{}}')::text, true)"

    async with settled.pools[Role.WEB].transaction(settled.tenant, principal="host") as connection:
        await connection.execute(text(line.format(**settled.names)))
        found = (await connection.execute(text("SELECT count(*) FROM vault.record"))).scalar()

    assert found == 0


async def test_no_line_of_the_log_that_somebody_else_wrote_opens_anything(settled: House):
    [(other,)] = await settled.ask(
        Role.WEB, "SELECT vault_audit.append('read', '{meeting}', 'allowed', '{{}}')", principal="ana"
    )
    [(denied,)] = await settled.ask(
        Role.WEB, "SELECT vault_audit.append('read', '{meeting}', 'denied', '{{}}')", principal="host"
    )

    for ticket in (other, denied):
        found = await settled.ask(Role.WEB, "SELECT count(*) FROM vault.record", principal="host", ticket=ticket)
        assert found == [(0,)]


@pytest.mark.parametrize("table", CONTENT)
async def test_the_web_changes_nothing_that_is_kept(settled: House, table: str):
    said = {"principal": "host", "ticket": settled.ticket}

    assert await settled.refused(Role.WEB, "UPDATE {of} SET tenant_id = tenant_id", table, **said) == DENIED
    assert await settled.refused(Role.WEB, "DELETE FROM {of}", table, **said) == DENIED
    assert await settled.refused(Role.WEB, "TRUNCATE {of}", table, **said) == DENIED


SECRETS = ("vault.record.sealed", "vault.record.tags", "vault.speaker.sealed", "vault_keys.data_key.wrapped")


@pytest.mark.parametrize("column", SECRETS)
async def test_retention_reads_neither_a_text_nor_a_name_nor_a_key(settled: House, column: str):
    table, _, name = column.rpartition(".")

    for statement in ("SELECT COLUMN FROM {of}", "SELECT * FROM {of}", "DELETE FROM {of} RETURNING COLUMN"):
        assert await settled.refused(Role.RETENTION, statement.replace("COLUMN", name), table) == DENIED


async def test_retention_has_the_key_that_signs_and_none_that_opens(settled: House):
    assert await settled.ask(Role.RETENTION, "SELECT purpose FROM vault_keys.tenant_key ORDER BY 1") == [
        ("index",),
        ("sign",),
    ]


DESTROY = (
    "UPDATE vault_keys.data_key SET state = 'destroyed', wrapped = NULL, destroyed_at = vault.now() WHERE id = '{key}'"
)


async def test_retention_destroys_no_key_of_a_held_room_and_so_no_row(settled: House, owner: asyncpg.Connection):
    hold = "UPDATE vault_keys.hold SET room = $1 WHERE placed_by = $2"
    await owner.execute(hold, settled.names["room"], settled.whose.mark)

    assert await settled.refused(Role.RETENTION, DESTROY) == HELD
    assert await settled.refused(Role.RETENTION, "DELETE FROM vault.record") == "P0K04"
    assert await settled.refused(Role.RETENTION, "DELETE FROM vault.speaker") == "P0K04"
    overwrite = "UPDATE vault_keys.data_key SET wrapped = 'x' WHERE id = '{key}'"
    assert await settled.refused(Role.RETENTION, overwrite) == "P0K05"
    assert await settled.refused(Role.RETENTION, "UPDATE vault_keys.hold SET room = 'elsewhere'") == DENIED
    assert await settled.refused(Role.RETENTION, "DELETE FROM vault_keys.hold") == DENIED


async def test_rows_go_after_their_key(settled: House):
    assert await settled.refused(Role.RETENTION, "DELETE FROM vault.record") == "P0K04"

    await settled.ask(Role.RETENTION, DESTROY)

    assert await settled.ask(Role.RETENTION, "DELETE FROM vault.record") == [(1,)]


async def test_no_key_is_destroyed_in_a_transaction_that_would_not_see_a_hold(settled: House, database_url: str):
    """The guard looks after it has the lock; a snapshot from before the lock would show no hold."""
    connection = await asyncpg.connect(address(database_url, "retention"))
    for level in ("REPEATABLE READ", "SERIALIZABLE"):
        await connection.execute(f"BEGIN ISOLATION LEVEL {level}; SET LOCAL ROLE dragoman_retention")
        await connection.execute("SELECT set_config('app.tenant', $1, true)", settled.names["tenant"])
        with pytest.raises(asyncpg.PostgresError) as refused:
            await connection.execute(DESTROY.format(**settled.names))
        assert refused.value.sqlstate == "P0K03"
        await connection.execute("ROLLBACK")
    await connection.close()

    async with settled.pools[Role.RETENTION].transaction(settled.tenant) as pooled:
        assert (await pooled.execute(text("SHOW transaction_isolation"))).scalar() == "read committed"


async def test_what_is_destroyed_stays_so_for_the_owner_too(settled: House, owner: asyncpg.Connection):
    for statement in (
        "UPDATE vault_keys.data_key SET state = 'active', wrapped = 'x', destroyed_at = NULL WHERE id = '{dead}'",
        "DELETE FROM vault_keys.data_key WHERE id = '{dead}'",
        "TRUNCATE vault_keys.data_key",
        "UPDATE vault_keys.tombstone SET records = 0 WHERE tenant_id = '{tenant}'",
        "DELETE FROM vault_keys.tombstone WHERE tenant_id = '{tenant}'",
        "TRUNCATE vault_keys.tombstone",
        "UPDATE vault_audit.event SET actor = 'x' WHERE tenant_id = '{tenant}'",
        "DELETE FROM vault_audit.event WHERE tenant_id = '{tenant}'",
        "TRUNCATE vault_audit.event",
        "DELETE FROM vault_keys.hold WHERE tenant_id = '{tenant}'",
    ):
        with pytest.raises(asyncpg.PostgresError) as refused:
            await owner.execute(statement.format(**settled.names))
        assert str(refused.value.sqlstate).startswith("P0"), statement


@pytest.mark.parametrize(
    "values",
    [
        "NULL, now() + interval '1 hour'",
        "'too short', now() + interval '1 hour'",
        "repeat('r', 20), NULL",
        "repeat('r', 20), now() + interval '1 day'",
    ],
)
async def test_glass_is_not_broken_without_a_reason_and_an_end(settled: House, values: str):
    grant = (
        "INSERT INTO vault.room_grant (tenant_id, room, principal, break_glass, granted_by, reason, expires_at)"
        " VALUES ('{tenant}', '{room}', 'ana', true, 'ben', {of})"
    )

    assert await settled.refused(Role.WEB, grant, values) == "23514"


async def test_the_auditor_sees_the_log_and_nothing_else(settled: House):
    assert len(await settled.ask(Role.AUDITOR, "SELECT * FROM vault_audit.event")) == 1
    for table in (
        "vault.record",
        "vault.meeting",
        "vault.tenant",
        "vault.policy",
        "vault_keys.data_key",
        "vault_keys.hold",
    ):
        assert await settled.refused(Role.AUDITOR, "SELECT count(*) FROM {of}", table) == DENIED
    for statement in ("SELECT vault_audit.append('read', 'x', 'allowed', '{{}}')", "DELETE FROM vault_audit.event"):
        assert await settled.refused(Role.AUDITOR, statement) == DENIED


async def test_a_pooled_connection_carries_nothing_over(settled: House):
    pool = settled.pools[Role.WEB]
    who = "SELECT pg_backend_pid(), vault.tenant_id(), vault.principal(), vault.room(), vault.ticket()"

    [(first, *_)] = await settled.ask(Role.WEB, who, principal="host", room="r", ticket=settled.ticket)
    async with pool.session() as bare:
        found = (await bare.execute(text("SELECT current_user, session_user"))).one()
    other = uuid4()
    [(again, *said)] = await settled.ask(Role.WEB, who, tenant=other)
    [(aborted, *_)] = await settled.ask(Role.WEB, who, tenant=other)
    with pytest.raises(DBAPIError):
        await settled.ask(Role.WEB, "SELECT 1 / 0", principal="host", ticket=settled.ticket)
    [(after, *still)] = await settled.ask(Role.WEB, who, tenant=other)

    assert first
    assert tuple(found) == ("dragoman_web", "dragoman_web_login")
    assert again == aborted == after  # one connection, used for all three
    assert said == still == [other, None, None, None]


async def test_outside_a_transaction_of_ours_a_login_is_nobody(settled: House, database_url: str):
    connection = await asyncpg.connect(address(database_url, "web"))
    async with connection.transaction():
        await connection.execute("SET LOCAL ROLE dragoman_web")
        await connection.execute("SELECT set_config('app.tenant', $1, true)", settled.names["tenant"])
        inside = await connection.fetchval("SELECT count(*) FROM vault.policy")

    user = await connection.fetchval("SELECT current_user")
    tenant = await connection.fetchval("SELECT current_setting('app.tenant', true)")
    await connection.close()

    assert inside == 1
    assert (user, tenant or None) == ("dragoman_web_login", None)
