"""Who may import whom, by folder: the picture in docs/architecture.md, as a test."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
FILES = sorted(path for top in ("agent", "web") for path in ROOT.glob(f"{top}/**/*.py") if "client" not in path.parts)

GROUND = {
    "nouns", "errors", "settings", "clock", "aio", "failures", "languages", "logs", "loudness", "merge", "postgres",
    "quotas", "rate_limit", "standing", "tempo", "text", "tokens", "vad", "wire", "wire_names", "word_timing", "words",
}  # fmt: skip
"""Files that every part of the agent may import, and that import only one another, downwards."""
STAGES = {f"engines/{stage}" for stage in ("recognise", "translate", "speak")}
MAY_IMPORT: Mapping[str, set[str]] = {
    "engines": set(),  # the contracts, and the table of who fulfils them
    **{stage: {"engines"} for stage in STAGES},
    "engines/livekit": {"engines"},
    "engines/models": {"engines", "engines/translate"},  # measuring writes the table that routes go by
    "engines/service": {"engines"},
    "engines/replicas": {"engines", "engines/service"},
    "terms": {"engines"},
    "recognition": {"engines", "terms"},
    "transcript": {"engines", "terms"},
    "translations": {"engines", "terms"},
    "captions": {"engines", "terms", "translations"},
    "dubs": {"engines", "terms"},
    "audio_history": set(),
    "speech_translation": {"engines", "terms", "audio_history"},
    "voice_cloning": {"engines", "terms", "audio_history"},
    "sound_taps": {"recognition", "audio_history", "voice_cloning"},
    "participants": set(),
    "load": set(),
    "degradation": {"load"},
    "condition": {"load", "degradation"},
    "recording": {"captions"},
    "channels": {"engines", "terms", "recognition", "transcript", "captions", "dubs", "condition"},
    "makers": {"terms", "translations", "captions", "dubs", "voice_cloning", "recording", "condition"},
    "room": {
        *("engines", "terms", "recognition", "transcript", "translations", "captions", "dubs"),
        *("audio_history", "speech_translation", "voice_cloning", "sound_taps"),
        *("participants", "channels", "makers", "recording", "load", "degradation", "condition"),
    },
    "vault/db": set(),
    "vault/crypto": {"vault/db"},
    "vault/log": {"vault/db", "vault/crypto"},
    "vault/policy": {"vault/db", "vault/crypto", "vault/log"},
    "vault/redaction": set(),
    **{
        room: {"vault/db", "vault/crypto", "vault/log", "vault/policy", "vault/redaction"}
        for room in ("vault/write", "vault/read", "vault/forget")
    },
    "caption_sender": set(),
    "dub_track": set(),
    "attributes": set(),
    "sfu": {"caption_sender", "dub_track", "attributes"},
}
"""What each room of the agent may import beside the ground and itself; who isn't named starts things."""
STARTS = {
    *("__main__", "worker", "interpreter", "assembly", "intake", "succession", "job_metadata"),
    *("calls", "guests", "heartbeat", "telling", "served", "engines/__main__", "vault"),
}
"""They put parts together, and may import any of them."""
MEETS_LIVEKIT = {
    *("sfu", "caption_sender", "dub_track", "attributes", "guests"),
    *("worker", "interpreter", "assembly", "succession", "intake", "tokens", "engines/livekit"),
}
NATIVE_MODELS = "livekit.local_inference"
"""A model in a wheel, that knows neither client nor network."""
WEB_MEETS_LIVEKIT_BY = ("livekit.api", "livekit.protocol")
WEB_MAY_IMPORT = {
    "nouns", "errors", "settings", "tokens", "postgres", "languages", "logs", "rate_limit", "vault", "wire_names",
}  # fmt: skip


