"""Who may sign in to our own Postgres beside its owner: a login for each role in what is kept, in no other."""

from __future__ import annotations

from collections.abc import Mapping

ROLES = ("agent", "web", "retention", "auditor")
"""`dragoman_ROLE` is what the migrations grant to; `dragoman_ROLE_login` is who signs in."""
_NO_MORE = "NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS"
_VACUUMING = (
    "GRANT pg_checkpoint TO dragoman_retention",
    "GRANT EXECUTE ON FUNCTION pg_switch_wal() TO dragoman_retention",
)
"""With these what was destroyed leaves the write-ahead log too."""


def login(role: str) -> str:
    return f"dragoman_{role}_login"


def password_of(role: str) -> str:
    """The name of its password among the secrets."""
    return f"DRAGOMAN_{role.upper()}_PASSWORD"


def address_of(role: str) -> str:
    """The setting with its address, for who brings a Postgres of their own."""
    return f"DRAGOMAN_{role.upper()}_VAULT_URL"


def statements(secrets: Mapping[str, str]) -> list[str]:
    """SQL, a line each, that makes them and their roles where they aren't there, and sets their passwords.

    The migrations make the same roles; whoever comes second finds them. A login inherits nothing: it can do what
    its role may only once it says so, in a transaction that says whose it is.
    """
    made = []
    for role in ROLES:
        group, name = f"dragoman_{role}", login(role)
        password = secrets[password_of(role)].replace("'", "''")
        made += [
            _made(group),
            _made(name),
            f"ALTER ROLE {name} LOGIN {_NO_MORE} PASSWORD '{password}'",
            f"GRANT {group} TO {name} WITH INHERIT FALSE, SET TRUE",
        ]
    return [*made, *_VACUUMING]


def _made(role: str) -> str:
    """Nobody else is signed in, so nobody makes it in between."""
    return f"DO $$ BEGIN IF to_regrole('{role}') IS NULL THEN CREATE ROLE {role} NOLOGIN; END IF; END $$"
