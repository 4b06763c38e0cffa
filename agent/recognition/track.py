"""One track, from chunk to segment."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from functools import partial

from ..aio import Inbox, supervise
from ..engines import Diarizer, Recognition, Recognizer
from ..errors import EngineError
from ..nouns import Chunk, Hypothesis, Segment
from .voice_labels import VoiceLabels


class LineDoors:
    """What a line tells its room. Who implements it says what it minds; the rest is as here."""

    def tell(self, said: Hypothesis | Segment) -> None:
        """Everything that is said, as it is recognised."""

    def failed(self, error: EngineError) -> None:
        """An engine failed; its sound is heard later."""

    def gave_up(self, part: str, error: Exception) -> None:
        """A part, `recognise` or `diarize`, fell for good and was begun anew."""


class TrackLine:
    """Listens to one track until its inbox is closed, then settles what was heard.

    A mute, a lost track, a speaker who leaves and a change of language all close the inbox;
    what comes after begins a new line.

    A recognition that fails for good is begun anew: of what it had not settled, the words that it was sure of are
    settled as they are, and the rest is given up. Where `run` fell it may be called again.
    """

    TRIES = 3
    """Failures over the same sound after which it is given up."""

    FIRST_PAUSE, LONGEST_PAUSE = 0.2, 3.0
    """Seconds before a recognition is begun anew, doubled while none hears anything."""

    def __init__(
        self,
        identity: str,
        track: str,
        language: str | None,
        recognizer: Recognizer,
        doors: LineDoors,
        diarizer: Diarizer | None = None,
    ) -> None:
        self.identity = identity
        self.track = track
        self.inbox = Inbox()
        self._language = language
        self._recognizer = recognizer
        self._recognition: Recognition | None = None
        self._unsettled: Hypothesis | None = None
        self._blame = 0.0
        self._given_up = 0
        self._doors = doors
        self._labels = VoiceLabels(diarizer, track, partial(doors.gave_up, "diarize"))

    async def run(self) -> None:
        """Hear everything, then finish."""
        self._begin()
        async for chunk in self.inbox:
            await self._labels.hear(chunk)
            await self._hear(chunk)
        try:
            self._pass_on(await supervise(lambda: self._begin().finish(), failed=self._doors.failed, tries=self.TRIES))
        except Exception as error:
            self._give_up(error)

    async def _hear(self, chunk: Chunk) -> None:
        if self._recognition is None and self._given_up:  # sound waits meanwhile
            await asyncio.sleep(min(self.LONGEST_PAUSE, self.FIRST_PAUSE * 2.0 ** (self._given_up - 1)))
        try:
            said = await self._begin().push(chunk)
        except EngineError as error:
            self._doors.failed(error)
            if error.code == "not_served":
                # No engine knows the language that was set: better to find out than to stay deaf.
                self._language = None
                self._recognition = self._recognizer.listen(self.track, None)
            else:
                self._blame += error.blame
                if self._blame > self.TRIES - 0.01 or not error.retryable:
                    self._give_up(error)
        except Exception as error:
            self._give_up(error)
        else:
            self._blame, self._given_up = 0.0, 0
            self._pass_on(said)

    def _begin(self) -> Recognition:
        """The recognition, begun where there is none."""
        if self._recognition is None:
            self._recognition = self._recognizer.listen(self.track, self._language)
        return self._recognition

    def _give_up(self, error: Exception) -> None:
        """Begin anew, and settle what the recognition was sure of: somebody has read it already."""
        self._recognition, self._blame, sure = None, 0.0, self._unsettled
        self._given_up += 1
        self._doors.gave_up("recognise", error)
        if sure and (text := sure.text[: sure.stable].strip()):
            self._pass_on(
                [
                    Segment(
                        *(sure.id, sure.rev + 1, sure.track, sure.language, text, sure.start, sure.end, sure.engine),
                        speakable=False,
                    )
                ]
            )

    def _pass_on(self, said: Sequence[Hypothesis | Segment]) -> None:
        for one in said:
            mine = replace(one, identity=self.identity)
            if isinstance(mine, Segment):
                self._unsettled = None
                self._doors.tell(self._labels.on(mine))
            else:
                self._unsettled = mine
                self._doors.tell(mine)
