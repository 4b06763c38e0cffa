"""What a text sounds like by eSpeak NG's rules, in IPA, without a file or a program in between.

Loads the library, which is under the GPL: only for programs that are processes of their own.
"""

from __future__ import annotations

import ctypes
from typing import Any

# The constants of its speak_lib.h.
SYNCHRONOUS, UTF8, IPA = 2, 1, 0x02


class Phonemes:
    """eSpeak NG's pronunciation of one language (`en-us`, `de`, …). Not thread-safe."""

    def __init__(self, language: str) -> None:
        """Raises `ValueError` where eSpeak NG doesn't know the language."""
        import espeakng_loader

        self._library: Any = ctypes.CDLL(espeakng_loader.get_library_path())
        if self._library.espeak_Initialize(SYNCHRONOUS, 0, str(espeakng_loader.get_data_path()).encode(), 0) <= 0:
            raise RuntimeError("eSpeak NG found no data")
        self._library.espeak_TextToPhonemes.restype = ctypes.c_char_p
        self._language = language.encode()
        self._choose()

    def of(self, text: str, separator: str = "") -> str:
        """The phonemes of a text; `separator` (one character) between them."""
        self._choose()
        mode = IPA | (ord(separator) << 8 if separator else 0)
        left = ctypes.c_char_p(text.encode())
        said = []
        while left.value:
            said.append(self._library.espeak_TextToPhonemes(ctypes.byref(left), UTF8, mode).decode())
        return " ".join(part.strip() for part in said if part.strip())

    def _choose(self) -> None:
        # The library has one voice at a time, whoever asks.
        if self._library.espeak_SetVoiceByName(self._language) != 0:
            raise ValueError("eSpeak NG does not know this language")