def name_of(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


OURS = {name_of(path) for path in FILES}


def imports(path: Path) -> set[str]:
    """Every module that a file imports, in full; a name out of one of ours as the module that holds it."""
    package = path.relative_to(ROOT).with_suffix("").parts[:-1]
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            parent = package[: len(package) - node.level + 1] if node.level else ()
            module = ".".join([*parent, node.module] if node.module else parent)
            names = {f"{module}.{alias.name}" for alias in node.names}
            found |= (names & OURS) | ({module} if names - OURS else set())
    return found


def room_of(module: str) -> str:
    """The folder that a module lies in, without `agent/`; one that lies in none, by its own name."""
    path = Path(*module.split("."))
    if module in {"agent.engines.__main__", "agent.__main__"}:
        return str(path.relative_to("agent"))
    if (ROOT / path).is_dir():
        return str(path.relative_to("agent"))
    return str((path if path.parent == Path("agent") else path.parent).relative_to("agent"))


AGENT = [path for path in FILES if path.parts[len(ROOT.parts)] == "agent" and name_of(path) != "agent"]
WEB = [path for path in FILES if path.parts[len(ROOT.parts)] == "web"]


@pytest.mark.parametrize("path", AGENT, ids=name_of)
def test_a_module_of_the_agent_imports_only_what_the_picture_allows(path: Path):
    room, found = room_of(name_of(path)), imports(path)

    rooms = {room_of(name) for name in found if name.startswith("agent.")} - {room}
    assert not {name for name in found if name.split(".")[0] == "web"}
    if room in GROUND:
        assert rooms <= GROUND
    elif room not in STARTS:
        assert rooms - GROUND <= MAY_IMPORT[room]


@pytest.mark.parametrize("path", AGENT, ids=name_of)
def test_livekit_is_known_only_where_it_is_met(path: Path):
    met = {name for name in imports(path) if name.split(".")[0] == "livekit"}

    assert room_of(name_of(path)) in MEETS_LIVEKIT or {name for name in met if name != NATIVE_MODELS} == set()


@pytest.mark.parametrize("path", WEB, ids=name_of)
def test_the_web_half_knows_little_of_the_agent(path: Path):
    found = imports(path)

    ours = {room_of(name).split("/")[0] for name in found if name.startswith("agent.")}
    livekit = {name for name in found if name.split(".")[0] == "livekit"}
    assert ours <= WEB_MAY_IMPORT
    assert {name for name in livekit if not name.startswith(WEB_MEETS_LIVEKIT_BY)} - {"livekit"} == set()


@pytest.mark.parametrize("path", [path for path in FILES if "vault" not in path.parts], ids=name_of)
def test_of_the_vault_others_know_what_stands_at_its_door(path: Path):
    assert {name for name in imports(path) if name.startswith("agent.vault.")} == set()


def test_nobody_imports_whoever_imports_them():
    graph = {name_of(path): (imports(path) & OURS) - {name_of(path)} for path in FILES}

    assert list(circles(graph)) == []


def test_no_room_imports_a_room_that_imports_it():
    graph: dict[str, set[str]] = {}
    for path in FILES:
        room = _room(name_of(path))
        graph.setdefault(room, set()).update(_room(name) for name in imports(path) & OURS)
    for room, found in graph.items():
        found.discard(room)

    assert list(circles(graph)) == []


def _room(module: str) -> str:
    if module.startswith("agent."):
        return room_of(module)
    folder = (ROOT / Path(*module.split("."))).is_dir()
    return module if folder or module.count(".") < 2 else module.rpartition(".")[0]


def test_a_circle_is_found():
    assert list(circles({"a": {"b"}, "b": {"c"}, "c": {"a"}, "d": {"a"}})) == [{"a", "b", "c"}]


def circles(graph: Mapping[str, set[str]]) -> Iterator[set[str]]:
    """Groups of names of which each leads to each other."""
    reached = {name: _reached(graph, name) for name in graph}
    told: set[str] = set()
    for name in graph:
        if name in reached[name] and name not in told:
            group = {other for other in reached[name] if name in reached.get(other, ())}
            told |= group
            yield group


def _reached(graph: Mapping[str, set[str]], start: str) -> set[str]:
    found: set[str] = set()
    open_ = [start]
    while open_:
        new = graph.get(open_.pop(), set()) - found
        found |= new
        open_ += new
    return found
