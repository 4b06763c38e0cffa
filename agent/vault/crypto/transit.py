"""The root key in HashiCorp Vault's Transit engine (or OpenBao's): keys go there to be wrapped, it never leaves."""

from __future__ import annotations

from base64 import b64decode, b64encode
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import hvac
from hvac.exceptions import Forbidden, InvalidPath, InvalidRequest, Unauthorized, UnsupportedOperation
from hvac.exceptions import VaultError as TransitError
from requests import RequestException

from ...errors import VaultError
from .wrapper import PATIENCE, bound, in_thread, probe, unbound

_NO = (InvalidRequest, Unauthorized, Forbidden, InvalidPath, UnsupportedOperation)


class Transit:
    """One key of a Transit mount, of a type with associated data (`aes256-gcm96`, `chacha20-poly1305`).

    The token is in a file, read anew each time, for Vault's agent renews it; without one it is where Vault's own
    programs look: `VAULT_TOKEN`, `~/.vault-token`.
    """

    def __init__(
        self, url: str, mount: str, name: str, token_file: Path | None = None, *, patience: float = PATIENCE
    ) -> None:
        self.ref = f"transit:{url}/{mount}/keys/{name}"
        self._url, self._mount, self._name = url, mount, name
        self._token_file = token_file
        self._patience = patience

    async def wrap(self, key: bytes, context: bytes) -> bytes:
        said = await self._ask("encrypt_data", "ciphertext", context, plaintext=_text(bound(key, context)))
        if not said.startswith("vault:v"):
            raise _garbage()
        return said.encode()

    async def unwrap(self, wrapped: bytes, context: bytes) -> bytes:
        said = await self._ask("decrypt_data", "plaintext", context, ciphertext=wrapped.decode("ascii", "replace"))
        try:
            plain = b64decode(said, validate=True)
        except ValueError:
            raise _garbage() from None
        return unbound(plain, context)

    async def health(self) -> None:
        await probe(self)

    async def _ask(self, method: str, wanted: str, context: bytes, **given: str) -> str:
        def ask() -> Any:
            client = self._client()
            with closing(client.adapter):
                answer: Callable[..., Any] = getattr(client.secrets.transit, method)
                return answer(name=self._name, mount_point=self._mount, associated_data=_text(context), **given)

        try:
            said = (await in_thread(ask, self._patience))["data"][wanted]
        except _NO:
            raise VaultError("key_refused", "Vault refuses that key, or the token.") from None
        except (TransitError, RequestException, OSError):
            raise VaultError("keys_away", "Vault does not answer, or is sealed.") from None
        except (KeyError, TypeError, ValueError):
            raise _garbage() from None
        if not isinstance(said, str):
            raise _garbage()
        return said

    def _client(self) -> Any:
        token = self._token_file.read_text().strip() if self._token_file else None
        return hvac.Client(self._url, token=token, timeout=self._patience, allow_redirects=False)


def _text(data: bytes) -> str:
    return b64encode(data).decode()


def _garbage() -> VaultError:
    return VaultError("keys_away", "What answers at Vault's address is not Vault.")
