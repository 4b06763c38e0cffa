"""`infra/run vault …`: the vault's commands on what this machine keeps, as the owner of its database."""

from __future__ import annotations

import os
import sys

from . import environment
from .settings import Refused, read
from .setup.secret import LooseSecrets, secrets_in


def main() -> None:
    try:
        local = read(os.environ)
        told = environment.everything(local, secrets_in(local.var))
    except (Refused, LooseSecrets) as error:
        sys.exit(str(error))
    os.execve(sys.executable, [sys.executable, "-m", "agent.vault", *sys.argv[1:]], {**os.environ, **told})


if __name__ == "__main__":
    main()
