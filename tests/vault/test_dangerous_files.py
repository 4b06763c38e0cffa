"""Files that can destroy or betray open with what can go wrong, in which order things happen, and why."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

VAULT = Path(__file__).parent.parent.parent / "agent" / "vault"
DESTROY = (
    *("forget/destroy", "forget/erasure", "forget/holds", "forget/leftover_rows", "forget/restore", "forget/sweep"),
    *("forget/vacuum", "crypto/keyfile", "crypto/rotation", "log/ledger", "log/restored"),
)
"""After them something is gone, or kept that should be gone."""
BETRAY = (
    *("crypto/envelope", "crypto/keys", "forget/receipts", "log/anchors", "log/audit", "read/grants", "read/reader"),
    *("write/journal", "write/recorder", "write/replay", "write/sealing", "write/spool", "write/spool_file"),
    "write/upkeep",
)
"""By a mistake in them, somebody could read what is not theirs, or something could be read that nobody knows of."""


@pytest.mark.parametrize("name", [*DESTROY, *BETRAY])
def test_it_opens_with_ten_to_thirty_lines_of_what_can_go_wrong(name: str):
    said = ast.get_docstring(ast.parse((VAULT / f"{name}.py").read_text())) or ""

    assert 10 <= len(said.splitlines()) <= 30
