"""All of Dragoman's processes on this machine, kept alive until they are told to stop."""

from __future__ import annotations

import fcntl
import http.client
import json
import logging
import logging.handlers
import os
import signal
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TextIO

from honcho.environ import parse_procfile
from honcho.printer import Message
from honcho.process import Process

from . import environment
from .settings import Local, Refused, refuse_occupied
from .setup.paths import HERE
from .setup.secret import secrets_in
from .supervise import descendants

_WAITS = (0.5, 1.0, 2.0, 4.0, 8.0)
_STEADY = 30.0
_GONE_WITHIN = 18.0
_TRACEBACK = 12
_FIRST, _LAST = "agent", "postgres"
"""What is said last needs engines, the LiveKit server and the database, to which others still write."""

Say = Callable[[str], None]
Show = Callable[[Message], None]


class Kept:
    """One line of the Procfile, started again, after a pause that grows, whenever it ends."""

    def __init__(
        self, name: str, command: str, env: Mapping[str, str], logs: Path, say: Say, show: Show | None
    ) -> None:
        self.name = name
        self._command = command
        self._env = dict(env)
        self._say = say
        self._show = show
        self._path = logs / f"{name}.log"
        self._log = _log_file(self._path)
        self._stopping = threading.Event()
        self._lock = threading.Lock()
        self._pid: int | None = None
        self._ended: int | None = None
        self._printed: deque[str] = deque(maxlen=_TRACEBACK)
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        self._thread.start()

    @property
    def pid(self) -> int | None:
        """The program's own process; None while it isn't running."""
        return next(iter(self.pids), None)

    @property
    def pids(self) -> list[int]:
        """The program's process and all that it started."""
        return descendants(self._pid) if self._pid else []

    def ask_to_stop(self) -> None:
        with self._lock:
            self._stopping.set()
            if self._pid:
                with suppress(ProcessLookupError):
                    os.kill(self._pid, signal.SIGTERM)

    def wait(self) -> None:
        self._thread.join(_GONE_WITHIN)
        if self._thread.is_alive() and self._pid:
            for pid in [*descendants(self._pid), self._pid]:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            self._thread.join()
        for handler in self._log.handlers:
            handler.close()

    def put(self, message: Message) -> None:
        """What honcho tells of the process: that it started, each line it prints, that it ended."""
        match message.type:
            case "start":
                with self._lock:
                    self._pid = message.data["pid"]
                if self._stopping.is_set():
                    self.ask_to_stop()
            case "line":
                line = message.data.decode(errors="replace").rstrip()
                self._log.info(line)
                if line.strip():
                    self._printed.append(line)
                if self._show:
                    self._show(message)
            case "stop":
                with self._lock:
                    self._pid = None
                self._ended = message.data["returncode"]

    def _run(self) -> None:
        failures = 0
        while not self._stopping.is_set():
            begun = time.monotonic()
            # The thread that starts a process must outlive it: the kernel tells the process of its starter's death.
            Process(self._command, name=self.name, env=self._env, cwd=str(HERE.root)).run(self)
            if self._stopping.is_set():
                return
            failures = 0 if time.monotonic() - begun > _STEADY else failures + 1
            self._rest(failures)

    def _rest(self, failures: int) -> None:
        """Between an end that nobody asked for, one of so many quick ones, and the next start."""
        pause = _WAITS[min(failures, len(_WAITS)) - 1] if failures else _WAITS[0]
        last = self._printed[-1].strip()[:200] if self._printed else "none"
        self._say(
            f"{self.name} ended (exit code {self._ended}, its last line: {last}); "
            f"starting it again in {pause:g} s; its log is {self._path}"
        )
        self._stopping.wait(pause)


