"""What a language of a room needs, put together: its captioner and its dubber."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from .captions import Captioner, CaptionerDoors, Written
from .condition import Condition
from .dubs import Channel, Dubber, DubberDoors, VoiceAssignment
from .errors import EngineError
from .languages import same_language
from .nouns import Caption
from .recording import Recording
from .terms.glossary import Glossary
from .translations import SharedTranslations
from .voice_cloning import VoiceCloning

Take = Callable[[Caption], None]


class LanguageMakers:
    """One room's (`channels.Makers`). All its languages share translations, and who speaks with which voice."""

    def __init__(
        self,
        condition: Condition,
        recording: Recording,
        translations: SharedTranslations,
        cloning: VoiceCloning,
        glossary: Glossary,
        show: Take,
    ) -> None:
        self._condition = condition
        self._recording = recording
        self._translations = translations
        self._cloning = cloning
        self._glossary = glossary
        self._show = show
        self._voices = VoiceAssignment()

    def captioner(self, lang: str, say: Take) -> Captioner:
        """`say` gets the finals that are for the language's voice."""
        doors = _Captions(lang, self._condition, self._recording, self._show, say)
        return Captioner(lang, self._translations, doors, self._condition.now)

    def dubber(self, lang: str, channel: Channel) -> Dubber:
        doors = _Dubs(lang, self._condition, self._glossary)
        return Dubber(lang, self._cloning, channel, now=self._condition.now, cast=self._voices, doors=doors)


@dataclass(frozen=True, slots=True)
class _Captions(CaptionerDoors):
    lang: str
    condition: Condition
    recording: Recording
    out: Take
    voice: Take

    def show(self, caption: Caption) -> None:
        try:
            self.out(caption)
        except Exception as error:
            self.gave_up(error)

    def say(self, final: Caption) -> None:
        if self.condition.gives_up.voices and not same_language(final.source, self.lang):
            self.voice(final)

    def keep(self, final: Caption) -> Written | None:
        return self.recording.final(final)

    def previews(self) -> bool:
        return self.condition.gives_up.previews

    def merging(self) -> bool:
        return self.condition.gives_up.merging

    def failed(self, error: EngineError) -> None:
        self.condition.failed(error)

    def gave_up(self, error: Exception) -> None:
        self.condition.failures.fell(f"captions.{self.lang}", error)

    def took(self, seconds: float) -> None:
        self.condition.took("translate", seconds)


@dataclass(frozen=True, slots=True)
class _Dubs(DubberDoors):
    lang: str
    condition: Condition
    glossary: Glossary

    def failed(self, error: EngineError) -> None:
        self.condition.failed(error)
        if not error.passes:
            self.condition.failures.fell(f"dub.{self.lang}", error)

    def took(self, seconds: float) -> None:
        self.condition.took("speak", seconds)

    def spelled(self, text: str) -> str:
        return self.glossary.pronounced(text, self.lang)
