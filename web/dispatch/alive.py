"""Asks interpreters in their rooms whether they live, where their beats don't reach us."""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import Collection, Mapping

import jwt
from pydantic import ValidationError

from agent.settings import Settings
from agent.tokens import CLOCKS_DIFFER
from agent.wire_names import INTERPRETER, Method

from .interpreters import Pulse
from .livekit import Sfu

log = logging.getLogger(__name__)

WITHIN = 1.0
"""Seconds that an interpreter may take to answer; one whose loop turns does in a hundredth of that."""


class Asking:
    """Calls interpreters through LiveKit. What they answer is signed as a beat is, for this one question."""

    def __init__(self, sfu: Sfu, settings: Settings) -> None:
        self._sfu = sfu
        self._settings = settings

    async def ask(self, room: str, identities: Collection[str]) -> Mapping[str, Pulse]:
        """What those that live answered, by their job. Raises `sfu_away`."""
        answers = await asyncio.gather(*(self._ask(room, identity) for identity in identities))
        jobs = [identity.removeprefix(INTERPRETER) for identity in identities]
        return {job: pulse for job, pulse in zip(jobs, answers, strict=True) if pulse is not None}

    async def _ask(self, room: str, identity: str) -> Pulse | None:
        nonce = secrets.token_urlsafe(16)
        answer = await self._sfu.ask(room, identity, Method.ALIVE, nonce, WITHIN)
        pulse = None if answer is None else self._read(answer, identity, nonce)
        if pulse is not None and (pulse.room, pulse.identity) == (room, identity):
            return pulse
        log.info("an interpreter does not answer", extra={"room": room, "of": identity})
        return None

    def _read(self, answer: str, identity: str, nonce: str) -> Pulse | None:
        """The beat in an answer; None where the interpreter of that job didn't sign it for this question."""
        try:
            claims = jwt.decode(
                answer,
                self._settings.livekit_api_secret.get_secret_value(),
                algorithms=["HS256"],
                issuer=self._settings.livekit_api_key,
                leeway=CLOCKS_DIFFER,
                options={"require": ["iss", "sub", "iat"]},
            )
            if (claims["sub"], claims.get("nonce")) == (identity.removeprefix(INTERPRETER), nonce):
                return Pulse.model_validate(claims.get("beat"))
        except (jwt.PyJWTError, ValidationError):
            log.warning("an interpreter's answer makes no sense")
        return None