class Stack:
    """Dragoman on one machine.

    `show` gets every line that a process prints; the logs get them in any case. Everything
    has stopped when `close` returns. The constructor raises `Refused` when nothing can start.
    """

    def __init__(self, local: Local, say: Say = print, show: Show | None = None) -> None:
        self.local = local
        self._folder = _alone_in(local.var)
        refuse_occupied(local)
        self._say = say
        self._show = show
        self.logs = local.var / "log"
        self.logs.mkdir(parents=True, exist_ok=True)
        self.env = environment.everything(local, secrets_in(local.var))
        environment.write_sfu_settings(local, self.env)
        self._commands: dict[str, str] = parse_procfile((HERE.root / "infra" / "Procfile").read_text()).processes
        self._kept: dict[str, Kept] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    @property
    def url(self) -> str:
        return self.local.url

    def start(self, *names: str) -> None:
        """Starts these, or all that are ours, in any order: each waits for what it needs."""
        for name in names or tuple(self._commands):
            if name not in self._kept and (names or name in self.local.processes):
                env = environment.of(name, self.env)
                self._kept[name] = self._keep(name, self._commands[name], env)
                self._kept[name].start()

    def _keep(self, name: str, command: str, env: Mapping[str, str]) -> Kept:
        return Kept(name, command, env, self.logs, self._say, self._show)

    def stop(self, *names: str) -> None:
        """Ends these, or all, and waits until nothing of them runs: the agent first, Postgres last."""
        ending = [self._kept.pop(name) for name in (names or tuple(self._kept)) if name in self._kept]
        turns = {_FIRST: 0, _LAST: 2}
        for turn in range(3):
            some = [kept for kept in ending if turns.get(kept.name, 1) == turn]
            for kept in some:
                kept.ask_to_stop()
            for kept in some:
                kept.wait()

    def close(self) -> None:
        self.stop()
        self._folder.close()

    def pid(self, name: str) -> int | None:
        """The process id of a program that we keep; None while it is down."""
        return self._kept[name].pid if name in self._kept else None

    def pids(self, name: str) -> list[int]:
        """The same with all processes that it started (an agent's rooms, an engine's programs)."""
        return self._kept[name].pids if name in self._kept else []

    def log(self, name: str) -> str:
        """What a process has printed so far."""
        path = self.logs / f"{name}.log"
        return path.read_text(errors="replace") if path.exists() else ""

    def readiness(self) -> tuple[bool, dict[str, Any]]:
        """What the web server's `/readyz` says; False and nothing while nobody answers."""
        try:
            asked = http.client.HTTPConnection(self.local.web_host, self.local.web_port, timeout=3)
            try:
                asked.request("GET", "/readyz")
                answer = asked.getresponse()
                said = json.loads(answer.read())
            finally:
                asked.close()
        except (OSError, http.client.HTTPException, ValueError):
            return False, {}
        return answer.status == 200, said if isinstance(said, dict) else {}

    def wait_ready(self, timeout: float = 60.0) -> dict[str, Any]:
        """What `/readyz` says once captions can flow. Raises `Refused` with what is still missing."""
        until = time.monotonic() + timeout
        said: dict[str, Any] = {}
        while time.monotonic() < until:
            ready, said = self.readiness()
            if ready:
                return said
            time.sleep(0.1)
        raise Refused(f"not ready after {timeout:g} s; /readyz says {json.dumps(said)}")


def _alone_in(var: Path) -> TextIO:
    """Holds a run's folder until it is closed. Raises `Refused` when another run has it."""
    var.mkdir(parents=True, exist_ok=True)
    held = (var / "run.lock").open("w")
    try:
        fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        held.close()
        raise Refused(f"Dragoman already runs in {var}: stop it, or set DRAGOMAN_VAR to another folder.") from None
    return held


def _log_file(path: Path) -> logging.Logger:
    """A log that stays small: 10 MB and one older part."""
    log = logging.Logger(path.name)
    handler = logging.handlers.RotatingFileHandler(path, maxBytes=10_000_000, backupCount=1, encoding="utf-8")
    log.addHandler(handler)
    return log
