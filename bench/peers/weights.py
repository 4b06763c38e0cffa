"""Whisper's CTranslate2 weights as a PyTorch checkpoint of OpenAI's format, for peers that read only that.

    var/peers/whisperlivekit/bin/python -m bench.peers.weights

The file is a header and named arrays (CTranslate2's `python/ctranslate2/specs/model_spec.py`, version 6 of the format);
what was fused there, queries with keys and values, is parted. `--check WAV` compares the two encoders on a recording.
"""

from __future__ import annotations

import argparse
import base64
import gzip
import json
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

Arrays = dict[str, NDArray[Any]]
TYPES = {0: np.float32, 1: np.int8, 2: np.int16, 3: np.int32, 4: np.float16}
"""CTranslate2's numbers of data types."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, default=Path("var/models/whisper-base"))
    parser.add_argument("--write", type=Path, default=Path("var/peers/whisper-base.pt"))
    parser.add_argument("--check", type=Path, metavar="PCM", help="raw 16 kHz mono int16")
    asked = parser.parse_args()
    import torch

    arrays = read(asked.model / "model.bin")
    state = {name: torch.from_numpy(array.astype(np.float32)) for name, array in parted(arrays)}
    torch.save({"dims": dimensions(arrays), "model_state_dict": state}, asked.write)
    if asked.check:
        print(f"encoders differ by {difference(asked.model, asked.write, asked.check):.2%} of the deviation")


def alignment_heads(model: Path) -> str:
    """Which heads of the decoder tell where a word is, in OpenAI's notation: a mask, packed, base85."""
    heads = json.loads((model / "config.json").read_text())["alignment_heads"]
    told = dimensions(read(model / "model.bin"))
    mask = np.zeros((told["n_text_layer"], told["n_text_head"]), bool)
    mask[tuple(zip(*heads, strict=True))] = True
    return base64.b85encode(gzip.compress(mask.tobytes())).decode()


def read(file: Path) -> Arrays:
    """All arrays of a CTranslate2 model by name. Raises ValueError for another version of the format."""
    with file.open("rb") as stream:
        version, _, _, count = _number(stream, "I"), _text(stream), _number(stream, "I"), _number(stream, "I")
        if version != 6:
            raise ValueError(f"{file} has version {version} of the format, not 6.")
        return dict(_array(stream) for _ in range(count))


def _array(stream: BinaryIO) -> tuple[str, NDArray[Any]]:
    name = _text(stream)
    shape = [_number(stream, "I") for _ in range(_number(stream, "B"))]
    kind = TYPES[_number(stream, "B")]
    return name, np.frombuffer(stream.read(_number(stream, "I")), kind).reshape(shape)


def _number(stream: BinaryIO, kind: str) -> int:
    (value,) = struct.unpack(f"<{kind}", stream.read(struct.calcsize(kind)))
    return int(value)


def _text(stream: BinaryIO) -> str:
    return stream.read(_number(stream, "H"))[:-1].decode()


def dimensions(arrays: Arrays) -> dict[str, int]:
    """As in OpenAI's checkpoints."""
    vocabulary, width = arrays["decoder/embeddings/weight"].shape
    sides = {}
    for side in ("audio", "text"):
        part = "encoder" if side == "audio" else "decoder"
        sides[f"n_{side}_ctx"] = len(arrays[f"{part}/position_encodings/encodings"])
        sides[f"n_{side}_state"] = width
        sides[f"n_{side}_head"] = int(arrays[f"{part}/num_heads"])
        sides[f"n_{side}_layer"] = len({name.split("/")[1] for name in arrays if name.startswith(f"{part}/layer_")}) - 1
    return {"n_mels": arrays["encoder/conv1/weight"].shape[1], "n_vocab": vocabulary, **sides}


