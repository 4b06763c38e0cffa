"""Receipts: what was erased, by counts and key ids, signed; for machines as a JWS and for people as a page.

A receipt is the flattened JSON of a JWS (RFC 7515, 7.2.2) with `alg` EdDSA (RFC 8037); its header carries the public
key as a `jwk`. `docs/retention.md` describes the payload, and how to verify one without us.

What can go wrong, and how it can't:

- **It betrays what it says was erased.** It holds ids, counts, times and policies' names, and nothing that was said.
  A room's name may tell what it was about, so only its digest is in it. A person is in it as a pseudonym.
- **Somebody forges one.** `verified` takes the tenant's own key, never the one in the header, accepts EdDSA alone, and
  compares the type, so that nothing else that the key signs passes for a receipt.
- **It says that keys are gone which are not.** It is signed within the transaction that destroys them
  (`erasure.Erasures`), and is stored with it or not at all.
- **A page runs what somebody put into a name.** Every value is escaped; the page has no script, and loads nothing.
"""

from __future__ import annotations

import hashlib
import html
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from ...errors import VaultError
from ..crypto.keys import Signer
from .destroy import KeyToDestroy
from .scope import Scope

TYPE = "dragoman-erasure-receipt+jws"
PARTS = ("protected", "payload", "signature")
"""Of the flattened form, in the order of the compact one."""


@dataclass(frozen=True, slots=True)
class Told:
    """Whose erasure it is, and when."""

    tenant: UUID
    id: UUID
    scope: Scope
    requested_by: str
    requested_at: datetime
    destroyed_at: datetime
    backups: int
    """Days for which a backup of the keys is kept."""


@dataclass(frozen=True, slots=True)
class Receipt:
    """A signed receipt as it is stored and handed out."""

    jws: Mapping[str, str]

    @property
    def payload(self) -> dict[str, Any]:
        """What it says, whoever signed it."""
        said: dict[str, Any] = jwt.decode(self._compact, options={"verify_signature": False})
        return said

    def verified(self, key: Ed25519PublicKey) -> dict[str, Any]:
        """The payload, if that key signed it. Raises `bad_receipt`."""
        try:
            told = jwt.decode_complete(self._compact, key, algorithms=["EdDSA"])
            if told["header"]["typ"] != TYPE:
                raise ValueError
        except (jwt.PyJWTError, ValueError, KeyError, TypeError):
            raise VaultError("bad_receipt", "This receipt was changed, or somebody else signed it.") from None
        said: dict[str, Any] = told["payload"]
        return said

    @property
    def _compact(self) -> str:
        return ".".join(self.jws[part] for part in PARTS)

    def page(self) -> str:
        """For people: one HTML file, without a script or anything from elsewhere."""
        said = self.payload
        rows = [
            ("What", ", ".join(f"{name} {value}" for name, value in said["scope"].items())),
            ("Erased", said["destroyed_at"]),
            ("Asked for by", f"{said['requested_by']}, {said['requested_at']}"),
            *((name.capitalize(), str(n)) for name, n in said["counts"].items()),
            ("Policies", ", ".join(sorted({f"{p['name']} {p['version']}" for p in said["policies"]})) or "none"),
            ("Lines of the log", f"{said['audit']['before']} to {said['audit']['after']}"),
            ("In no backup after", f"{said['backups']['usable_key_until']} ({said['backups']['days']} days)"),
            ("Receipt", said["erasure"]),
        ]
        keys = [(k["id"], k["meeting"], k["kind"], str(k["records"])) for k in said["keys"]]
        body = "".join(f"<tr><th>{_safe(name)}</th><td>{_safe(value)}</td></tr>" for name, value in rows)
        listed = "".join(f"<tr>{''.join(f'<td>{_safe(cell)}</td>' for cell in key)}</tr>" for key in keys)
        return _PAGE.format(body=body, keys=listed, jws=_safe(json.dumps(dict(self.jws), indent=1)))


async def signed(
    signer: Signer,
    told: Told,
    keys: Sequence[KeyToDestroy],
    policies: Mapping[UUID, tuple[str, int | None]],
    audit: tuple[int, int],
) -> Receipt:
    """`audit`: the last line of the log before, and the one that says it is done."""
    compact = await signer.sign_jws(_payload(told, keys, policies, audit), TYPE)
    return Receipt(dict(zip(PARTS, compact.split("."), strict=True)))


def _payload(
    told: Told,
    keys: Sequence[KeyToDestroy],
    policies: Mapping[UUID, tuple[str, int | None]],
    audit: tuple[int, int],
) -> dict[str, Any]:
    until = told.destroyed_at + timedelta(days=told.backups)
    counts = {
        "meetings": len({key.meeting for key in keys}),
        "speakers": len({key.speaker for key in keys}),
        "keys": len(keys),
        "records": sum(key.records for key in keys),
    }
    return {
        "v": 1,
        "tenant": str(told.tenant),
        "erasure": str(told.id),
        "scope": _scope(told.scope),
        "requested_by": told.requested_by,
        "requested_at": told.requested_at.isoformat(),
        "destroyed_at": told.destroyed_at.isoformat(),
        "counts": counts,
        "keys": [
            {
                "id": str(k.id),
                "meeting": str(k.meeting),
                "speaker": str(k.speaker),
                "kind": k.kind,
                "records": k.records,
            }
            for k in keys
        ],
        "policies": [{"meeting": str(m), "name": name, "version": version} for m, (name, version) in policies.items()],
        "audit": {"before": audit[0], "after": audit[1]},
        "backups": {"days": told.backups, "usable_key_until": until.isoformat()},
    }


def _scope(scope: Scope) -> dict[str, str]:
    # A room's name may tell what it was about; who has it can make the digest too.
    said = scope.said
    if "room" in said:
        said["room_sha256"] = hashlib.sha256(said.pop("room").encode()).hexdigest()
    return said


def _safe(value: object) -> str:
    return html.escape(str(value))


_PAGE = """<!doctype html>
<html lang="en"><meta charset="utf-8"><title>Receipt of an erasure</title>
<style>body{{font:16px/1.5 system-ui,sans-serif;max-width:56rem;margin:2rem auto;padding:0 1rem}}
table{{border-collapse:collapse;width:100%}}th,td{{text-align:left;vertical-align:top;padding:.3rem .6rem;
border-bottom:1px solid #ccc;overflow-wrap:anywhere}}th{{white-space:nowrap}}pre{{white-space:pre-wrap;
overflow-wrap:anywhere;font-size:12px}}</style>
<h1>Receipt of an erasure</h1>
<p>The keys below were destroyed. What they had sealed can't be opened by anybody any more, us included.</p>
<table>{body}</table>
<h2>Keys</h2>
<table><tr><th>Key</th><th>Meeting</th><th>Of</th><th>Records</th></tr>{keys}</table>
<h2>Signed</h2>
<p>The same for a machine: a JWS with EdDSA, whose header names the public key.</p>
<pre>{jws}</pre>
</html>
"""
