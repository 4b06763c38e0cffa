"""What an operator does with what is kept: forget, hold, verify, rotate, hand out.

Who does it is said with `--by` and written into the log. Whatever destroys has `--dry-run`, which counts and changes
nothing. docs/retention.md, docs/keys.md and docs/reading.md say more.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from uuid import UUID

from .. import logs
from ..errors import DragomanError, SettingsError
from ..settings import read
from . import commands
from .forget.sweep import EVERY
from .policy.terms import Term
from .read.export import FORMATS


def main(words: Sequence[str]) -> int:
    """The exit code: 0 when all is well, 1 when something is wrong or refused, 2 for a wrong command or settings."""
    given = _parser().parse_args(words)
    try:
        settings = read()
        if not settings.vault.get_secret_value():
            raise SettingsError("bad_settings", "missing: DRAGOMAN_VAULT_URL or DATABASE_URL")
        logs.start(settings.log_level)
        code = asyncio.run(_until_told(commands.run(given, settings)))
        sys.stdout.flush()  # what is still held back is part of it
        return code
    except SettingsError as error:
        print(error.message, file=sys.stderr)
        return 2
    except DragomanError as error:
        print(error, file=sys.stderr)
        return 1
    except BrokenPipeError:
        # Whoever reads has read enough; Python would complain once more at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except (KeyboardInterrupt, asyncio.CancelledError):
        return 130


async def _until_told(work: Any) -> int:
    """SIGTERM ends it as Ctrl-C does: between two statements, and the next run goes on."""
    task = asyncio.ensure_future(work)
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    return int(await task)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m agent.vault", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--tenant", help="whose, by name; DRAGOMAN_TENANT unless said")
    verbs = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")

    sweep = verbs.add_parser("sweep", help="destroy what is due, of every tenant")
    sweep.add_argument("--every", type=_seconds, metavar="SECONDS", help=f"go on and on; {EVERY:.0f} is a good pace")
    _dry(sweep)

    verbs.add_parser("verify", help="hold the log against itself and against its anchors")

    rotate = verbs.add_parser("rotate", help="wrap every data key anew under a new tenant key")
    rotate.add_argument("--root", action="store_true", help="instead: every tenant key anew under the newest root key")
    _dry(rotate)

    erase = verbs.add_parser("erase", help="destroy a person's words, a meeting or a room, and get a receipt")
    _scope(erase)
    _by(erase)
    erase.add_argument(
        "--receipt", type=Path, metavar="FILE", help="write it there: signed JSON, and FILE.html to read"
    )
    _dry(erase)

    hold = verbs.add_parser("hold", help="forbid to destroy").add_subparsers(dest="what", required=True)
    place = hold.add_parser("place", help="a room, a meeting, a person, or without any: all of the tenant's")
    _scope(place)
    place.add_argument("--matter", required=True, help="what it is for; 1 to 200 characters")
    _by(place)
    release = hold.add_parser("release", help="it keeps for thirty days more")
    release.add_argument("id", type=UUID)
    _by(release)
    hold.add_parser("list", help="all that there ever were")

    restored = verbs.add_parser("restore-check", help="hold a database against the ledger of what was destroyed")
    restored.add_argument("--replay", action="store_true", help="destroy again what the backup brought back")
    _dry(restored)

    export = verbs.add_parser("export", help="a meeting as a file, as somebody to whom its room was granted")
    export.add_argument("meeting", type=UUID, nargs="?", help="without one: which there are")
    export.add_argument("--as", dest="principal", default="host", help="host, unless said")
    export.add_argument("--lang", help="one language; what was spoken, unless said")
    export.add_argument("--format", choices=list(FORMATS), default="json")
    export.add_argument("-o", "--out", type=Path, help="a file; standard output unless said")

    receipt = verbs.add_parser("receipt", help="check a receipt: who signed it, and that nobody changed it")
    receipt.add_argument("file", type=Path)

    _policy(verbs.add_parser("policy", help="how long what is kept").add_subparsers(dest="what", required=True))
    return parser


def _policy(verbs: Any) -> None:
    verbs.add_parser("list", help="every version of every policy")
    propose = verbs.add_parser("propose", help="a next version; it counts once it is approved")
    propose.add_argument("name")
    for kind in ("source", "translation", "redacted"):
        propose.add_argument(f"--{kind}", type=_term, default=Term.parse("not at all"), metavar="TERM")
    propose.add_argument("--audit", type=_term, default=Term.parse("forever"), metavar="TERM")
    propose.add_argument("--redaction", choices=("off", "tag", "mask"), default="off")
    propose.add_argument("--word", action="append", default=[], help="redacted too; may be said again")
    _by(propose)
    for verb, help_ in (("preview", "what a version would destroy, and when"), ("approve", "put it in force")):
        each = verbs.add_parser(verb, help=help_)
        each.add_argument("name")
        each.add_argument("version", type=int)
        if verb == "approve":
            _by(each)
    default = verbs.add_parser("default", help="what rooms without a policy keep by")
    default.add_argument("name", help="a policy, or `nothing`")
    default.add_argument("--only-without", action="store_true", help="it doesn't shorten what other policies keep")
    _by(default)


def _scope(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--person", metavar="IDENTITY", help="a participant's identity")
    parser.add_argument("--meeting", type=UUID)
    parser.add_argument("--room")


def _by(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--by", required=True, metavar="WHO", help="who asks for it; it stands in the log")


def _dry(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--dry-run", action="store_true", help="count, change nothing")


def _seconds(word: str) -> float:
    if not 1.0 <= (seconds := float(word)) <= 86_400.0:
        raise argparse.ArgumentTypeError("1 to 86400 seconds")
    return seconds


def _term(words: str) -> Term:
    try:
        return Term.parse(words)
    except DragomanError as error:
        raise argparse.ArgumentTypeError(error.message) from None


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