def parted(arrays: Arrays) -> Iterator[tuple[str, NDArray[Any]]]:
    """Every array under OpenAI's name, keys without a bias (it is zero)."""
    yield "encoder.positional_embedding", arrays["encoder/position_encodings/encodings"]
    yield "decoder.positional_embedding", arrays["decoder/position_encodings/encodings"]
    yield "decoder.token_embedding.weight", arrays["decoder/embeddings/weight"]
    for conv in ("conv1", "conv2"):
        yield from _both(arrays, f"encoder/{conv}", f"encoder.{conv}")
    yield from _norm(arrays, "encoder/layer_norm", "encoder.ln_post")
    yield from _norm(arrays, "decoder/layer_norm", "decoder.ln")
    for layer in sorted({"/".join(name.split("/")[:2]) for name in arrays if "/layer_" in name}):
        part, number = layer.split("/layer_") if "/layer_" in layer else ("", "")
        if not number.isdigit():
            continue  # the layer_norm at the end
        yield from _block(arrays, layer, f"{part}.blocks.{number}")


def _block(arrays: Arrays, layer: str, block: str) -> Iterator[tuple[str, NDArray[Any]]]:
    yield from _norm(arrays, f"{layer}/self_attention/layer_norm", f"{block}.attn_ln")
    yield from _split(arrays, f"{layer}/self_attention/linear_0", block + ".attn", ["query", "key", "value"])
    yield from _both(arrays, f"{layer}/self_attention/linear_1", f"{block}.attn.out")
    if f"{layer}/attention/linear_0/weight" in arrays:
        yield from _norm(arrays, f"{layer}/attention/layer_norm", f"{block}.cross_attn_ln")
        yield from _both(arrays, f"{layer}/attention/linear_0", f"{block}.cross_attn.query")
        yield from _split(arrays, f"{layer}/attention/linear_1", block + ".cross_attn", ["key", "value"])
        yield from _both(arrays, f"{layer}/attention/linear_2", f"{block}.cross_attn.out")
    yield from _norm(arrays, f"{layer}/ffn/layer_norm", f"{block}.mlp_ln")
    yield from _both(arrays, f"{layer}/ffn/linear_0", f"{block}.mlp.0")
    yield from _both(arrays, f"{layer}/ffn/linear_1", f"{block}.mlp.2")


def _both(arrays: Arrays, source: str, target: str) -> Iterator[tuple[str, NDArray[Any]]]:
    for kind in ("weight", "bias"):
        yield f"{target}.{kind}", arrays[f"{source}/{kind}"]


def _norm(arrays: Arrays, source: str, target: str) -> Iterator[tuple[str, NDArray[Any]]]:
    yield f"{target}.weight", arrays[f"{source}/gamma"]
    yield f"{target}.bias", arrays[f"{source}/beta"]


def _split(arrays: Arrays, source: str, target: str, parts: list[str]) -> Iterator[tuple[str, NDArray[Any]]]:
    for kind in ("weight", "bias"):
        pieces = np.split(arrays[f"{source}/{kind}"], len(parts))
        for part, piece in zip(parts, pieces, strict=True):
            if (part, kind) != ("key", "bias"):
                yield f"{target}.{part}.{kind}", piece


def difference(model: Path, checkpoint: Path, recording: Path) -> float:
    """How far the encoders are apart on a recording: root mean square, in deviations of what CTranslate2's gives."""
    import ctranslate2
    import torch
    from faster_whisper import WhisperModel
    from whisperlivekit.whisper import load_model

    sound = np.frombuffer(recording.read_bytes(), np.int16).astype(np.float32) / 32_768.0
    theirs = WhisperModel(str(model), device="cpu", compute_type="float32")
    features = np.pad(theirs.feature_extractor(sound), ((0, 0), (0, 3000)))[:, :3000]
    one = np.array(theirs.encode(features).to_device(ctranslate2.Device.cpu))[0]
    with torch.no_grad():
        mel = torch.from_numpy(features.astype(np.float32))[None]
        other = load_model(str(checkpoint), device="cpu").encoder(mel)[0].numpy()
    return float(np.sqrt(((one - other) ** 2).mean()) / one.std())


if __name__ == "__main__":
    main()
