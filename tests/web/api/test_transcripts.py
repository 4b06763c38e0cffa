"""What was kept, over HTTP: who may read it, as what, and what nobody reads any more."""

from __future__ import annotations

import asyncio
import json
import logging
import secrets
import tempfile
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import aiohttp
import pytest
import webvtt
from aiohttp import ClientResponse, web
from aiohttp.test_utils import TestClient, TestServer
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import SecretStr

from agent.vault.db.pool import Role
from agent.vault.db.tenants import tenant_id
from agent.vault.log.audit import verify
from agent.vault.log.ledger import Ledger
from agent.vault.read import reader
from agent.vault.read.export import FORMATS
from tests.vault.kept_meetings import NOW, Archive, an_archive
from tests.web.conftest import HOST, House, Opening, code
from web.api.transcripts import PIECE, Meetings, MeetingSeen, Transcript, send

NAMES = ["room", "person", "lang", "since", "until", "limit", "q", "format", "kind", "speaker"]
HEADERS = {"Authorization": f"Bearer {HOST}"}


@pytest.fixture
async def archive(database_url: str, tmp_path: Path) -> AsyncIterator[Archive]:
    """What the server's tenant keeps."""
    async with an_archive(database_url, tmp_path, f"tenant-{secrets.token_hex(6)}") as archive:
        yield archive


@pytest.fixture
async def house(open_house: Opening, archive: Archive) -> House:
    return await serving(open_house, archive)


async def serving(open_house: Opening, archive: Archive, **changes: Any) -> House:
    name = await archive.owner.fetchval("SELECT name FROM vault.tenant WHERE id = $1", archive.tenant)
    return await open_house(tenant=name, root_key=f"file:{archive.folder / 'root.key'}", **changes)


async def ask(house: House, path: str, **query: Any) -> ClientResponse:
    return await house.client.get(path, params=query, headers=HEADERS)


async def words(house: House, meeting: UUID, **query: Any) -> list[str]:
    answer = await ask(house, f"/api/meetings/{meeting}/transcript", **query)
    assert answer.status == 200, await answer.text()
    return [line["text"] for line in json.loads(await answer.text())["lines"]]


def paths(meeting: UUID) -> list[str]:
    """Every address that shows something of a meeting."""
    at = f"/api/meetings/{meeting}"
    return [
        at,
        *(f"{at}/transcript?format={form}" for form in ("json", "vtt", "srt", "txt")),
        f"{at}/transcript?q=secret",
    ]


async def test_the_host_lists_and_reads_what_the_rooms_kept(house: House, archive: Archive):
    meeting = await archive.meeting(grant="host")
    one = await archive.say(meeting, "Is this on?", at=1.25)
    await archive.say(meeting, "¿Está puesto?", at=1.25, segment=one, kind="translation", lang="es")

    listed = await ask(house, "/api/meetings")
    seen = await ask(house, f"/api/meetings/{meeting}")
    told = await ask(house, f"/api/meetings/{meeting}/transcript")

    [only] = Meetings.model_validate_json(await listed.text()).meetings
    assert (only.id, only.room, only.policy, only.ended_at) == (meeting, "room", "p", None)
    look = MeetingSeen.model_validate_json(await seen.text())
    assert [(each.name, each.identity) for each in look.speakers] == [("Ada", "guest-ada")]
    assert [(each.kind, each.lang, each.records) for each in look.kept] == [
        ("source", "en", 1),
        ("translation", "es", 1),
    ]
    whole = Transcript.model_validate_json(await told.text())
    assert [(line.text, line.start, line.end, line.speaker.name) for line in whole.lines] == [
        ("Is this on?", 1.25, 2.25, "Ada")
    ]
    for answer in (listed, seen, told):
        assert answer.headers["Cache-Control"] == "no-store"
        assert answer.content_type == "application/json"


@pytest.mark.parametrize(
    ("form", "media", "holds"),
    [
        ("vtt", "text/vtt", "<v Ada>¿Está puesto?"),
        ("srt", "application/x-subrip", "Ada: ¿Está puesto?"),
        ("txt", "text/plain", "[0:00:01] Ada: ¿Está puesto?"),
        ("json", "application/json", '"text":"¿Está puesto?"'),
    ],
)
async def test_a_transcript_is_a_file_in_the_format_and_language_that_is_asked_for(
    house: House, archive: Archive, form: str, media: str, holds: str
):
    meeting = await archive.meeting(grant="host")
    one = await archive.say(meeting, "Is this on?", at=1.25)
    await archive.say(meeting, "¿Está puesto?", at=1.25, segment=one, kind="translation", lang="es")

    answer = await ask(house, f"/api/meetings/{meeting}/transcript", format=form, lang="ES")

    text = await answer.text()
    assert (answer.status, answer.content_type, answer.charset) == (200, media, "utf-8")
    assert holds in text
    assert "Is this on?" not in text
    assert answer.headers["Content-Disposition"] == f'attachment; filename="{meeting}.es.{form}"'
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"


