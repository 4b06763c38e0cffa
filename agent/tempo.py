"""Speech made faster at the same pitch, by FFmpeg's `atempo` (WSOLA): a pure function over int16 samples."""

from __future__ import annotations

from typing import Any

import numpy as np

from .loudness import Samples

FASTEST = 1.25
"""What `Voice` may be asked for at most."""


def faster(samples: Samples, rate: int, speed: float) -> Samples:
    """The same speech in `1 / speed` of its time; `speed` is 1.0 to `FASTEST`."""
    speed = min(FASTEST, max(1.0, speed))
    if speed == 1.0 or not samples.size:
        return samples
    import av

    graph = av.filter.Graph()
    source = graph.add_abuffer(sample_rate=rate, format="s16", layout="mono")
    tempo, sink = graph.add("atempo", f"{speed:.4f}"), graph.add("abuffersink")
    source.link_to(tempo)
    tempo.link_to(sink)
    graph.configure()
    frame = av.AudioFrame.from_ndarray(samples[np.newaxis], format="s16", layout="mono")
    frame.sample_rate, frame.pts = rate, 0
    graph.push(frame)
    graph.push(None)
    made = []
    while True:
        try:
            pulled: Any = sink.pull()
            made.append(pulled.to_ndarray().reshape(-1))
        except (av.EOFError, av.BlockingIOError):
            return np.concatenate([samples[:0], *made]).astype(np.int16)
