"""How far each step is, on a terminal or in a log."""

from __future__ import annotations

import shutil
import sys
import threading
import time
from types import TracebackType
from typing import TextIO

_REDRAW = 0.25
_REMIND = 30.0


class Progress:
    """A board (`step.Board`): on a terminal a moving line per running step, elsewhere a line when something changes."""

    def __init__(self, out: TextIO | None = None) -> None:
        self._out = out or sys.stdout
        self._moving = self._out.isatty()
        self._lock = threading.Lock()
        self._begun = time.monotonic()
        self._running: dict[str, tuple[float, str, str]] = {}
        self._drawn = 0
        self._stop = threading.Event()
        self._ticker = threading.Thread(target=self._tick, daemon=True)

    def __enter__(self) -> Progress:
        self._ticker.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._stop.set()
        self._ticker.join()
        with self._lock:
            self._clear()

    def begin(self, name: str, text: str) -> None:
        with self._lock:
            self._running[name] = (time.monotonic(), text, "")
            if not self._moving:
                self._print(f"{name:<9} {text} …")

    def note(self, name: str, text: str) -> None:
        with self._lock:
            if name in self._running:
                begun, doing, _ = self._running[name]
                self._running[name] = (begun, doing, text)

    def end(self, name: str, text: str, seconds: float) -> None:
        self._last(name, f"{name:<9} {text} ({_clock(seconds)})")

    def without(self, name: str, text: str) -> None:
        self._last(name, f"{name:<9} left out: {text}")

    def fail(self, name: str, text: str) -> None:
        self._last(name, f"{name:<9} FAILED: {text}")

    def _last(self, name: str, line: str) -> None:
        with self._lock:
            self._running.pop(name, None)
            self._clear()
            self._print(line)
            self._draw()

    def _print(self, line: str) -> None:
        print(f"[{_clock(time.monotonic() - self._begun)}] {line}", file=self._out, flush=True)

    def _tick(self) -> None:
        reminded = time.monotonic()
        while not self._stop.wait(_REDRAW):
            with self._lock:
                if self._moving:
                    self._clear()
                    self._draw()
                elif time.monotonic() - reminded >= _REMIND and self._running:
                    reminded = time.monotonic()
                    self._print(f"still at work: {', '.join(sorted(self._running))}")

    def _clear(self) -> None:
        if self._drawn:
            self._out.write(f"\x1b[{self._drawn}A\x1b[J")
            self._drawn = 0

    def _draw(self) -> None:
        if not self._moving:
            return
        width = shutil.get_terminal_size().columns - 1
        now = time.monotonic()
        for name, (begun, doing, note) in self._running.items():
            self._out.write(f"  {_clock(now - begun)}  {name:<9} {doing}  {note}"[:width] + "\n")
        self._drawn = len(self._running)
        self._out.flush()


def _clock(seconds: float) -> str:
    return f"{int(seconds) // 60}:{int(seconds) % 60:02d}"
