"""Every setting is documented, and only settings that exist are."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from agent.errors import SettingsError
from agent.settings import Settings, read
from infra.settings import OTHERS, PORTS

ROOT = Path(__file__).parent.parent
NAMED = re.compile(r"`((?:DRAGOMAN|LIVEKIT)_[A-Z_]+|DATABASE_URL)`")


def variables() -> set[str]:
    """The environment variables that some part of Dragoman reads."""
    fields = {
        str(field.validation_alias) if isinstance(field.validation_alias, str) else f"DRAGOMAN_{name.upper()}"
        for name, field in Settings.model_fields.items()
    }
    return fields | set(PORTS) | set(OTHERS)


def documented() -> dict[str, str]:
    """Each variable in the first column of the documentation's tables, with its row."""
    rows = [line for line in (ROOT / "docs" / "settings.md").read_text().splitlines() if line.startswith("| `")]
    return {name: row for row in rows for name in NAMED.findall(row.split("|")[1])}


def test_every_setting_is_documented() -> None:
    assert variables() - documented().keys() == set()


def test_nothing_is_documented_that_does_not_exist() -> None:
    assert documented().keys() - variables() == set()


def test_the_documented_default_is_the_one_in_the_code() -> None:
    differing = []
    for name, field in Settings.model_fields.items():
        variable = f"DRAGOMAN_{name.upper()}"
        default = field.get_default()
        if variable in documented() and isinstance(default, int | str | Path) and str(default):
            shown = str(default).lower() if isinstance(default, bool) else str(default)
            if f"`{shown}`" not in documented()[variable].split("|")[2]:
                differing.append(variable)

    assert differing == []


def test_the_ports_defaults_are_documented() -> None:
    assert [name for name, port in PORTS.items() if f"`{port}`" not in documented()[name]] == []


def test_all_that_is_missing_or_bad_is_named_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("LIVEKIT_API_KEY", "LIVEKIT_API_SECRET", "DRAGOMAN_HOST_SECRET"):
        monkeypatch.delenv(name, raising=False)

    with pytest.raises(SettingsError) as missing:
        read("livekit_api_key", "livekit_api_secret", "host_secret")
    monkeypatch.setenv("DRAGOMAN_WEB_PORT", "none")
    monkeypatch.setenv("DRAGOMAN_THREADS", "0")
    with pytest.raises(SettingsError) as bad:
        read()

    assert missing.value.message == "missing: LIVEKIT_API_KEY, LIVEKIT_API_SECRET, DRAGOMAN_HOST_SECRET"
    assert all(name in bad.value.message for name in ("DRAGOMAN_WEB_PORT", "DRAGOMAN_THREADS"))


def test_no_secret_shows_when_the_settings_are_printed(monkeypatch: pytest.MonkeyPatch) -> None:
    hidden = {
        "LIVEKIT_API_SECRET": "s3cret-one",
        "DRAGOMAN_HOST_SECRET": "s3cret-two",
        "DATABASE_URL": "postgresql://s3cret",
    }
    for name, value in hidden.items():
        monkeypatch.setenv(name, value)

    assert "s3cret" not in repr(read())
