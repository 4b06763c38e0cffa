"""What each command of `python -m agent.vault` does and says."""

from __future__ import annotations

import argparse
import dataclasses
import json
import sys
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any, Literal, TextIO

from ..errors import VaultError
from ..settings import Settings
from .context import Context
from .crypto import rotation
from .db.pool import Role
from .forget import restore, sweeper
from .forget.receipts import Receipt
from .forget.scope import Scope
from .log import audit
from .log.restored import may_serve
from .policy.policies import Rules
from .read.export import FORMATS, Head
from .read.wanted import Wanted


async def run(given: argparse.Namespace, settings: Settings) -> int:
    """The exit code. Raises `DragomanError`."""
    async with Context(settings, given.tenant) as context:
        return await COMMANDS[given.command](context, given)


async def _sweep(context: Context, given: argparse.Namespace) -> int:
    if given.every and not given.dry_run:
        await sweeper.forever(context, given.every)
    swept = await context.sweep().once(dry_run=given.dry_run)
    if swept is None:
        print("Somebody else sweeps now.")
        return 0
    _say(dataclasses.asdict(swept))
    return 0


async def _verify(context: Context, given: argparse.Namespace) -> int:
    report = await audit.verify(context.pool(Role.AUDITOR), context.tenant, context.anchors())
    _say({"last": report.last, "forgotten": report.forgotten, "anchored": report.anchored})
    for found in report.findings:
        print(f"{found.what}: {found.first} to {found.last}")
    print("The log is sound." if report.sound else "The log was changed.")
    return 0 if report.sound else 1


async def _rotate(context: Context, given: argparse.Namespace) -> int:
    pool = context.pool(Role.KEYS)
    if given.dry_run:
        _say({"keys": await rotation.count(pool, context.tenant, root=given.root)})
    elif given.root:
        _say({"tenant keys": await rotation.rotate_root(pool, context.wrapper)})
    else:
        done = await rotation.rotate(pool, context.wrapper, context.tenant)
        gone = await rotation.destroy_retired(pool, context.tenant)
        _say({"version": done.version, "keys": done.keys, "destroyed versions": list(gone)})
        for key in done.unreadable:
            print(f"nobody can open key {key}; it stays as it is")
    return 0


async def _erase(context: Context, given: argparse.Namespace) -> int:
    scope, erasures = await _scope(context, given), await context.erasures()
    if given.dry_run:
        keys, held = await erasures.dry_run(scope)
        _say({"keys": keys, "held": held})
        return 0
    files = [given.receipt, given.receipt.with_name(f"{given.receipt.name}.html")] if given.receipt else []
    for file in files:
        _opened(file, "x").close()  # before anything is destroyed: a receipt has a place, and takes no other's
    erasure = await erasures.erase(scope, by=given.by)
    if erasure.receipt is None:
        for file in files:
            file.unlink()
        print(f"Request {erasure.id} waits: a hold keeps something of this. The sweep carries it out after the hold.")
        return 1
    contents = (json.dumps(dict(erasure.receipt.jws)) + "\n", erasure.receipt.page())
    for file, content in zip(files, contents, strict=False):
        file.write_text(content)
    if files:
        print(f"Erased. The receipt is {files[0]}; {files[1]} is for people.")
    else:
        _say(erasure.receipt.payload)
    return 0


async def _hold(context: Context, given: argparse.Namespace) -> int:
    holds = context.holds()
    if given.what == "place":
        placed = await holds.place(await _scope(context, given), matter=given.matter, by=given.by)
        _say({"hold": placed.hold.id, "keys already gone": placed.keys_gone, "records": placed.records_gone})
    elif given.what == "release":
        _say({"keeps until": (await holds.release(given.id, by=given.by)).grace_until})
    else:
        for held in await holds.list():
            _say(dataclasses.asdict(held))
    return 0