async def test_a_transcript_is_narrowed_by_person_time_kind_and_words(house: House, archive: Archive):
    meeting = await archive.meeting(grant="host")
    await archive.say(meeting, "Schöne Grüße.", at=1.0, lang="de")
    await archive.say(meeting, "Danke.", at=5.0, lang="de", identity="guest-bo", name="Bo")

    assert await words(house, meeting, person="guest-bo") == ["Danke."]
    assert await words(house, meeting, since=4) == ["Danke."]
    assert await words(house, meeting, until=4) == ["Schöne Grüße."]
    assert await words(house, meeting, q="GRUSSE") == ["Schöne Grüße."]
    assert await words(house, meeting, kind="redacted") == []
    assert await words(house, meeting, lang="en") == []


async def test_meetings_are_narrowed_by_room_person_language_and_time(house: House, archive: Archive):
    meeting = await archive.meeting(grant="host")
    await archive.say(meeting, "Hola.", lang="es")

    async def listed(**query: Any) -> int:
        return len((await (await ask(house, "/api/meetings", **query)).json())["meetings"])

    now = datetime.now(UTC)
    assert await listed(room="room", person="guest-ada", lang="es", since=(now - timedelta(hours=1)).isoformat()) == 1
    assert await listed(room="other") == 0
    assert await listed(person="guest-bo") == 0
    assert await listed(lang="fr") == 0
    assert await listed(until="2020-01-01T00:00:00Z") == 0


async def test_a_room_that_keeps_is_granted_to_its_host_and_the_log_says_so(house: House, archive: Archive):
    room, _ = await house.make(keep="minutes-30")
    meeting = await archive.meeting(room, policy="minutes-30", grant=None)
    await archive.say(meeting, "Kept.", room=room)

    assert await words(house, meeting) == ["Kept."]
    assert [(row["actor"], row["action"], row["object"]) for row in await archive.log()] == [
        ("host", "grant", room),
        ("host", "read", str(meeting)),
    ]


async def test_who_has_no_secret_reads_nothing(house: House, archive: Archive):
    meeting = await archive.meeting(grant="host")
    await archive.say(meeting, "A secret.")

    for headers in ({}, {"Authorization": "Bearer guessed"}, {"Authorization": "Bearer "}):
        for path in ("/api/meetings", *paths(meeting)):
            answer = await house.client.get(path, headers=headers)
            assert await code(answer) == (401, "host_secret_wrong")
    assert await archive.log() == []


async def test_nobody_can_tell_what_is_not_theirs_from_what_is_not_there(house: House, archive: Archive):
    meeting = await archive.meeting("hidden", grant="ben")
    await archive.say(meeting, "A secret.", room="hidden")

    for hidden, unknown, odd in zip(paths(meeting), paths(uuid4()), paths("no-id"), strict=True):  # type: ignore[arg-type]
        answers = [await house.client.get(path, headers=HEADERS) for path in (hidden, unknown, odd)]
        told = [(answer.status, await answer.text(), sorted(answer.headers)) for answer in answers]
        assert told[0] == told[1] == told[2]
        assert told[0][0] == 404
    assert (await (await ask(house, "/api/meetings")).json()) == {"meetings": []}


@pytest.mark.parametrize(
    "query",
    [
        "format=doc",
        "kind=all",
        "speaker=ada",
        "since=then",
        "since=nan",
        "until=inf",
        "q=",
        f"q={'x' * 201}",
        "q=%00",
        "person=",
    ],
)
async def test_what_makes_no_sense_is_refused_before_anything_is_opened(house: House, archive: Archive, query: str):
    meeting = await archive.meeting(grant="host")
    await archive.say(meeting, "A secret.")

    answer = await house.client.get(f"/api/meetings/{meeting}/transcript?{query}", headers=HEADERS)

    assert await code(answer) == (400, "bad_request")
    assert await archive.log() == []


@pytest.mark.parametrize("query", ["limit=0", "limit=501", "since=2026-01-01T00:00:00", "room=%00", "until=soon"])
async def test_a_list_that_makes_no_sense_is_refused(house: House, query: str):
    assert await code(await house.client.get(f"/api/meetings?{query}", headers=HEADERS)) == (400, "bad_request")


