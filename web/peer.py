"""Which program of this machine is at the other end of a connection: a person's own, or one that passes others on.

A proxy on this machine comes from 127.0.0.1 like everybody here, and names as host whatever it likes: nginx our own
address, where nobody told it otherwise, and HAProxy what the stranger sent; neither adds a header of its own. But
whoever passes strangers on has to listen for them, and that the kernel knows. A browser listens for nobody.

What we may not see counts as a proxy. Not seen is a raw tunnel that dials out (`ssh -R`, a TCP tunnel of frp or ngrok):
who sets one up to this port opens what is open at this machine, and the README says so.
"""

from __future__ import annotations

import asyncio
import ipaddress
import os
from collections.abc import Iterator
from weakref import WeakKeyDictionary

import psutil
from aiohttp import web

from agent.errors import DragomanError

from .rate_limit import Pace

End = tuple[str, int]
FORWARDED = ("Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto", "X-Real-IP", "Via")
LOOKED_UP_PER_MINUTE = 120
"""Connections looked up; more are taken for a proxy's: a browser keeps one and asks on it, and a look takes 50 ms."""


class Peers:
    """Of each connection, as long as it stands, whether a person's own program is at its other end."""

    def __init__(self) -> None:
        self._known: WeakKeyDictionary[asyncio.BaseTransport, bool] = WeakKeyDictionary()
        self._pace = Pace(LOOKED_UP_PER_MINUTE)

    async def are_a_persons(self, connection: asyncio.BaseTransport) -> bool:
        if connection not in self._known:
            ours, theirs = (connection.get_extra_info(end)[:2] for end in ("sockname", "peername"))
            try:
                self._pace.take("anybody")
            except DragomanError:
                return False
            self._known[connection] = await asyncio.to_thread(is_a_persons, ours, theirs)
        return self._known[connection]


PEERS = web.AppKey("peers", Peers)


async def is_at_this_machine(request: web.Request) -> bool:
    """Whether a person at this very machine asks, and not through a proxy or another site's page.

    The `Host` keeps out a site that points its own name at 127.0.0.1. A header tells of many
    proxies; of those that send none, the kernel does.
    """
    if any(name in request.headers for name in FORWARDED):
        return False
    if request.headers.get("Sec-Fetch-Site", "none") not in {"same-origin", "none"}:
        return False
    host = (request.url.host or "").rstrip(".")
    if not _is_loopback(request.remote or "") or not (host == "localhost" or _is_loopback(host)):
        return False
    return request.transport is not None and await request.app[PEERS].are_a_persons(request.transport)


def is_a_persons(ours: End, theirs: End) -> bool:
    """Whether what holds the end `theirs` of a connection to `ours` listens for nobody. Takes about 50 ms."""
    ours, theirs = _unmapped(ours), _unmapped(theirs)
    ends = psutil.net_connections(kind="tcp")
    listening = {end.pid for end in ends if end.status == psutil.CONN_LISTEN}
    holders = {end.pid for end in ends if end.raddr and (_unmapped(end.laddr), _unmapped(end.raddr)) == (theirs, ours)}
    return bool(holders) and all(_is_free(pid, listening) for pid in holders)


def _is_free(pid: int | None, listening: set[int | None]) -> bool:
    if pid is None:  # another user's, and we are not root
        return False
    return pid == os.getpid() or not listening & set(_forked(pid))


def _forked(pid: int) -> Iterator[int]:
    """A process and those that it was forked from: one of them may listen, and another pass on."""
    yield pid
    try:
        process = psutil.Process(pid)
        line = process.cmdline()
        for above in process.parents():
            if above.cmdline() != line:
                return
            yield above.pid
    except psutil.Error:
        return


def _unmapped(end: tuple[str, int] | End) -> End:
    """One way to write an address that IPv4 and IPv6 both have."""
    host = ipaddress.ip_address(end[0].partition("%")[0])
    mapped = host.ipv4_mapped if isinstance(host, ipaddress.IPv6Address) else None
    return str(mapped or host), end[1]


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
