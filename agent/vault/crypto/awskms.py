"""The root key in AWS KMS: keys go there to be wrapped, it never leaves."""

from __future__ import annotations

import logging
from functools import cached_property
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from ...errors import VaultError
from .wrapper import PATIENCE, bound, in_thread, probe, unbound

logging.getLogger("botocore").setLevel(logging.INFO)  # below, it writes down what it sends and gets: keys
_BUSY = {"ThrottlingException", "LimitExceededException", "RequestLimitExceeded", "KeyUnavailableException"}


class AwsKms:
    """One symmetric KMS key, by its ARN; region and account are the ARN's, credentials where AWS' own programs look.

    `AWS_ENDPOINT_URL` is honoured. The context is the key's encryption context: CloudTrail shows it.
    """

    def __init__(self, arn: str, *, patience: float = PATIENCE) -> None:
        self.ref = f"awskms:{arn}"
        self._arn = arn
        self._patience = patience

    async def wrap(self, key: bytes, context: bytes) -> bytes:
        return await self._ask("encrypt", "CiphertextBlob", context, Plaintext=bound(key, context))

    async def unwrap(self, wrapped: bytes, context: bytes) -> bytes:
        return unbound(await self._ask("decrypt", "Plaintext", context, CiphertextBlob=wrapped), context)

    async def health(self) -> None:
        await probe(self)

    async def _ask(self, method: str, wanted: str, context: bytes, **given: bytes) -> bytes:
        def ask() -> Any:
            return getattr(self._client, method)(
                KeyId=self._arn, EncryptionContext={"dragoman": context.hex()}, **given
            )

        try:
            said = (await in_thread(ask, self._patience)).get(wanted)
        except ClientError as error:
            raise _refusal(error) from None
        except (BotoCoreError, OSError):
            raise VaultError("keys_away", "AWS KMS does not answer, or there are no credentials.") from None
        except (AttributeError, TypeError, ValueError):
            said = None  # botocore's parser stumbles over JSON of another shape
        if not isinstance(said, bytes):
            raise VaultError("keys_away", "What answers at AWS KMS' address is not AWS KMS.")
        return said

    @cached_property
    def _client(self) -> Any:
        # No retries: who holds a key at hand goes on with it, and who doesn't is told within the patience.
        config = Config(
            connect_timeout=self._patience,
            read_timeout=self._patience,
            retries={"total_max_attempts": 1, "mode": "standard"},
        )
        return boto3.session.Session().client("kms", region_name=self._arn.split(":")[3], config=config)


def _refusal(error: ClientError) -> VaultError:
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 500)
    if status >= 500 or error.response.get("Error", {}).get("Code") in _BUSY:
        return VaultError("keys_away", "AWS KMS can't answer now.")
    return VaultError("key_refused", "AWS KMS refuses that key, or our right to it.")