async def test_a_language_that_does_not_exist_is_refused(house: House):
    for path in (f"/api/meetings/{uuid4()}/transcript?lang=xx-yy-zz", "/api/meetings?lang=klingon"):
        assert await code(await house.client.get(path, headers=HEADERS)) == (400, "unknown_language")


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(query=st.dictionaries(st.sampled_from(NAMES), st.text(max_size=20)))
async def test_whatever_is_asked_the_answer_is_one_of_those_that_are_described(
    open_house: Opening, query: dict[str, str]
):
    house = await once(open_house)
    query = {name: value.encode("utf-8", "replace").decode() for name, value in query.items()}

    for path in ("/api/meetings", f"/api/meetings/{UUID(int=0)}/transcript"):
        answer = await ask(house, path, **query)
        assert answer.status in (200, 400, 404), await answer.text()


ONCE: dict[Any, House] = {}


async def once(open_house: Opening) -> House:
    """One server for all the examples of a test."""
    if open_house not in ONCE:
        ONCE.clear()
        tenant, folder = str(uuid4()), Path(tempfile.mkdtemp())
        (folder / f"{tenant_id(tenant)}.jsonl").touch()
        ONCE[open_house] = await open_house(tenant=tenant, ledger=folder, joins_per_minute=100_000)
    return ONCE[open_house]


async def test_who_asks_too_often_waits(open_house: Opening, archive: Archive):
    house = await serving(open_house, archive, joins_per_minute=2)

    answers = [await ask(house, "/api/meetings") for _ in range(3)]

    assert [answer.status for answer in answers] == [200, 200, 429]


async def test_every_reading_is_in_the_log_without_the_words_that_were_looked_for(house: House, archive: Archive):
    meeting = await archive.meeting(grant="host")
    await archive.say(meeting, "A secret.")

    for path in ("/api/meetings", *paths(meeting)):
        assert (await house.client.get(path, headers=HEADERS)).status == 200

    log = await archive.log()
    assert [(row["action"], row["object"]) for row in log] == [("list", ""), *[("read", str(meeting))] * 6]
    assert [json.loads(row["detail"]).get("format") for row in log[2:]] == ["json", "vtt", "srt", "txt", "json"]
    assert json.loads(log[6]["detail"])["searched"] is True
    assert not any("secret" in row["detail"] for row in log)
    assert (await verify(archive.pools[Role.AUDITOR], archive.tenant)).sound


async def test_promise_17_what_is_due_is_gone_from_every_address_with_the_sweep_off(house: House, archive: Archive):
    meeting = await archive.meeting(grant="host")
    await archive.say(meeting, "A secret.")
    before = [(await house.client.get(path, headers=HEADERS)).status for path in paths(meeting)]

    await archive.owner.execute(NOW.format(" + interval '31 days'"))
    after = [(await house.client.get(path, headers=HEADERS)).status for path in paths(meeting)]
    listed = await (await ask(house, "/api/meetings")).json()

    assert (before, after) == ([200] * 6, [404] * 6)
    assert listed == {"meetings": []}
    assert await archive.owner.fetchval("SELECT count(*) FROM vault.record WHERE tenant_id = $1", archive.tenant) == 1


async def test_promise_17_a_destroyed_key_is_gone_from_every_address_though_its_rows_stay(
    house: House, archive: Archive
):
    meeting = await archive.meeting(grant="host")
    await archive.say(meeting, "A secret.")

    await archive.destroy(("meeting_id", meeting))

    assert [(await house.client.get(path, headers=HEADERS)).status for path in paths(meeting)] == [404] * 6
    assert (await (await ask(house, "/api/meetings")).json()) == {"meetings": []}


async def test_a_revoked_grant_counts_from_the_next_request_on(house: House, archive: Archive):
    meeting = await archive.meeting(grant="host")
    await archive.say(meeting, "A secret.")
    before = await words(house, meeting)

    await archive.owner.execute("DELETE FROM vault.room_grant WHERE tenant_id = $1", archive.tenant)

    assert before == ["A secret."]
    assert [(await house.client.get(path, headers=HEADERS)).status for path in paths(meeting)] == [404] * 6


