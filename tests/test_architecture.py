"""Who may import whom: the picture in the architecture, as a test."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
CONTRACTS = "agent.engines"
"""The package itself holds the contracts; its files are engines."""

MAY_IMPORT: dict[str, set[str]] = {
    "agent.nouns": set(),
    "agent.errors": set(),
    "agent.settings": {"agent.errors"},
    "agent.clock": {"agent.nouns", "agent.errors"},
    "agent.aio": {"agent.nouns", "agent.errors"},
    "agent.failures": {"agent.errors"},
    "agent.wire": {"agent.nouns", "agent.errors"},
    "agent.recognition.attribution": {"agent.nouns", "agent.errors"},
    "agent.languages": set(),
    "agent.standing": set(),
    "agent.tokens": set(),
    "agent.rate_limit": {"agent.errors"},
    "agent.quotas": set(),
    "agent.terms.misheard": {"agent.nouns"},
    "agent.terms.glossary": {"agent.nouns", "agent.errors", "agent.terms.misheard"},
    "agent.engines": {"agent.nouns", "agent.errors", "agent.settings"},
    "agent.transcript": {"agent.nouns", "agent.aio"},
    "agent.recognition.track": {
        "agent.nouns",
        "agent.aio",
        "agent.errors",
        "agent.engines",
        "agent.recognition.attribution",
    },
    "agent.degradation": set(),
    "agent.merge": {"agent.nouns"},
    "agent.captions": {"agent.nouns", "agent.aio", "agent.errors", "agent.engines", "agent.languages", "agent.merge"},
    "agent.terms.enforce": {"agent.errors", "agent.engines", "agent.terms.glossary"},
    "agent.terms.prompt": {"agent.nouns", "agent.engines", "agent.terms.glossary"},
    "agent.speech_translation": {"agent.nouns", "agent.errors", "agent.engines"},
    "agent.dubs": {"agent.nouns", "agent.aio", "agent.errors", "agent.engines"},
    "agent.recognition.language_check": {"agent.nouns", "agent.errors", "agent.engines", "agent.languages"},
    "agent.voice_cloning": {"agent.nouns", "agent.errors", "agent.engines", "agent.speech_translation"},
    "agent.room": {
        "agent.recognition.track",
        "agent.transcript",
        "agent.captions",
        "agent.speech_translation",
        "agent.terms.enforce",
        "agent.terms.glossary",
        "agent.dubs",
        "agent.degradation",
        "agent.recognition.language_check",
        "agent.languages",
        "agent.voice_cloning",
        "agent.quotas",
        "agent.rate_limit",
        "agent.aio",
        "agent.failures",
        "agent.nouns",
        "agent.errors",  # a room tells a failed engine from a failed program
        "agent.engines",
    },
    "agent.vault": {"agent.nouns", "agent.errors", "agent.settings", "agent.aio"},
    "agent.caption_sender": {"agent.nouns", "agent.aio", "agent.wire"},
    "agent.dub_track": {"agent.nouns"},
    "agent.sfu": {
        "agent.nouns",
        "agent.aio",
        "agent.caption_sender",
        "agent.clock",
        "agent.dub_track",
        "agent.errors",
        "agent.quotas",
        "agent.wire",
    },
}
ANYTHING_OF_AGENT = {"agent.worker", "agent.calls", "agent.heartbeat", "agent.intake", "agent.__main__"}
WEB_MAY_IMPORT = {"agent.nouns", "agent.errors", "agent.settings", "agent.tokens", "agent.vault"}
MAY_IMPORT_LIVEKIT = {
    "agent.sfu",
    "agent.caption_sender",
    "agent.dub_track",
    "agent.intake",
    "agent.tokens",
    "agent.worker",
    "agent.engines.livekit.load",
}
WEB_MEETS_LIVEKIT_BY = ("livekit.api", "livekit.protocol")
MAY_IMPORT_ITS_MODELS = {
    "agent.recognition.silero": "livekit.local_inference",  # a native model in a wheel; no client, no network
}
ENGINES_OF_ENGINES = {
    "agent.recognition.streaming",  # its policy is pure objects in a file of their own
    "agent.engines.__main__",  # starts the service with the engines it serves
    "agent.engines.service.service",  # is its stages
    "agent.engines.service.stage",  # has a queue before its engine
    "agent.engines.speak.subprocess_voice",  # levels what a program says, in that program
}
NO_ENGINES = {
    "agent.engines.models.catalogue",  # which models there are, and whether a licence is accepted
    "agent.engines.models.commands",  # shows the catalogue to a person, and fetches from it
    "agent.engines.models.pull",  # fetches files
    "agent.engines.translate.sentences",  # pure functions over text, which every translator needs
    "agent.engines.translate.language_names",  # the names that models have for languages
    "agent.engines.translate.sentencewise",  # texts through one call of a model, which some translators share
    "agent.engines.speak.loudness",  # pure functions over sound, which every voice needs
    "agent.engines.livekit.plugins",  # how a setting names a plugin of LiveKit's
    "agent.recognition.commit",  # pure functions over words, which every recognizer needs
    "agent.engines.livekit.speech_filter",  # what of a track's sound is speech
    "agent.engines.speak.tempo",  # a pure function over sound
    "agent.engines.recognise.untimed",  # pure functions over text and sound
    "agent.engines.speak.subprocess_voice",  # how one talks to a program that speaks
    "agent.engines.speak.phonemes",  # what such a program pronounces by
    "agent.engines.speak.stock_voices",  # a pure function over names, which every voice needs
}


def imports(path: Path) -> set[str]:
    """Every module that a file imports, in full."""
    package = path.relative_to(ROOT).with_suffix("").parts[:-1]
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            parent = package[: len(package) - node.level + 1] if node.level else ()
            module = ".".join([*parent, node.module] if node.module else parent)
            found |= {f"{module}.{alias.name}" for alias in node.names} | {module}
    return found


def area(module: str) -> str:
    """`agent.vault.crypto.envelope` belongs to `agent.vault`."""
    return ".".join(module.split(".")[:2])


def name_of(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


AGENT = sorted(path for path in ROOT.glob("agent/**/*.py") if name_of(path) != "agent")
WEB = sorted(path for path in ROOT.glob("web/*.py") if name_of(path) != "web")


@pytest.mark.parametrize("path", AGENT, ids=name_of)
def test_a_module_of_the_agent_imports_only_what_the_picture_allows(path: Path):
    module, found = name_of(path), imports(path)

    assert not {name for name in found if name.split(".")[0] == "web"}
    if module not in ANYTHING_OF_AGENT:
        ours = {area(name) for name in found if name.startswith("agent.")}
        assert ours - {area(module)} <= MAY_IMPORT[area(module)]


@pytest.mark.parametrize("path", AGENT, ids=name_of)
def test_livekit_is_known_only_where_it_is_met(path: Path):
    module = name_of(path)
    met = {name for name in imports(path) if name.split(".")[0] == "livekit"}

    allowed = MAY_IMPORT_ITS_MODELS.get(module)
    if module not in MAY_IMPORT_LIVEKIT:
        assert {name for name in met if not (allowed and (name.startswith(allowed) or name == "livekit"))} == set()


ENGINES = [path for path in AGENT if area(name_of(path)) == CONTRACTS and name_of(path) != CONTRACTS]


@pytest.mark.parametrize("path", [path for path in ENGINES if name_of(path) not in ENGINES_OF_ENGINES], ids=name_of)
def test_an_engine_knows_of_other_engines_only_the_contracts(path: Path):
    files = {f"{CONTRACTS}.{other.stem}" for other in ENGINES if other != path} - NO_ENGINES

    assert not {name for name in imports(path) if any(name == f or name.startswith(f + ".") for f in files)}


@pytest.mark.parametrize("path", WEB, ids=name_of)
def test_the_web_half_knows_little_of_the_agent(path: Path):
    found = imports(path)

    assert {area(name) for name in found if name.startswith("agent.")} <= WEB_MAY_IMPORT
    livekit = {name for name in found if name.split(".")[0] == "livekit"}
    assert not {name for name in livekit if not name.startswith(WEB_MEETS_LIVEKIT_BY)} - {"livekit"}
