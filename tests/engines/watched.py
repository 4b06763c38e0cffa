"""The program of a Coqui model, and a note in the file `NOTED` of every file that it opens to write after its hello."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

from agent.engines.speak import coqui, subprocess_voice

noted = os.open(os.environ["NOTED"], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC
MAKING = {"os.mkdir", "os.rename", "os.link", "os.symlink", "tempfile.mkstemp", "tempfile.mkdtemp", "subprocess.Popen"}


def watch(event: str, details: tuple[Any, ...]) -> None:
    # An open with a number for its path is a descriptor that was open already: our pipe.
    opened = event == "open" and not isinstance(details[0], int) and isinstance(details[2], int)
    if (opened and details[2] & WRITING) or event in MAKING:
        os.write(noted, f"{event} {details[0]}\n".encode())


def serve(*how: Any) -> None:
    os.write(noted, b"hello\n")
    sys.addaudithook(watch)
    subprocess_voice.serve(*how)


if __name__ == "__main__":
    coqui.serve = serve
    coqui.main(int(sys.argv[1]), Path(sys.argv[2]))