async def test_a_transcript_that_may_not_be_read_to_its_end_breaks_off(
    open_house: Opening, archive: Archive, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(reader, "PAGE", 2)
    monkeypatch.setattr(reader, "WINDOW", 1)
    house = await serving(open_house, archive)
    meeting = await archive.meeting(grant="host")
    for at in range(9):
        await archive.say(meeting, f"{at} {'x' * 30_000}", at=at)

    answer = await ask(house, f"/api/meetings/{meeting}/transcript", format="txt")
    await archive.owner.execute("DELETE FROM vault.room_grant WHERE tenant_id = $1", archive.tenant)

    assert answer.status == 200
    with pytest.raises((aiohttp.ClientPayloadError, aiohttp.ClientConnectionError)):
        await answer.text()


async def test_a_client_that_goes_away_in_the_middle_ends_the_reading_quietly(caplog: pytest.LogCaptureFixture):
    ended = asyncio.Event()

    async def endless() -> AsyncIterator[str]:
        while True:
            yield "x" * PIECE

    async def handler(request: web.Request) -> web.StreamResponse:
        try:
            return await send(request, FORMATS["txt"], "x.txt", endless())
        finally:
            ended.set()

    app = web.Application()
    app.router.add_get("/", handler)
    async with TestClient(TestServer(app)) as client:
        answer = await client.get("/")
        answer.close()
        async with asyncio.timeout(10):
            await ended.wait()

    assert not [record for record in caplog.records if record.levelno >= logging.WARNING]


async def test_a_long_transcript_comes_whole_and_valid(house: House, archive: Archive, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(reader, "PAGE", 7)
    meeting = await archive.meeting(grant="host")
    for at in range(25):
        await archive.say(meeting, f"{at} {'word ' * 2000}", at=at)

    answer = await ask(house, f"/api/meetings/{meeting}/transcript", format="vtt")

    cues = webvtt.from_string(await answer.text()).captions
    assert [cue.text.split()[0] for cue in cues] == [str(at) for at in range(25)]


@pytest.mark.parametrize(
    "breaking",
    [
        "ALTER FUNCTION vault_audit.append RENAME TO appended",
        "REVOKE EXECUTE ON FUNCTION vault_audit.append FROM dragoman_web",
        "DROP TABLE vault_audit.head CASCADE",
    ],
)
async def test_promise_25_with_the_log_away_no_address_serves_what_is_kept(
    own_url: str, tmp_path: Path, open_house: Opening, breaking: str
):
    async with an_archive(own_url, tmp_path, "elsewhere") as archive:
        house = await serving(open_house, archive, database_url=SecretStr(own_url))
        meeting = await archive.meeting(grant="host")
        await archive.say(meeting, "A secret.")
        served = [(await house.client.get(path, headers=HEADERS)).status for path in paths(meeting)]
        await archive.owner.execute(breaking)

        answers = [await house.client.get(path, headers=HEADERS) for path in ("/api/meetings", *paths(meeting))]

        assert served == [200] * 6
        assert [await code(answer) for answer in answers] == [(503, "audit_away")] * 7
        assert {answer.headers["Retry-After"] for answer in answers} == {"5"}


async def test_a_restored_database_that_has_back_what_was_destroyed_serves_nothing(
    open_house: Opening, archive: Archive
):
    ledger = Ledger(archive.folder / "ledger", archive.tenant, archive.keys)
    house = await serving(open_house, archive, ledger=archive.folder / "ledger")
    meeting = await archive.meeting(grant="host")
    await archive.say(meeting, "A secret.")
    before = [(await house.client.get(path, headers=HEADERS)).status for path in paths(meeting)]
    gone = [str(uuid4()), str(meeting), str(uuid4()), 1, "erasure 1"]
    await ledger.confirm(await ledger.append("destroyed", {"reason": "erasure 1", "keys": [gone]}))

    answers = [await house.client.get(path, headers=HEADERS) for path in ("/api/meetings", *paths(meeting))]

    assert before == [200] * 6
    assert [await code(answer) for answer in answers] == [(503, "restored_not_replayed")] * 7


async def test_where_the_root_key_is_away_it_says_so(open_house: Opening, archive: Archive, tmp_path: Path):
    house = await serving(open_house, archive)
    meeting = await archive.meeting(grant="host")
    await archive.say(meeting, "A secret.")
    (archive.folder / "root.key").rename(tmp_path / "lost.key")

    answer = await ask(house, f"/api/meetings/{meeting}/transcript")

    assert await code(answer) == (503, "keys_away")


async def test_the_document_describes_what_may_be_asked_and_what_comes(house: House):
    document = await (await house.client.get("/openapi.json")).json()

    described = document["paths"]["/api/meetings/{meeting}/transcript"]["get"]
    asked = {each["name"]: each for each in described["parameters"] if each["in"] == "query"}
    assert set(asked) == {"lang", "format", "kind", "speaker", "person", "since", "until", "q"}
    assert asked["format"]["schema"]["enum"] == ["json", "vtt", "srt", "txt"]
    assert set(described["responses"]["200"]["content"]) == {
        "application/json", "text/vtt", "application/x-subrip", "text/plain"
    }  # fmt: skip
    assert described["security"] == [{"bearer": []}]
