"""What the vault asks a database stands in one file a room, each statement after the question that it answers."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

VAULT = Path(__file__).parent.parent.parent / "agent" / "vault"
FILES = sorted(VAULT.rglob("*.py"))
ROOMS = [path for path in FILES if path.name == "statements.py"]
OTHERS = [path for path in FILES if path.name not in {"statements.py", "tables.py"}]
BUILDERS = {"select", "insert", "update", "delete", "text", "func", "and_", "or_"}
"""Of SQLAlchemy's: who imports one makes statements. `tables.py` has no statement, but defaults that use some."""
BEGINS = re.compile(
    r"\s*(SELECT|INSERT|UPDATE|DELETE|WITH|CREATE|ALTER|DROP|TRUNCATE|VACUUM|CHECKPOINT|PRAGMA|SHOW|CALL|LOCK"
    r"|SET (LOCAL|SESSION|[a-z_]+ (=|TO))|BEGIN|COMMIT|ROLLBACK)\b"
)
"""How a statement begins; in capitals, as ours do and no sentence does."""


def name_of(path: Path) -> str:
    return str(path.relative_to(VAULT))


def statements(source: str) -> Iterator[str]:
    """Every string of a program that is a statement, and every way to build one that it imports."""
    tree = ast.parse(source)
    docs = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docs:
            if BEGINS.match(node.value):
                yield node.value
        elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith("sqlalchemy"):
            yield from sorted({alias.name for alias in node.names} & BUILDERS)


@pytest.mark.parametrize(
    "source",
    [
        'query = "SELECT 1"',
        'connection.execute(f"SET LOCAL lock_timeout = {ms}")',
        'QUERY = """\n  WITH line AS (SELECT) SELECT FROM line"""',
        'connection.execute("BEGIN IMMEDIATE")',
        "from sqlalchemy import select",
        "from sqlalchemy.dialects.postgresql import JSONB, insert",
    ],
)
def test_a_statement_is_noticed(source: str):
    assert list(statements(source))


@pytest.mark.parametrize("source", ['"""SELECT is a word."""', 'say("Select a room.")', "from sqlalchemy import Row"])
def test_what_is_none_is_not(source: str):
    assert not list(statements(source))


@pytest.mark.parametrize("path", OTHERS, ids=name_of)
def test_no_file_but_the_rooms_own_list_contains_a_statement(path: Path):
    assert list(statements(path.read_text())) == []


@pytest.mark.parametrize("path", ROOMS, ids=name_of)
def test_each_statement_comes_after_the_question_that_it_answers(path: Path):
    source = path.read_text()
    lines = source.splitlines()

    for node in ast.parse(source).body:
        if isinstance(node, ast.Assign):
            names = [
                name.id for name in ast.walk(node) if isinstance(name, ast.Name) and isinstance(name.ctx, ast.Store)
            ]
        elif isinstance(node, ast.FunctionDef):
            names = [node.name]
        else:
            continue
        if any(name.startswith("_") for name in names):
            continue  # a part of statements
        above = node.lineno - 1
        while lines[above - 1].startswith("#"):
            above -= 1
        assert "?" in " ".join(lines[above : node.lineno - 1]), names


def test_every_room_that_asks_a_database_has_its_list():
    assert {path.parent.name for path in ROOMS} == {"crypto", "db", "forget", "log", "policy", "read", "write"}
