"""What Dragoman needs of HashiCorp Vault's Transit engine, over HTTP on loopback, with Vault's paths and answers.

https://developer.hashicorp.com/vault/api-docs/secret/transit
"""

from __future__ import annotations

import os
from base64 import b64decode, b64encode
from typing import Any

from aiohttp import web
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

TOKEN = "s.a-token"


class StandIn:
    """One mount, `transit`; a key is made by its first encryption, as Vault does for who may create."""

    def __init__(self) -> None:
        self.token = TOKEN
        self.sealed = False
        self.knows_associated_data = True  # one that does not leaves it out without a word
        self._keys: dict[str, list[bytes]] = {}
        self._least: dict[str, int] = {}

    def app(self) -> web.Application:
        app = web.Application(middlewares=[self._asked])
        app.router.add_post("/v1/transit/encrypt/{name}", self._encrypt)
        app.router.add_post("/v1/transit/decrypt/{name}", self._decrypt)
        return app

    def rotate(self, name: str, least: int = 1) -> None:
        """A new version of a key; those before `least` no longer decrypt."""
        self._keys[name].append(os.urandom(32))
        self._least[name] = least

    @web.middleware
    async def _asked(self, request: web.Request, handler: Any) -> web.StreamResponse:
        if self.sealed:
            return _no(503, "Vault is sealed")
        if request.headers.get("X-Vault-Token") != self.token:
            return _no(403, "permission denied")
        answer: web.StreamResponse = await handler(request)
        return answer

    async def _encrypt(self, request: web.Request) -> web.Response:
        asked, name = await request.json(), request.match_info["name"]
        versions = self._keys.setdefault(name, [os.urandom(32)])
        nonce = os.urandom(12)
        ciphertext = AESGCM(versions[-1]).encrypt(nonce, b64decode(asked["plaintext"]), self._associated(asked))
        text = f"vault:v{len(versions)}:{b64encode(nonce + ciphertext).decode()}"
        return web.json_response({"data": {"ciphertext": text, "key_version": len(versions)}})

    async def _decrypt(self, request: web.Request) -> web.Response:
        asked, name = await request.json(), request.match_info["name"]
        if name not in self._keys:
            return _no(400, "encryption key not found")
        try:
            _, version, text = asked["ciphertext"].split(":")
            number, sealed = int(version.removeprefix("v")), b64decode(text)
            if number < self._least.get(name, 1):
                return _no(400, "ciphertext or signature version is disallowed by policy (too old)")
            key = self._keys[name][number - 1]
            plain = AESGCM(key).decrypt(sealed[:12], sealed[12:], self._associated(asked))
        except (ValueError, IndexError, InvalidTag):
            return _no(400, "cipher: message authentication failed")
        return web.json_response({"data": {"plaintext": b64encode(plain).decode()}})

    def _associated(self, asked: dict[str, str]) -> bytes:
        return b64decode(asked.get("associated_data", "")) if self.knows_associated_data else b""


def _no(status: int, why: str) -> web.Response:
    return web.json_response({"errors": [why]}, status=status)
