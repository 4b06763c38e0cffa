"""Start the web server."""

from __future__ import annotations

import errno
import logging
import sys

from aiohttp import web

from agent import logs
from agent.errors import SettingsError
from agent.settings import read

from .app import build

NEEDED = ("livekit_api_key", "livekit_api_secret", "database_url", "host_secret")
GOODBYE = 3.0
"""Seconds that open requests get when the server is told to stop."""


def main() -> int:
    try:
        settings = read(*NEEDED)
    except SettingsError as error:
        print(f"Dragoman's web server cannot start: {error.message}", file=sys.stderr)
        return 2
    logs.start(settings.log_level)
    logging.getLogger("alembic").setLevel(logging.WARNING)
    try:
        web.run_app(
            build(settings),
            host=settings.web_host,
            port=settings.web_port,
            access_log=None,
            print=None,
            shutdown_timeout=GOODBYE,
        )
    except OSError as error:
        where = f"{settings.web_host}:{settings.web_port}"
        why = "another program does" if error.errno == errno.EADDRINUSE else error.strerror
        print(f"Dragoman's web server cannot listen at {where}: {why}.", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