async def _restore_check(context: Context, given: argparse.Namespace) -> int:
    pool, ledger = context.pool(Role.RETENTION), context.ledger()
    behind = await restore.behind(pool, context.tenant, ledger)
    _say({name: len(each) for name, each in dataclasses.asdict(behind).items()})
    for policy in behind.policies:
        print(f"Policy {policy} was in force and is not: propose and approve it again; 25 minutes later it counts.")
    if given.dry_run or not given.replay:
        print(
            "The database is older than its ledger: it may not serve. --replay brings it up."
            if behind
            else "The database knows all that the ledger knows."
        )
        return 1 if behind else 0
    _say(dataclasses.asdict(await restore.replay(pool, context.tenant, ledger)))
    return 1 if behind.policies else 0


async def _export(context: Context, given: argparse.Namespace) -> int:
    await may_serve(context.pool(Role.RETENTION), context.tenant, context.ledger())
    reader = context.reader()
    if given.meeting is None:
        for meeting in await reader.meetings(given.principal, limit=1000):
            _say(dataclasses.asdict(meeting))
        return 0
    opened = await reader.open(given.principal, given.meeting, format=given.format, lang=given.lang)
    pieces = FORMATS[given.format].write(Head(opened.meeting, given.lang), opened.lines(Wanted(lang=given.lang)))
    if given.out is None:
        await _write(pieces, sys.stdout)
    else:
        with _opened(given.out) as file:
            await _write(pieces, file)
    if opened.unreadable:
        print(f"{opened.unreadable} records are there and do not open.", file=sys.stderr)
    return 1 if opened.unreadable else 0


async def _receipt(context: Context, given: argparse.Namespace) -> int:
    _say(_read(given.file).verified(await context.keys().public_key()))
    print("This receipt is ours, as it was signed.")
    return 0


async def _policy(context: Context, given: argparse.Namespace) -> int:
    policies = context.policies()
    if given.what == "list":
        for policy in await policies.list():
            _say(_policy_said(policy))
    elif given.what == "propose":
        await restore.begin(context.pool(Role.RETENTION), context.tenant, context.ledger())
        terms = {kind: getattr(given, kind) for kind in ("source", "translation", "redacted", "audit")}
        rules = Rules(**terms, redaction=given.redaction, words=tuple(given.word))
        _say(_policy_said(await policies.propose(given.name, rules, by=given.by)))
    elif given.what == "approve":
        _say(_policy_said(await policies.approve(given.name, given.version, by=given.by)))
    elif given.what == "default":
        name = None if given.name == "nothing" else given.name
        await policies.make_default(name, stricter=not given.only_without, by=given.by)
    else:
        losses = await policies.preview(given.name, given.version)
        for loss in losses:
            _say(dataclasses.asdict(loss))
        if not losses:
            print("It would destroy nothing.")
    return 0


COMMANDS: Mapping[str, Callable[[Context, argparse.Namespace], Awaitable[int]]] = {
    "sweep": _sweep,
    "verify": _verify,
    "rotate": _rotate,
    "erase": _erase,
    "hold": _hold,
    "restore-check": _restore_check,
    "export": _export,
    "receipt": _receipt,
    "policy": _policy,
}


async def _scope(context: Context, given: argparse.Namespace) -> Scope:
    subject = await context.keys().subject(given.person) if given.person else None
    return Scope(given.room, given.meeting, subject)


def _opened(path: Path, mode: Literal["w", "x"] = "w") -> TextIO:
    """A file to write to, empty. Raises `cannot_write`."""
    try:
        return path.open(mode, encoding="utf-8")
    except OSError as error:
        raise VaultError("cannot_write", f"{path} can't be written: {error.strerror}.") from None


async def _write(pieces: Any, file: TextIO) -> None:
    async for piece in pieces:
        file.write(piece)


def _read(path: Path) -> Receipt:
    try:
        return Receipt(json.loads(path.read_text()))
    except (OSError, ValueError):
        raise VaultError("bad_receipt", "This file is no receipt.") from None


def _policy_said(policy: Any) -> dict[str, Any]:
    said = {field.name: getattr(policy, field.name) for field in dataclasses.fields(policy)}
    return {**said, **{kind: str(said[kind]) for kind in ("source", "translation", "redacted", "audit")}}


def _say(what: Mapping[str, Any]) -> None:
    print(json.dumps(what, default=str, ensure_ascii=False))
