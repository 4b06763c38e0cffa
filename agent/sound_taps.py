"""What sound is listened to for, beside recognition."""

from __future__ import annotations

from collections.abc import Callable

from .audio_history import AudioHistory
from .nouns import Chunk, Segment
from .recognition.language_check import LanguageChecks
from .voice_cloning import VoiceCloning


class SoundTaps:
    """Hears what recognition hears: for who hears a clause a second time, for a voice like the speaker's own, and for
    noticing who speaks something else than they say.

    All of it is a courtesy: what fails here is told to `fell` as `sound.<track>`, and costs no word.
    """

    def __init__(
        self,
        history: AudioHistory,
        cloning: VoiceCloning,
        checks: LanguageChecks | None,
        fell: Callable[[str, Exception], None],
    ) -> None:
        self.history = history
        self.cloning = cloning
        self.checks = checks
        self._fell = fell

    def hear(self, identity: str, declared: str | None, chunk: Chunk) -> None:
        """Sound of somebody who says that they speak `declared`; None where they said nothing yet."""
        try:
            self.cloning.hear(identity, chunk)
            self.history.hear(chunk)
            if self.checks and declared is not None:
                self.checks.hear(identity, declared, chunk)
        except Exception as error:
            self._fell(f"sound.{chunk.track}", error)

    def said(self, segment: Segment) -> None:
        """A clause that was settled."""
        try:
            self.cloning.said(segment)
        except Exception as error:
            self._fell(f"sound.{segment.track}", error)

    def insisted(self, identity: str) -> None:
        """Somebody says again which language they speak."""
        if self.checks:
            self.checks.insisted(identity)

    def left(self, identity: str) -> None:
        """Nothing of their sound stays."""
        self.cloning.take_back(identity)
        if self.checks:
            self.checks.forget(identity)

    async def run(self) -> None:
        """Look at what people speak, until cancelled."""
        if self.checks:
            await self.checks.run()

    def close(self) -> None:
        """The room is over."""
        self.cloning.close()
