"""Silero's voice activity detector, as LiveKit ships it in a wheel."""

from __future__ import annotations

import numpy as np

FRAME = 512
"""Samples of a frame: 32 ms at 16 kHz."""


class Silero:
    """A `VoiceActivityDetector` of one track. Quiet speakers are raised to a speaking level for it, at most 30 dB.

    The level is followed by its loudest frames and forgotten within seconds, so that a
    person who moves away is still heard; what is only background stays below `FLOOR`.
    """

    TARGET = 3_000.0
    MOST = 32.0
    FLOOR = 12.0
    FORGET = 0.995

    def __init__(self) -> None:
        from livekit.local_inference import VAD

        self._detector = VAD()
        self._peak = self.FLOOR

    def speech(self, frame: bytes) -> float:
        """See `VoiceActivityDetector`; `frame` is exactly 512 samples of mono int16."""
        samples = np.frombuffer(frame, np.int16)
        level = float(np.sqrt(np.mean(samples.astype(np.float32) ** 2)))
        self._peak = max(level, self._peak * self.FORGET, self.FLOOR)
        gain = min(self.MOST, max(1.0, self.TARGET / self._peak))
        return float(self._detector.predict(np.clip(samples * gain, -32_768, 32_767).astype(np.int16)))

    def reset(self) -> None:
        self._detector.reset()
        self._peak = self.FLOOR
