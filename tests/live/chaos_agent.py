"""The real agent, in whose rooms a part fails every second: `python -m tests.live.chaos_agent` instead of `agent`.

DRAGOMAN_CHAOS_SECONDS is for how long, DRAGOMAN_CHAOS_REPORT the file that says every second what has come to pass,
DRAGOMAN_CHAOS_SEED which faults.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from livekit.agents import JobContext

from agent import __main__ as agent
from agent import assembly, worker
from agent.calls import Calls
from agent.caption_sender import CaptionSender
from agent.dub_track import DubTracks
from agent.engines.fake import FakeDetector
from agent.engines.service.client import Remote
from agent.interpreter import Interpreter
from agent.nouns import Caption
from agent.recognition.streaming import Streaming
from agent.room import Room
from agent.settings import Settings
from tests.chaos import Faults, FaultyRecognizer, FaultyTranslator, FaultyVoice, faulty_keep, one_fault

LANGUAGES = ("en", "fr", "es", "de")
FAULTS = Faults(int(os.environ.get("DRAGOMAN_CHAOS_SEED", "0")))
"""Of the one room of a job's process."""


def faulty_remote(settings: Settings, room: str = "") -> Remote:
    remote = Remote(settings, room)
    remote.ear = FaultyRecognizer(remote.ear, FAULTS)  # type: ignore[assignment]
    remote.translator = FaultyTranslator(remote.translator, FAULTS)  # type: ignore[assignment]
    remote.voice = FaultyVoice(remote.voice, FAULTS)  # type: ignore[assignment]
    return remote


class FaultyRoom(Room):
    def __init__(self, *given: Any, keep: Callable[..., Any] | None = None, **options: Any) -> None:
        super().__init__(*given, keep=faulty_keep(keep or (lambda said: None), FAULTS), **options)


class FaultySender(CaptionSender):
    """Its doors stick."""

    def show(self, caption: Caption) -> None:
        super().show(caption)
        if caption.final:
            FAULTS.strike_now(f"show.{caption.lang}")

    async def open_captions(self, lang: str) -> None:
        await FAULTS.strike(f"data_track.{lang}")
        await super().open_captions(lang)


class FaultyTracks(DubTracks):
    """They break."""

    async def open_channel(self, lang: str) -> Any:
        await FAULTS.strike(f"dub_track.{lang}")
        channel = await super().open_channel(lang)
        play = channel.play

        async def breaks(dub: Any) -> None:
            await FAULTS.strike(f"channel.{lang}")
            await play(dub)

        channel.play = breaks  # type: ignore[method-assign]
        return channel


class FaultyCalls(Calls):
    """Some of them fail."""

    async def asked(self, method: str, identity: str, payload: str) -> str:
        FAULTS.strike_now("calls")
        return await super().asked(method, identity, payload)


class FaultyInterpreter(Interpreter):
    """Breaks one of its parts after the other."""

    async def spoil(self) -> None:
        """A fault a second, then none."""
        report = Path(os.environ["DRAGOMAN_CHAOS_REPORT"])
        for second in range(int(os.environ["DRAGOMAN_CHAOS_SECONDS"])):
            one_fault(self._parts.room, FAULTS, LANGUAGES)
            if second % 7 == 0:
                FAULTS.cause("calls")
            await asyncio.sleep(1.0)
            self.tell(report, second=second)
        FAULTS.calm()
        while True:
            self.tell(report, calm=True)
            await asyncio.sleep(0.5)

    def tell(self, report: Path, **how: object) -> None:
        failures = {" ".join(which): count for which, count in self._parts.room.failures.counts.items()}
        spoiled = sorted(FAULTS.spoiled)
        told = {"pid": os.getpid(), "done": FAULTS.done, "failures": failures, "spoiled": spoiled, **how}
        whole = report.with_suffix(f".{os.getpid()}")
        whole.write_text(json.dumps(told))
        whole.replace(report)


async def enter(ctx: JobContext) -> None:
    """In a job's process, which has imported everything anew."""
    assembly.Streaming = lambda ear: Streaming(ear, FakeDetector)  # type: ignore[assignment,misc]  # people hum in these rooms
    assembly.Remote = faulty_remote  # type: ignore[assignment,misc]
    assembly.Room = FaultyRoom  # type: ignore[misc]
    assembly.CaptionSender = FaultySender  # type: ignore[misc]
    assembly.DubTracks = FaultyTracks  # type: ignore[misc]
    assembly.Calls = FaultyCalls  # type: ignore[misc]
    worker.Interpreter = FaultyInterpreter  # type: ignore[misc]
    for lang in LANGUAGES:
        FAULTS.cause(f"data_track.{lang}", 2)
        FAULTS.cause(f"dub_track.{lang}", 2)
    await ENTER(ctx)
    ctx.proc.userdata["spoiling"] = asyncio.create_task(ctx.proc.userdata["interpreter"].spoil())


ENTER = worker.enter

if __name__ == "__main__":
    worker.enter = enter
    sys.exit(agent.main())
