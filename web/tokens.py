"""Tokens that let somebody into one LiveKit room, and the links that open rooms."""

from __future__ import annotations

import hashlib
import hmac
import secrets
import uuid
from datetime import timedelta

from livekit import api

from agent.settings import Settings
from agent.wire_names import Attribute

TOKEN_LIFE = timedelta(seconds=300)
"""A token opens the door once; LiveKit gives those inside fresh ones."""


SOURCES = ["camera", "microphone", "screen_share", "screen_share_audio"]
SLUG = "abcdefghjkmnpqrstuvwxyz23456789"
"""Letters that nobody takes for another."""


def new_slug() -> str:
    """A room's name in its address: 12 of 30 letters, 58 bits."""
    return "-".join("".join(secrets.choice(SLUG) for _ in range(4)) for _ in range(3))


def new_secret() -> str:
    """A join link's secret: 128 bits, so a plain hash of it is enough to store."""
    return secrets.token_urlsafe(16)


def hashed(secret: str) -> bytes:
    return hashlib.sha256(secret.encode()).digest()


def link_opens(secret_hash: bytes | None, secret: str) -> bool:
    """Whether a join link's secret is the room's."""
    return secret_hash is not None and hmac.compare_digest(secret_hash, hashed(secret))


def room_token(
    settings: Settings,
    room: str,
    name: str,
    languages: dict[str, str],
    *,
    host: bool = False,
    ahead: float = 0.0,
) -> tuple[str, str]:
    """A person's token and identity: this room only, camera, microphone and screen, for a few minutes.

    They are minutes by the LiveKit server's clock, which is so many seconds `ahead` of ours.
    Nobody may change their own name or attributes: what stands in the token is what this server
    said, so that `dragoman.host` can be believed. Wishes change by calls to the interpreter.
    """
    identity = f"guest-{uuid.uuid4()}"
    grants = api.VideoGrants(
        room_join=True,
        room=room,
        can_publish=True,
        can_publish_sources=SOURCES,
        can_subscribe=True,
        can_publish_data=True,
        can_update_own_metadata=False,
    )
    mark = {Attribute.HOST: "true"} if host else {}
    token = (
        api.AccessToken(settings.livekit_api_key, settings.livekit_api_secret.get_secret_value())
        .with_identity(identity)
        .with_name(name)
        .with_grants(grants)
        .with_attributes({f"dragoman.{kind}": tag for kind, tag in languages.items()} | mark)
        .with_ttl(TOKEN_LIFE + timedelta(seconds=ahead))
    )
    return token.to_jwt(), identity
