"""Runs one program and leaves nothing of it behind, whatever happens to the program, to us or to who started us.

    python -m infra.supervise [--stop INT] [--within SECONDS] PROGRAM [WORDS...]

The program gets the stop signal when we are told to stop or our parent dies, once more after a grace (livekit-server
waits for its participants at the first), and is killed after another (`--within`), with all that it started.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36
_AGAIN = 2.0
_KILL = 6.0
_STOPS = {signal.SIGTERM, signal.SIGINT, signal.SIGHUP}


def keep(words: Sequence[str], stop: signal.Signals = signal.SIGTERM, within: float = _KILL) -> int:
    """Runs to the program's end; its exit code, or 128 + the signal that ended it."""
    parent = os.getppid()
    told = _listen()
    _prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
    _prctl(_PR_SET_CHILD_SUBREAPER, 1)
    if os.getppid() != parent:
        return 128 + signal.SIGTERM
    try:
        # No thread runs here, so preexec_fn is safe.
        child = subprocess.Popen(words, preexec_fn=_be_kept, process_group=0)
    except OSError as error:
        print(f"{words[0]} did not start: {error.strerror}", flush=True)
        return 127
    code = _watch(child.pid, stop, told, within)
    _sweep()
    return code


def descendants(pid: int) -> list[int]:
    """Every process that this one started, or that those did, nearest first."""
    by_parent: dict[int, list[int]] = {}
    for child, parent in _processes():
        by_parent.setdefault(parent, []).append(child)
    found: list[int] = []
    waiting = [pid]
    while waiting:
        children = by_parent.get(waiting.pop(0), [])
        found += children
        waiting += children
    return found


def _listen() -> socket.socket:
    """From here a byte arrives for each signal that matters: its number."""
    told, write = socket.socketpair()
    write.setblocking(False)
    signal.set_wakeup_fd(write.detach(), warn_on_full_buffer=False)
    for sign in (*_STOPS, signal.SIGCHLD):
        signal.signal(sign, lambda number, frame: None)
    told.settimeout(0.25)
    return told


def _watch(child: int, stop: signal.Signals, told: socket.socket, within: float) -> int:
    since: float | None = None
    asked = 0
    while True:
        with contextlib.suppress(TimeoutError):
            if _STOPS & set(told.recv(64)):
                since = since or time.monotonic()
        if (code := _reap(child)) is not None:
            return code
        if since is None:
            continue
        waited = time.monotonic() - since
        if asked == 0 or (asked == 1 and waited > _AGAIN):
            asked += 1
            _send(child, stop)
        elif waited > within:
            _send(child, signal.SIGKILL)


def _reap(child: int) -> int | None:
    """Takes leave of all that ended; the child's exit code when it was among them."""
    code = None
    with contextlib.suppress(ChildProcessError):
        while (ended := os.waitpid(-1, os.WNOHANG))[0]:
            if ended[0] == child:
                code = os.waitstatus_to_exitcode(ended[1])
    return 128 - code if code is not None and code < 0 else code


def _sweep() -> None:
    """Ends what the program left running: orphans are handed to us, their subreaper."""
    for sign, grace in ((signal.SIGTERM, 1.0), (signal.SIGKILL, 2.0)):
        left = descendants(os.getpid())
        for pid in left:
            _send(pid, sign)
        until = time.monotonic() + grace
        while left and time.monotonic() < until:
            _reap(0)
            time.sleep(0.02)
            left = descendants(os.getpid())
        if not left:
            return


def _be_kept() -> None:
    _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def _prctl(option: int, value: int) -> None:
    """Only Linux has it; elsewhere a killed runner can leave programs behind."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(option, value, 0, 0, 0)


def _send(pid: int, sign: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, sign)


def _processes() -> Iterator[tuple[int, int]]:
    """(process, parent) of everything that runs."""
    for entry in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError, ValueError, IndexError):
            # The name, in parentheses, may hold anything; what follows the last one may not.
            fields = (entry / "stat").read_text().rpartition(")")[2].split()
            yield int(entry.name), int(fields[1])


def main(words: Sequence[str]) -> int:
    stop, within = signal.SIGTERM, _KILL
    while words[:1] in (["--stop"], ["--within"]):
        if words[0] == "--stop":
            stop = signal.Signals[f"SIG{words[1]}"]
        else:
            within = float(words[1])
        words = words[2:]
    return keep(words, stop, within)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
