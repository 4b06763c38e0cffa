"""`infra/dev`: what a change of a file restarts, and that it does."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from itertools import takewhile
from pathlib import Path

import pytest

from infra.changes import PROGRAMS, Changes
from infra.develop import Developing, follow, saved
from infra.settings import on_free_ports

ROOT = Path(__file__).parent.parent
PATIENCE = 60  # of half a second


@pytest.fixture(scope="module")
def ours() -> Changes:
    return Changes(ROOT)


@pytest.mark.parametrize(
    ("path", "programs"),
    [
        ("agent/captions.py", {"agent"}),
        ("agent/errors.py", set(PROGRAMS)),
        ("agent/engines/translate/opus.py", {"engines"}),
        ("agent/engines/translate/routes.json", {"engines"}),
        ("agent/engines/recognise/direct.json", {"engines"}),
        ("web/pages.py", {"web"}),
        ("web/dispatch/livekit.py", {"web"}),
        ("web/__init__.py", {"web"}),
        ("web/api/rooms.py", {"web"}),
        ("migrations/env.py", {"web"}),
        ("docs/README.md", set()),
        ("tests/test_develop.py", set()),
    ],
)
def test_a_change_restarts_the_programs_that_run_the_file(ours: Changes, path: str, programs: set[str]) -> None:
    assert (ROOT / path).exists()
    assert ours.programs(Path(path)) == programs


@pytest.fixture
def small(tmp_path: Path) -> Path:
    """A checkout with one program of two files, of which it prints one's word and goes on."""
    package = tmp_path / "small"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "word.py").write_text("WORD = 'first'\n")
    (package / "__main__.py").write_text("import time\nfrom .word import WORD\nprint(WORD)\ntime.sleep(600)\n")
    return tmp_path


def test_a_file_that_is_imported_no_more_counts_once_more(small: Path) -> None:
    changes = Changes(small, {"web": "small/__main__.py"}, {})
    word, main = small / "small" / "word.py", small / "small" / "__main__.py"

    main.write_text("print('none')\n")

    assert changes.restarts([word, main]) == {"web"}
    assert changes.restarts([word]) == set()


def test_while_a_file_is_no_python_what_was_imported_before_counts(small: Path) -> None:
    changes = Changes(small, {"web": "small/__main__.py"}, {})
    word = small / "small" / "word.py"

    word.write_text("WORD = (\n")

    assert changes.restarts([word]) == {"web"}
    assert changes.restarts([word]) == {"web"}


def test_what_is_saved_starts_its_program_again_and_a_crash_waits_for_the_next_save(
    small: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    said: list[str] = []
    word = small / "small" / "word.py"

    def saves() -> Iterator[set[Path]]:
        """What a person does, each time once what they did before can be seen."""
        steps = [
            (lambda: "first" in stack.log("web"), "WORD = 'second'\n"),
            (lambda: "second" in stack.log("web"), "WORD = (\n"),
            (lambda: any("SyntaxError" in line for line in said), "WORD = 'third'\n"),
        ]
        for _, paths in zip(range(PATIENCE), saved(small, ["small"]), strict=False):
            if steps and steps[0][0]():
                word.write_text(steps.pop(0)[1])
            yield paths

    with Developing(on_free_ports(tmp_path_factory.mktemp("var"), {}), said.append) as stack:
        command = f"cd {small} && exec {sys.executable} -u -m small"
        stack._commands = {"web": command}
        stack.start("web")
        changes = Changes(small, {"web": "small/__main__.py"}, {})
        follow(stack, changes, takewhile(lambda _: "third" not in stack.log("web"), saves()))
        log, pid = stack.log("web"), stack.pid("web")

    assert [line for line in log.splitlines() if line in ("first", "second", "third")] == ["first", "second", "third"]
    assert len(said) == 1
    assert said[0].startswith("web ended (exit code 1). It starts again when its code is changed.")
    assert pid is None or not Path(f"/proc/{pid}").exists()


def test_people_reach_the_page_at_the_server_that_reloads_it(tmp_path: Path) -> None:
    with Developing(on_free_ports(tmp_path, {}), lambda line: None) as stack:
        of_web, of_page = stack._addresses("web"), stack._addresses("page")

    assert of_web == {"DRAGOMAN_WEB": stack.local.page_url}
    assert of_page["DRAGOMAN_WEB"] == stack.local.url
