"""LiveKit tokens for machines whose clocks differ."""

from __future__ import annotations

import time

import jwt
from livekit import api

CLOCKS_DIFFER = 15 * 60
"""Seconds that the clocks of two machines may differ: nobody is refused for that."""


def allow_for_clocks() -> None:
    """Make LiveKit's tokens without "not before now", in this process.

    Its client writes that into each; a LiveKit server whose clock is a minute or more behind then refuses whatever
    we ask of it, and the worker that registers. The client has no setting for it, and makes tokens in many places.
    """
    api.AccessToken.to_jwt = _signed  # type: ignore[method-assign, assignment]


def _signed(token: api.AccessToken) -> str:
    video = token.claims.video
    if video and video.room_join and not (token.identity and video.room):
        raise ValueError("a token to join needs an identity and a room")
    until = int(time.time() + token.ttl.total_seconds())
    claims = {**token.claims.asdict(), "sub": token.identity, "iss": token.api_key, "exp": until}
    return jwt.encode(claims, token.api_secret, algorithm="HS256")
