"""What other people's recognizers hear, what is counted of what they told, and the weights they are given."""

from __future__ import annotations

import asyncio
import struct
from pathlib import Path

import numpy as np
import pytest

from bench.peers.commits import Transcription
from bench.peers.stream import BYTES, Timeline, arriving
from bench.peers.weights import parted, read
from bench.silence import SOUNDS, made
from tests.simulated_time import SimulatedLoop


@pytest.mark.simulated_time
async def test_sound_arrives_when_it_has_been_spoken_and_at_once_when_nobody_took_it() -> None:
    loop = asyncio.get_running_loop()
    assert isinstance(loop, SimulatedLoop)
    timeline = Timeline(loop)
    timeline.begin()

    taken = []
    async for _ in arriving(bytes(BYTES // 2), timeline):
        taken.append(timeline.now)
        if len(taken) == 2:
            await asyncio.sleep(0.2)

    assert taken == pytest.approx([0.06, 0.12, 0.32, 0.32, 0.32, 0.36, 0.42, 0.48, 0.5])


def test_committed_words_that_do_not_stay_are_counted_and_those_that_come_are_not() -> None:
    timeline = [(1.0, "I see"), (2.0, "I see the sea"), (3.0, "I saw the sea here"), (4.0, "I saw the sea here.")]

    assert Transcription("i saw the sea here", timeline, 1.0, 5.0, []).changed == 1


def test_a_clause_that_is_settled_just_before_the_next_begins_takes_no_word_back() -> None:
    timeline = [(1.0, "I see the"), (2.0, "I see"), (2.001, "I see the sea")]

    assert Transcription("i see the sea", timeline, 1.0, 5.0, []).changed == 0


def test_a_model_file_is_read_and_fused_projections_are_parted(tmp_path: Path) -> None:
    def text(value: str) -> bytes:
        return struct.pack("<H", len(value) + 1) + value.encode() + b"\0"

    fused = np.arange(12, dtype=np.float16).reshape(6, 2)
    arrays = {"self_attention/linear_0/weight": fused, "self_attention/linear_0/bias": np.arange(6, dtype=np.float16)}
    for name in ("self_attention/linear_1", "ffn/linear_0", "ffn/linear_1"):
        arrays |= {f"{name}/weight": np.ones((2, 2), np.float16), f"{name}/bias": np.ones(2, np.float16)}
    for name in ("self_attention/layer_norm", "ffn/layer_norm"):
        arrays |= {f"{name}/gamma": np.ones(2, np.float16), f"{name}/beta": np.ones(2, np.float16)}
    named = {f"encoder/layer_0/{name}": array for name, array in arrays.items()}
    for name in ("conv1", "conv2"):
        named |= {
            f"encoder/{name}/weight": np.ones((2, 2, 3), np.float16),
            f"encoder/{name}/bias": np.ones(2, np.float16),
        }
    for part in ("encoder", "decoder"):
        named[f"{part}/position_encodings/encodings"] = np.ones((4, 2), np.float16)
        named |= {f"{part}/layer_norm/gamma": np.ones(2, np.float16), f"{part}/layer_norm/beta": np.ones(2, np.float16)}
    named["decoder/embeddings/weight"] = np.ones((5, 2), np.float16)
    file = tmp_path / "model.bin"
    file.write_bytes(
        struct.pack("<I", 6)
        + text("WhisperSpec")
        + struct.pack("<II", 3, len(named))
        + b"".join(
            text(name)
            + struct.pack("<B", array.ndim)
            + struct.pack(f"<{array.ndim}I", *array.shape)
            + struct.pack("<BI", 4, array.nbytes)
            + array.tobytes()
            for name, array in named.items()
        )
    )

    state = dict(parted(read(file)))

    assert state["encoder.blocks.0.attn.query.weight"].tolist() == fused[:2].tolist()
    assert state["encoder.blocks.0.attn.key.weight"].tolist() == fused[2:4].tolist()
    assert state["encoder.blocks.0.attn.value.bias"].tolist() == [4, 5]
    assert "encoder.blocks.0.attn.key.bias" not in state


def test_another_version_of_the_model_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "model.bin").write_bytes(struct.pack("<IH", 7, 1) + b"\0" + struct.pack("<II", 3, 0))

    with pytest.raises(ValueError, match="version 7"):
        read(tmp_path / "model.bin")


@pytest.mark.parametrize("name", SOUNDS)
def test_a_sound_without_speech_is_as_long_and_as_loud_as_it_says_and_always_the_same(name: str) -> None:
    pcm = made(name, 7.0)

    samples = np.frombuffer(pcm, np.int16).astype(np.float64) / 32_768
    assert len(samples) == 7 * 16_000
    assert pcm == made(name, 7.0)
    assert 20 * np.log10(samples.std() + 1e-6) == pytest.approx(SOUNDS[name][0], abs=1.5)
