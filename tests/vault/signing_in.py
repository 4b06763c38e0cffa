"""Logins as our own Postgres makes them, in a database of the tests; and two tenants with a row in every table."""

from __future__ import annotations

import secrets
from dataclasses import dataclass

import asyncpg
from sqlalchemy import make_url

from infra.logins import ROLES, login, password_of, statements

SEALED = 120
"""Bytes; about the least that a sealed text has."""


def address(url: str, role: str) -> str:
    """The same database under the login of that role."""
    return make_url(url).set(username=login(role)).render_as_string(hide_password=False)


async def make_logins(url: str) -> None:
    connection = await asyncpg.connect(url)
    for statement in statements({password_of(role): secrets.token_urlsafe() for role in ROLES}):
        await connection.execute(statement)
    await connection.close()


@dataclass(frozen=True)
class Whose:
    """The names of all that is one tenant's: each holds its mark of eight hexadecimal digits, and nobody else's."""

    mark: str

    @property
    def names(self) -> dict[str, str]:
        """As they stand in statements."""
        ids = {
            name: f"{self.mark}-0000-4000-8000-{number:012d}"
            for number, name in enumerate(
                ("tenant", "meeting", "segment", "speaker", "subject", "key", "dead", "erasure", "hold", "name_key")
            )
        }
        return {**ids, "room": f"{self.mark}-room", "policy": f"{self.mark}-policy", "mark": self.mark}


async def settle(owner: asyncpg.Connection, whose: Whose, principal: str = "host") -> int:
    """A row in every table; answers the number of the log's line that opens the meeting to the principal."""
    n = whose.names
    for statement in _ROWS:
        await owner.execute(statement.format(**n, sealed=f"convert_to(rpad('{whose.mark}', {SEALED}, 'x'), 'UTF8')"))
    async with owner.transaction():
        await owner.execute(
            "SELECT set_config('app.tenant', $1, true), set_config('app.uid', $2, true)", n["tenant"], principal
        )
        line = "SELECT vault_audit.append('read', $1, 'allowed', jsonb_build_object('mark', $2::text))"
        return int(await owner.fetchval(line, n["meeting"], whose.mark))


_ROWS = (
    "SELECT vault.ensure_day(vault.now()::date)",
    "INSERT INTO vault.tenant (id, name) VALUES ('{tenant}', '{mark}')",
    "INSERT INTO vault.policy (tenant_id, name, version, source, translation, redacted, audit, words, proposed_by,"
    " approved_by, approved_at, effective_from) VALUES ('{tenant}', '{policy}', 1, 'forever', 'forever', 'forever',"
    " 'forever', '{{{mark}}}', '{mark}', '{mark}', vault.now(), vault.now())",
    "INSERT INTO vault.meeting VALUES"
    " ('{tenant}', '{meeting}', '{room}', '{policy}', vault.now()::date, vault.now(), vault.now())",
    "INSERT INTO vault.speaker VALUES ('{tenant}', '{speaker}', '{meeting}', '{subject}', 'A', '{name_key}', {sealed})",
    "INSERT INTO vault.record (tenant_id, day, meeting_id, segment_id, kind, lang, rev, speaker_id, key_id, said_at,"
    " starts, ends, engine, tags, sealed) VALUES ('{tenant}', vault.now()::date, '{meeting}', '{segment}', 'source',"
    " 'en', 3, '{speaker}', '{key}', vault.now(), 1, 2, '{mark}', '{mark}', {sealed})",
    "INSERT INTO vault.room_grant (tenant_id, room, principal, granted_by) VALUES"
    " ('{tenant}', '{room}', 'host', '{mark}')",
    "INSERT INTO vault.erasure (tenant_id, id, room, requested_by) VALUES"
    " ('{tenant}', '{erasure}', '{room}', '{mark}')",
    "INSERT INTO vault.residue VALUES ('{tenant}', '{dead}', '{meeting}', vault.now()::date, 3)",
    "INSERT INTO vault_keys.tenant_key (tenant_id, purpose, version, wrapper_ref, wrapped)"
    " SELECT '{tenant}', p, 1, '{mark}', {sealed} FROM unnest(ARRAY['wrap', 'index', 'sign']) p",
    "INSERT INTO vault_keys.data_key"
    " (tenant_id, id, meeting_id, room, speaker_id, subject, kind, tenant_key_version, wrapped)"
    " SELECT '{tenant}', k, '{meeting}', '{room}', '{speaker}', '{subject}', kind, 1, {sealed}"
    " FROM unnest(ARRAY['{key}', '{name_key}', '{dead}']::uuid[], ARRAY['source', 'name', 'redacted']) AS u (k, kind)",
    "UPDATE vault_keys.data_key SET state = 'destroyed', wrapped = NULL, destroyed_at = vault.now()"
    " WHERE id = '{dead}'",
    "INSERT INTO vault_keys.tombstone (tenant_id, key_id, meeting_id, speaker_id, reason, records)"
    " VALUES ('{tenant}', '{dead}', '{meeting}', '{speaker}', 'erasure {mark}', 3)",
    "INSERT INTO vault_keys.hold (tenant_id, id, matter, room, placed_by) VALUES"
    " ('{tenant}', '{hold}', '{mark}', '{room}', '{mark}')",
    "INSERT INTO vault_audit.checkpoint VALUES ('{tenant}', 0, {sealed}, '{mark}', {sealed})",
)
