"""Who is asking, and what they may do: hosts, guests, interpreters, and the tokens of a room."""

from __future__ import annotations

import hmac
import ipaddress
import time

import jwt
from aiohttp import web

from agent.errors import DragomanError
from agent.settings import Settings
from agent.tokens import CLOCKS_DIFFER

from .tokens import hashed

BEAT_LIFE = 60
"""Seconds for which an interpreter's token is made at most."""

SETTINGS = web.AppKey("settings", Settings)


def needs_host(request: web.Request) -> None:
    """Lets whoever holds the host secret pass. Raises `host_secret_wrong`."""
    known = request.app[SETTINGS].host_secret.get_secret_value()
    if not known or not hmac.compare_digest(hashed(bearer(request)), hashed(known)):
        raise DragomanError("host_secret_wrong", "This needs the host secret.")


def is_host(request: web.Request) -> bool:
    """Whether the host secret is told. Raises `host_secret_wrong`: a wrong one makes nobody a guest."""
    if not bearer(request):
        return False
    needs_host(request)
    return True


def address_of(request: web.Request) -> str:
    """Where a request comes from: behind our own proxies, what the nearest of them says."""
    # A proxy may add a line of its own below the one that it was sent: the last word of the last line is its.
    told = ",".join(request.headers.getall("X-Forwarded-For", []))
    hops = [hop.strip() for hop in told.split(",") if hop.strip()]
    proxies = {proxy.strip() for proxy in request.app[SETTINGS].proxies.split(",")}
    here = request.remote or ""
    while here in proxies and hops:
        here = hops.pop()
    return _network(here)


def needs_interpreter(request: web.Request, job: str) -> float:
    """Lets the interpreter of that job pass; how many seconds its clock is ahead of ours. Raises `not_allowed`.

    A guest's token, a webhook's and an answer of an interpreter's are signed with the same secret; none may beat.
    """
    settings = request.app[SETTINGS]
    try:
        claims = jwt.decode(
            bearer(request),
            settings.livekit_api_secret.get_secret_value(),
            algorithms=["HS256"],
            issuer=settings.livekit_api_key,
            leeway=CLOCKS_DIFFER,
            options={"require": ["exp", "iat", "iss", "sub"]},
        )
    except jwt.PyJWTError:
        raise _not_an_interpreter() from None
    other = {"video", "sha256", "nonce"} & claims.keys()
    if claims["sub"] != job or not 0 <= claims["exp"] - claims["iat"] <= BEAT_LIFE or other:
        raise _not_an_interpreter()
    return float(claims["iat"]) - time.time()


def bearer(request: web.Request) -> str:
    kind, _, token = request.headers.get("Authorization", "").partition(" ")
    return token.strip() if kind.lower() == "bearer" else ""


def _not_an_interpreter() -> DragomanError:
    return DragomanError("not_allowed", "This needs the token of that interpreter.")


def _network(host: str) -> str:
    """One IPv4 address, or the /64 that one household has of IPv6."""
    try:
        given = ipaddress.ip_address(host)
    except ValueError:
        return "elsewhere"
    return str(given) if given.version == 4 else str(ipaddress.ip_network((given, 64), strict=False))
