"""Installs the peers, each in an environment of its own: `python -m bench.peers.set_up`.

PyTorch comes with its parts for GPUs (some 6 GB on disk); they are not used. Of WhisperLive's and
WhisperLiveKit's requirements only what these benches touch is installed. Whisper's weights are taken from
`var/models/whisper-base` and, for PyTorch, converted (`weights`).
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

HOME = Path("var/peers")
TORCH = "torch==2.8.0"
SERVER = ["fastapi==0.165.0", "uvicorn==0.54.0", "websockets==17.4"]
EAR = ["faster-whisper==1.2.1", "ctranslate2==4.8.5", "onnxruntime==1.32.0", "numpy==2.4.6"]
PEERS: dict[str, tuple[str, list[str]]] = {
    "whisperlivekit": (
        "whisperlivekit==0.2.26",
        [TORCH, *EAR, "tiktoken==0.14.0", "librosa==0.11.0", "soundfile==0.14.0", *SERVER],
    ),
    "whisper-streaming": ("whisper-streaming==0.1.0", [*EAR, "opus-fast-mosestokenizer==0.0.8.11"]),
    "whisper-live": ("whisper-live==0.10.0", [TORCH, *EAR, "websockets==17.4", "scipy==1.17.1"]),
}
"""Environment → the peer, installed without its requirements, and what it needs here."""


def python(peer: str) -> str:
    """The interpreter of its environment."""
    return str(HOME / peer / "bin" / "python")


def main() -> None:
    for peer, (package, needed) in PEERS.items():
        _uv("venv", "--allow-existing", "--python", sys.executable, str(HOME / peer))
        _uv("pip", "install", "--python", python(peer), *needed)
        _uv("pip", "install", "--python", python(peer), "--no-deps", package)
    subprocess.run([python("whisperlivekit"), "-m", "bench.peers.weights"], check=True)


def _uv(*arguments: str) -> None:
    subprocess.run([sys.executable, "-m", "uv", *arguments], check=True)


if __name__ == "__main__":
    main()
