"""What the LiveKit server tells us: hints, to look at a room sooner."""

from __future__ import annotations

from collections import OrderedDict
from datetime import timedelta

from aiohttp import web
from livekit import api

from agent.errors import DragomanError
from agent.tokens import CLOCKS_DIFFER

from ..access import SETTINGS
from ..database import DATABASE
from ..dispatch.interpreters import announce
from ..metrics import METRICS
from . import trials

TELLING = {
    "room_started",
    "room_finished",
    "participant_joined",
    "participant_left",
    "participant_connection_aborted",
}
REMEMBERED = 1_000
"""Event ids; LiveKit repeats an event within seconds, and twice the same hint would do no harm."""


class Seen:
    """Ids of events that came before."""

    def __init__(self) -> None:
        self._ids: OrderedDict[str, None] = OrderedDict()

    def add(self, id: str) -> bool:
        """Whether this one is new."""
        new = id not in self._ids
        self._ids[id] = None
        if len(self._ids) > REMEMBERED:
            self._ids.popitem(last=False)
        return new


SEEN = web.AppKey("seen", Seen)


async def receive(request: web.Request) -> web.Response:
    """`POST /livekit/webhook`."""
    webhooks = request.app[METRICS].webhooks
    body = await request.read()
    try:
        event = _verified(request, body)
    except DragomanError:
        webhooks.labels("rejected").inc()
        raise
    if not request.app[SEEN].add(event.id):
        webhooks.labels("repeated").inc()
    elif event.event in TELLING and event.room.name:
        await announce(request.app[DATABASE], event.room.name)
        if event.event == "room_finished":
            await trials.finished(request.app, event.room.name)
        webhooks.labels("taken").inc()
    else:
        webhooks.labels("ignored").inc()
    return web.Response(status=204)


def _verified(request: web.Request, body: bytes) -> api.WebhookEvent:
    """The event in a body signed by our LiveKit server. Raises `not_allowed`."""
    settings = request.app[SETTINGS]
    verifier = api.TokenVerifier(
        settings.livekit_api_key,
        settings.livekit_api_secret.get_secret_value(),
        leeway=timedelta(seconds=CLOCKS_DIFFER),
    )
    try:
        event = api.WebhookReceiver(verifier).receive(body.decode(), request.headers.get("Authorization", ""))
    except Exception:  # the library raises bare `Exception` for a wrong hash, and what its parsers raise
        raise DragomanError("not_allowed", "This is not a webhook of our LiveKit server.") from None
    if not event.id:
        raise DragomanError("not_allowed", "This is not an event.")
    return event
