"""The catalogue of models, and fetching from a hub that breaks, lies, is moved, is away or is asked twice at once."""

from __future__ import annotations

import json
import os
import random
import re
import resource
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest

from agent.engines.licences import accept, accepted
from agent.engines.models import catalogue
from agent.engines.models.catalogue import File, Model, damaged, manifest, models
from agent.engines.models.commands import main
from agent.engines.models.pull import STAGING, pull, remove
from agent.engines.recognise.whisper import WER
from agent.engines.table import load
from agent.errors import ModelError
from agent.settings import Settings
from infra.setup import weights

from ..hub import Hub, serving, sha256

ROOT = Path(__file__).parents[3]
COMMIT = "0123456789abcdef0123456789abcdef01234567"
OTHER = "f" * 40
MEGA = 1 << 20
FILES = {
    "config.json": b'{"model_type": "tiny"}\n',
    "weights/model.bin": random.Random(7).randbytes(24 * MEGA),  # noqa: S311
}
"""The library hands over what came in pieces of 10 MB: what is broken off must be longer."""


def tiny(files: Mapping[str, bytes] = FILES, **what: Any) -> Model:
    """A model of these files, every digest known."""
    known = tuple(File(path, len(data), sha256(data)) for path, data in files.items())
    return replace(MODEL, files=known, **what)


