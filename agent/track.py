"""One track, from chunk to segment."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import replace

from .aio import Inbox, supervise
from .attribution import attribute
from .engines import Diarization, Diarizer, Recognition, Recognizer
from .errors import EngineError
from .nouns import Chunk, Hypothesis, Segment, Turn


class TrackLine:
    """Listens to one track until its inbox is closed, then settles what was heard.

    A mute, a lost track, a speaker who leaves and a change of language all close the inbox;
    what comes after begins a new line.
    """

    TURNS = 60.0
    """Seconds of turns that are remembered for attribution."""

    def __init__(
        self,
        identity: str,
        track: str,
        language: str | None,
        recognizer: Recognizer,
        tell: Callable[[Hypothesis | Segment], None],
        *,
        diarizer: Diarizer | None = None,
        failed: Callable[[EngineError], None] = lambda error: None,
    ) -> None:
        self.identity = identity
        self.track = track
        self.inbox = Inbox()
        self._recognizer = recognizer
        self._recognition: Recognition = recognizer.listen(track, language)
        self._diarization: Diarization | None = diarizer.follow(track) if diarizer else None
        self._turns: deque[Turn] = deque()
        self._tell = tell
        self._failed = failed

    async def run(self) -> None:
        """Hear everything, then finish."""
        async for chunk in self.inbox:
            await self._hear(chunk)
        self._pass_on(await supervise(self._recognition.finish, failed=self._failed))

    async def _hear(self, chunk: Chunk) -> None:
        if self._diarization:
            self._remember(await self._diarization.push(chunk))
        try:
            self._pass_on(await self._recognition.push(chunk))
        except EngineError as error:
            self._failed(error)
            if error.code == "not_served":
                # No engine knows the language that was set: better to find out than to stay deaf.
                self._recognition = self._recognizer.listen(self.track, None)
            elif not error.retryable:
                raise

    def _remember(self, turns: Sequence[Turn]) -> None:
        self._turns.extend(turns)
        while self._turns and self._turns[0].end < self._turns[-1].end - self.TURNS:
            self._turns.popleft()

    def _pass_on(self, said: Sequence[Hypothesis | Segment]) -> None:
        for one in said:
            mine = replace(one, identity=self.identity)
            self._tell(attribute(mine, self._turns) if isinstance(mine, Segment) else mine)