MODEL = Model(
    name="tiny",
    stage="recognise",
    engine="whisper",
    repository="maker/model",
    revision=COMMIT,
    licence="MIT",
    commercial=True,
    languages=99,
    memory=24,
    runs=("CPU",),
    quality={},
    files=(),
    setting="DRAGOMAN_WHISPER_MODEL",
)
UNKNOWN = replace(MODEL, revision=None, files=tuple(File(path, None, None) for path in FILES))
"""The same, where nobody recorded a commit or a digest."""


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    for name in ("HF_TOKEN", "HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
    with serving(Hub(dict(FILES), COMMIT)) as hub:
        yield hub


def fetch(hub: Hub, into: Path, model: Model | None = None, **how: Any) -> Path:
    return pull(model or tiny(), into, say=how.pop("say", lambda line: None), endpoint=hub.url, **how)


def refused(hub: Hub, into: Path, model: Model | None = None, **how: Any) -> ModelError:
    """What a pull that can't be done says; nothing is in place after it."""
    with pytest.raises(ModelError) as failure:
        fetch(hub, into, model, **how)
    assert not (into / "tiny").exists()
    return failure.value


def command(hub: Hub, into: Path, *words: str, **env: str) -> dict[str, Any]:
    """A process that is the command, for a catalogue with one model in it."""
    listed = into / "catalogue.json"
    listed.write_text(json.dumps([asdict(tiny())]))
    program = (
        "import sys; from pathlib import Path; from agent.engines.models import catalogue, commands\n"
        f"sys.exit(commands.main(sys.argv[1:], catalogue.models(Path({str(listed)!r}))))"
    )
    told = {"HF_ENDPOINT": hub.url, "DRAGOMAN_MODELS": str(into), **env}
    return {"args": [sys.executable, "-c", program, *words], "env": {**os.environ, **told}, "cwd": ROOT}


# --- what is pulled


def test_a_model_is_whole_and_says_where_it_came_from(hub: Hub, tmp_path: Path) -> None:
    folder = fetch(hub, tmp_path)

    assert {path.name: catalogue.digest(path) for path in folder.iterdir() if path.name != "dragoman.json"} == {
        "config.json": sha256(FILES["config.json"]),
        "model.bin": sha256(FILES["weights/model.bin"]),
    }
    kept = manifest(folder)
    assert (kept["repository"], kept["revision"], kept["trusted"]) == ("maker/model", COMMIT, False)
    assert kept["files"]["model.bin"]["sha256"] == sha256(FILES["weights/model.bin"])


def test_no_engine_sees_a_model_before_it_is_whole(hub: Hub, tmp_path: Path) -> None:
    seen: list[bool] = []
    hub.at_each = lambda: seen.append((tmp_path / "tiny").exists())

    fetch(hub, tmp_path)

    assert len(seen) == 4
    assert not any(seen)
    assert [path.name for path in (tmp_path / STAGING).iterdir()] == ["tiny.lock"]


def test_what_is_in_place_is_not_asked_for_again(hub: Hub, tmp_path: Path) -> None:
    fetch(hub, tmp_path)
    hub.asked.clear()

    said: list[str] = []
    fetch(hub, tmp_path, say=said.append)

    assert hub.asked == []
    assert said == ["tiny is in place, every byte as it should be."]


def test_only_what_is_damaged_is_fetched_again(hub: Hub, tmp_path: Path) -> None:
    folder = fetch(hub, tmp_path)
    (folder / "config.json").write_bytes(b"{}")
    hub.asked.clear()

    assert damaged(tiny(), folder) == ["config.json"]
    fetch(hub, tmp_path)

    assert hub.said() == ["HEAD config.json", "GET config.json"]
    assert damaged(tiny(), folder) == []


def test_a_repository_that_was_renamed_is_followed(hub: Hub, tmp_path: Path) -> None:
    hub.renamed = "newowner/model"

    assert damaged(tiny(), fetch(hub, tmp_path)) == []


def test_a_token_goes_to_the_hub_and_not_to_where_it_stores(
    hub: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_not_a_real_one")

    fetch(hub, tmp_path)

    told = {str(one): one.token for one in hub.asked}
    assert told["HEAD model.bin"] == "Bearer hf_not_a_real_one"
    assert told["GET model.bin"] == ""


# --- broken off


def test_a_download_that_ends_too_soon_goes_on_where_it_was(hub: Hub, tmp_path: Path) -> None:
    hub.breaks = [15 * MEGA]

    folder = fetch(hub, tmp_path)

    assert hub.said()[-2:] == ["GET model.bin", f"GET model.bin bytes={10 * MEGA}-"]
    assert damaged(tiny(), folder) == []


def test_a_connection_that_is_reset_is_taken_up_again(hub: Hub, tmp_path: Path) -> None:
    hub.breaks = [-23 * MEGA]

    folder = fetch(hub, tmp_path)

    assert hub.said().count("GET model.bin") + sum("bytes=" in one for one in hub.said()) == 2
    assert damaged(tiny(), folder) == []


def test_a_pull_that_is_killed_goes_on_at_the_next(hub: Hub, tmp_path: Path) -> None:
    hub.breaks, hub.stall = [22 * MEGA], threading.Event()
    killed = subprocess.Popen(**command(hub, tmp_path, "pull", "tiny"), stdout=subprocess.DEVNULL)
    assert hub.stalled.wait(60)
    part = tmp_path / STAGING / f"tiny@{COMMIT}" / "model.bin.part"
    until_it_has(part, 20 * MEGA)
    killed.send_signal(signal.SIGKILL)
    killed.wait()
    hub.stall.set()
    hub.stall = None
    assert not (tmp_path / "tiny").exists()
    hub.asked.clear()

    said: list[str] = []
    folder = fetch(hub, tmp_path, say=said.append)

    assert hub.said() == ["HEAD model.bin", f"GET model.bin bytes={20 * MEGA}-"]
    assert said == ["model.bin: going on after 21.0 MB."]
    assert damaged(tiny(), folder) == []


def until_it_has(path: Path, size: int) -> None:
    """Returns when another process has written so much."""
    end = time.monotonic() + 30
    while not path.exists() or path.stat().st_size < size:
        assert time.monotonic() < end
        time.sleep(0.02)


def test_a_store_that_knows_no_ranges_sends_it_all_again(hub: Hub, tmp_path: Path) -> None:
    hub.breaks, hub.ranges = [15 * MEGA], False

    assert damaged(tiny(), fetch(hub, tmp_path)) == []


def test_a_hub_that_goes_away_is_said_and_what_came_is_kept(hub: Hub, tmp_path: Path) -> None:
    hub.breaks = [15 * MEGA]
    hub.at_each = lambda: setattr(hub, "status", 503 if len(hub.asked) > 4 else 200)

    failure = refused(hub, tmp_path)
    hub.status, hub.at_each = 200, lambda: None
    hub.asked.clear()
    folder = fetch(hub, tmp_path)

    assert failure.code == "hub_away"
    assert "503" in failure.message
    assert hub.said() == ["HEAD model.bin", f"GET model.bin bytes={10 * MEGA}-"]
    assert damaged(tiny(), folder) == []


def test_nobody_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(ModelError) as failure:
        pull(tiny(), tmp_path, say=lambda line: None, endpoint="http://127.0.0.1:9")

    assert failure.value.code == "hub_away"


def test_what_a_crash_left_is_not_believed(hub: Hub, tmp_path: Path) -> None:
    staging = tmp_path / STAGING / f"tiny@{COMMIT}"
    staging.mkdir(parents=True)
    (staging / "model.bin.part").write_bytes(bytes(12 * MEGA))
    (staging / "config.json").write_bytes(b"half")
    (staging / "of-an-older-catalogue.json").write_bytes(b"{}")

    folder = fetch(hub, tmp_path)

    assert hub.said()[-2:] == [f"GET model.bin bytes={12 * MEGA}-", "GET model.bin"]
    assert damaged(tiny(), folder) == []
    assert sorted(path.name for path in folder.iterdir()) == ["config.json", "dragoman.json", "model.bin"]


# --- other bytes than were meant


def test_a_hub_that_has_other_bytes_is_refused_before_they_come(hub: Hub, tmp_path: Path) -> None:
    meant = tiny({**FILES, "weights/model.bin": FILES["weights/model.bin"][::-1]})

    failure = refused(hub, tmp_path, meant)

    assert failure.code == "wrong_digest"
    assert "weights/model.bin" in failure.message
    assert "GET model.bin" not in hub.said()


@pytest.mark.parametrize("path", FILES)
def test_bytes_that_were_changed_on_the_way_are_refused(hub: Hub, tmp_path: Path, path: str) -> None:
    hub.sent = {path: b"x" + FILES[path][1:]}

    failure = refused(hub, tmp_path)

    assert failure.code == "wrong_digest"
    assert sha256(hub.sent[path]) in failure.message
    assert not [*tmp_path.rglob("*.part")], "it is not what the next pull goes on from"


def test_another_revision_than_the_pinned_one_is_refused(hub: Hub, tmp_path: Path) -> None:
    hub.answers_with = OTHER

    failure = refused(hub, tmp_path)

    assert failure.code == "wrong_revision"
    assert OTHER in failure.message


def test_a_revision_that_is_gone_is_said(hub: Hub, tmp_path: Path) -> None:
    assert refused(hub, tmp_path, tiny(revision=OTHER)).code == "wrong_revision"


def test_a_file_that_is_gone_is_said(hub: Hub, tmp_path: Path) -> None:
    assert refused(hub, tmp_path, tiny({**FILES, "gone.json": b"{}"})).code == "hub_refused"


def test_a_repository_behind_a_gate_says_what_to_set(hub: Hub, tmp_path: Path) -> None:
    hub.gated = True

    failure = refused(hub, tmp_path)

    assert failure.code == "hub_refused"
    assert "HF_TOKEN" in failure.message


def test_what_is_no_hub_is_not_taken_for_one(hub: Hub, tmp_path: Path) -> None:
    hub.says_commit = False

    failure = refused(hub, tmp_path)

    assert failure.code == "hub_refused"
    assert "HF_ENDPOINT" in failure.message


# --- full


def test_a_disk_that_is_too_small_is_said_before_anything_comes(hub: Hub, tmp_path: Path) -> None:
    vast = tiny()
    vast = replace(vast, files=(*vast.files, File("vast.bin", 10**18, "0" * 64)))

    failure = refused(hub, tmp_path, vast)

    assert failure.code == "disk_full"
    assert "1,000,000,0" in failure.message
    assert hub.asked == []


def test_a_disk_that_fills_up_is_said_and_what_came_is_kept(hub: Hub, tmp_path: Path) -> None:
    # The kernel lets no file of this process grow beyond 12 MB: the write fails as it does on a full disk.
    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (12 * MEGA, 12 * MEGA))

    limited = command(hub, tmp_path, "pull", "tiny")
    failed = subprocess.run(**limited, preexec_fn=limit, capture_output=True, text=True, check=False)
    hub.asked.clear()
    folder = fetch(hub, tmp_path)

    assert failed.returncode == 1
    assert failed.stderr.startswith("disk_full: No room for tiny")
    assert hub.said() == ["HEAD model.bin", f"GET model.bin bytes={12 * MEGA}-"]
    assert damaged(tiny(), folder) == []


# --- two at once


def test_who_comes_second_waits_and_finds_it_done(hub: Hub, tmp_path: Path) -> None:
    hub.breaks, hub.stall = [15 * MEGA], threading.Event()
    said: list[str] = []

    def second(line: str) -> None:
        said.append(line)
        if hub.stall:
            hub.stall.set()

    first = threading.Thread(target=fetch, args=(hub, tmp_path))
    first.start()
    assert hub.stalled.wait(60)

    folder = fetch(hub, tmp_path, say=second)
    first.join()

    assert said == ["Somebody else is at work on tiny; waiting.", "tiny is in place, every byte as it should be."]
    assert hub.said().count("GET model.bin") == 1
    assert damaged(tiny(), folder) == []


# --- taken on trust


def test_what_nobody_recorded_is_not_fetched_by_itself(hub: Hub, tmp_path: Path) -> None:
    plain = refused(hub, tmp_path, UNKNOWN)
    untrusted = refused(hub, tmp_path, UNKNOWN, revision=COMMIT)
    branch = refused(hub, tmp_path, UNKNOWN, revision="main", trust=True)

    assert (plain.code, untrusted.code, branch.code) == ("not_pinned", "not_pinned", "wrong_revision")
    assert "--revision COMMIT --trust-first-download" in plain.message
    assert hub.asked == []


def test_what_was_taken_on_trust_is_held_to_what_came_first(hub: Hub, tmp_path: Path) -> None:
    folder = fetch(hub, tmp_path, UNKNOWN, revision=COMMIT, trust=True)

    assert manifest(folder)["trusted"] is True
    assert damaged(UNKNOWN, folder) == []
    (folder / "config.json").write_bytes(b"{}")
    assert damaged(UNKNOWN, folder) == ["config.json"]


def test_even_on_trust_large_files_are_what_the_hub_says_they_are(hub: Hub, tmp_path: Path) -> None:
    hub.sent = {"weights/model.bin": FILES["weights/model.bin"][::-1]}

    assert refused(hub, tmp_path, UNKNOWN, revision=COMMIT, trust=True).code == "wrong_digest"


def test_the_pinned_revision_comes_back_after_another_was_tried(hub: Hub, tmp_path: Path) -> None:
    older = tiny({**FILES, "config.json": b'{"model_type": "older"}\n'}, revision=OTHER)
    fetch(hub, tmp_path, older, revision=COMMIT, trust=True)
    assert damaged(older, tmp_path / "tiny") == [], "it is what was asked for"

    fetch(hub, tmp_path)

    assert manifest(tmp_path / "tiny")["trusted"] is False
    assert damaged(tiny(), tmp_path / "tiny") == []


def test_what_came_some_other_way_and_was_never_recorded_can_not_be_checked(tmp_path: Path) -> None:
    with pytest.raises(ModelError) as failure:
        damaged(UNKNOWN, tmp_path)

    assert failure.value.code == "not_pinned"


# --- removed


def test_a_model_is_removed_with_what_was_on_its_way(hub: Hub, tmp_path: Path) -> None:
    fetch(hub, tmp_path)
    (tmp_path / STAGING / f"tiny@{OTHER}").mkdir()

    remove(tiny(), tmp_path, say=lambda line: None)

    assert [path.name for path in tmp_path.rglob("*")] == [STAGING, "tiny.lock"]
    with pytest.raises(ModelError) as failure:
        remove(tiny(), tmp_path, say=lambda line: None)
    assert failure.value.code == "not_here"


# --- licences


def test_a_licence_is_accepted_once_by_name_and_remembered(tmp_path: Path) -> None:
    assert not accepted("nllb-200", Settings(), tmp_path)

    accept("nllb-200", tmp_path / "models")

    assert accepted("nllb-200", Settings(), tmp_path / "models")
    assert not accepted("xtts-v2", Settings(), tmp_path / "models")
    assert accepted("xtts-v2", Settings(licences="nllb-200, xtts-v2"), tmp_path)


@pytest.mark.parametrize("broken", ["", "[]", "{", "7"])
def test_a_broken_list_of_licences_accepts_none(tmp_path: Path, broken: str) -> None:
    (tmp_path / "licences.json").write_text(broken)

    assert not accepted("nllb-200", Settings(), tmp_path)


# --- the command


@pytest.fixture
def here(hub: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of models that the command uses."""
    monkeypatch.setenv("DRAGOMAN_MODELS", str(tmp_path))
    return tmp_path


def test_the_command_needs_no_other_setting_and_loads_no_engine(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "agent.engines", "models", "list"],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], "DRAGOMAN_MODELS": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0
    assert not re.search(r"ctranslate2|faster_whisper|onnxruntime|huggingface_hub", done.stderr)
    assert re.search(r"^nllb-200 +no +642 .*CC-BY-NC-4\.0, NOT FOR COMMERCIAL USE$", done.stdout, re.MULTILINE)
    assert re.search(r"^whisper-base +no +148 +74 +CPU, GPU +99 +en 0\.11, ", done.stdout, re.MULTILINE)


def test_a_pull_shows_how_far_it_is_and_what_to_set(hub: Hub, tmp_path: Path) -> None:
    shown = command(hub, tmp_path, "pull", "tiny", TQDM_POSITION="-1")  # a bar without a terminal

    done = subprocess.run(**shown, capture_output=True, text=True, check=False)

    assert done.returncode == 0
    assert re.search(r"model\.bin: +100%.*25\.2M/25\.2M", done.stderr)
    assert done.stdout.splitlines() == [
        f"tiny is in {tmp_path / 'tiny'}.",
        f"To use it: DRAGOMAN_WHISPER_MODEL={tmp_path / 'tiny'}",
    ]


def test_a_licence_that_was_not_accepted_is_asked_for_by_name(
    hub: Hub, here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bound = tiny(commercial=False, licence="CC-BY-NC-4.0", accept="tiny-licence")
    fetch(hub, here, bound)

    assert main(["pull", "tiny"], {"tiny": bound}) == 1
    asked = capsys.readouterr().err
    assert main(["pull", "tiny", "--accept-licence"], {"tiny": bound}) == 0
    assert main(["pull", "tiny"], {"tiny": bound}) == 0, "once is enough"

    assert asked.startswith("licence_not_accepted: ")
    assert all(word in asked for word in ("CC-BY-NC-4.0", "--accept-licence", "DRAGOMAN_LICENCES=tiny-licence"))


def test_check_looks_at_every_byte_of_all_that_is_here(
    hub: Hub, here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    of = {"tiny": tiny(), "absent": tiny(name="absent")}
    fetch(hub, here)

    assert main(["check"], of) == 0
    (here / "tiny" / "model.bin").write_bytes(b"damaged")
    assert main(["check", "tiny"], of) == 1
    assert main(["check", "absent"], of) == 1

    said = capsys.readouterr()
    assert said.out.splitlines() == [
        "tiny: every byte as it should be",
        "tiny: model.bin missing or damaged; `pull tiny` mends it",
    ]
    assert said.err.startswith("not_here: absent")


def test_remove_and_list_agree(hub: Hub, here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    fetch(hub, here)

    main(["list"], {"tiny": tiny()})
    main(["remove", "tiny"], {"tiny": tiny()})
    main(["list"], {"tiny": tiny()})

    assert re.findall(r"^tiny +(\w+)", capsys.readouterr().out, re.MULTILINE) == ["yes", "is", "no"]


def test_a_name_that_is_not_listed_is_met_with_those_that_are(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["pull", "whisper-huge"]) == 1

    assert re.match(r"unknown_model: .*whisper-huge; there are whisper-tiny, ", capsys.readouterr().err)


def test_voices_are_added_to_those_that_are_set(
    hub: Hub, here: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    voice = tiny(stage="speak", setting="DRAGOMAN_PIPER_VOICES", value="de={folder}/model.bin", listed=True)
    fetch(hub, here, voice)
    monkeypatch.setenv("DRAGOMAN_PIPER_VOICES", "en=joe.onnx")

    main(["pull", "tiny"], {"tiny": voice})

    assert f"DRAGOMAN_PIPER_VOICES=en=joe.onnx,de={here}/tiny/model.bin" in capsys.readouterr().out


def test_the_real_whisper_comes_from_a_hub_that_has_it_and_is_loaded(tmp_path: Path) -> None:
    model, have = models()["whisper-base"], Settings().whisper_model
    files = {file.path: (ROOT / have / file.name).read_bytes() for file in model.files}
    hub = Hub(files, str(model.revision), repository=model.repository)

    with serving(hub):
        done = subprocess.run(
            [sys.executable, "-m", "agent.engines", "models", "pull", "whisper-base"],
            cwd=ROOT,
            env={**os.environ, "HF_ENDPOINT": hub.url, "DRAGOMAN_MODELS": str(tmp_path)},
            check=False,
        )

    assert done.returncode == 0
    engine = load("recognise", "whisper", Settings(whisper_model=tmp_path / "whisper-base"))
    assert engine.served().languages["en"] == WER["en"]


# --- what is listed

DEFAULTS = {"whisper_model": "whisper-base", "nllb_model": "nllb-200", "madlad_model": "madlad-400"}
listed = pytest.mark.parametrize("model", models().values(), ids=lambda model: model.name)


@listed
def test_whatever_is_pinned_is_pinned_whole(model: Model) -> None:
    assert re.fullmatch(r"[\w.-]+/[\w.-]+", model.repository)
    assert len({file.name for file in model.files}) == len(model.files) > 1
    if model.revision:
        assert re.fullmatch(r"[0-9a-f]{40}", model.revision)
        assert all(re.fullmatch(r"[0-9a-f]{64}", file.sha256 or "") for file in model.files)
        assert model.size
    assert not model.pinned or model.memory


@listed
def test_what_may_not_be_used_commercially_has_a_name_to_accept_it_by(model: Model) -> None:
    assert (model.commercial is False) == (model.accept is not None)


@listed
def test_the_setting_that_is_shown_exists(model: Model) -> None:
    field = (model.setting or "DRAGOMAN_MODELS").removeprefix("DRAGOMAN_").lower()

    assert field in Settings.model_fields


def test_the_settings_find_what_is_pulled_by_default() -> None:
    settings = Settings()

    for field, name in DEFAULTS.items():
        assert Path(getattr(settings, field)) == settings.models / models()[name].name


def test_whisper_base_is_the_one_that_the_set_up_joins() -> None:
    assert {file.name: file.sha256 for file in models()["whisper-base"].files} == weights.DIGESTS


def test_the_quality_that_is_shown_is_the_one_that_was_measured() -> None:
    measured = {name: model.quality for name, model in models().items() if model.quality}

    assert measured == {"whisper-base": WER}


def test_every_model_is_in_the_documentation() -> None:
    shown = (catalogue.CATALOGUE.parents[3] / "docs" / "models.md").read_text()

    assert [name for name in models() if f"`{name}`" not in shown] == []
