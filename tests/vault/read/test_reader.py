"""Reading what is kept: who may, what is there, and what is not there any more."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID, uuid4

import pytest
from pydantic import SecretStr
from sqlalchemy import insert, text
from sqlalchemy.exc import DBAPIError

from agent.errors import VaultError
from agent.vault.db.pool import Pool, Role
from agent.vault.db.tables import room_grant
from agent.vault.log import audit
from agent.vault.log.audit import verify
from agent.vault.read import reader as reading
from agent.vault.read.grants import grant, revoke
from agent.vault.read.reader import RENEW, Opened, Reader, folded
from agent.vault.read.wanted import WHOLE, Wanted

from ..kept_meetings import NOW, Archive, an_archive

BY_HAND = {
    "room": "room",
    "principal": "eve",
    "break_glass": True,
    "granted_by": "eve",
    "reason": "twenty characters at the least",
}


@pytest.fixture
async def archive(migrated: str, tmp_path: Path) -> AsyncIterator[Archive]:
    async with an_archive(migrated, tmp_path) as one:
        yield one


@pytest.fixture
def reader(archive: Archive) -> Reader:
    return Reader(archive.pools[Role.WEB], archive.keys, archive.tenant)


async def words(opened: Opened, wanted: Wanted = WHOLE) -> list[str]:
    return [line.text async for line in opened.lines(wanted)]


async def read(reader: Reader, meeting: UUID, wanted: Wanted = WHOLE, who: str = "ana") -> list[str]:
    return await words(await reader.open(who, meeting), wanted)


async def refused(reader: Reader, meeting: UUID, who: str = "ana") -> str:
    with pytest.raises(VaultError) as raised:
        await reader.open(who, meeting)
    return raised.value.code


async def by_sql(archive: Archive, ticket: int | None, who: str = "ana") -> int:
    """How many rows somebody sees who has the web role's connection and any statement they like."""
    total = 0
    for table in ("vault.record", "vault.speaker", "vault_keys.data_key"):
        async with archive.pools[Role.WEB].transaction(archive.tenant, principal=who, ticket=ticket) as connection:
            total += (await connection.execute(text(f"SELECT count(*) FROM {table}"))).scalar_one()
    return total


async def a_ticket(archive: Archive, meeting: UUID, who: str = "ana") -> int:
    async with archive.pools[Role.WEB].transaction(archive.tenant, principal=who) as connection:
        line = text("SELECT vault_audit.append('read', :m, 'allowed', '{}')")
        return int((await connection.execute(line, {"m": str(meeting)})).scalar_one())


async def test_what_was_kept_is_read_in_the_order_in_which_it_was_said(archive: Archive, reader: Reader):
    meeting = await archive.meeting()
    await archive.say(meeting, "Second.", at=2.0, identity="guest-bo", name="Bo")
    await archive.say(meeting, "First.", at=1.0)
    await archive.say(meeting, "Third.", at=3.0, voice="B")

    opened = await reader.open("ana", meeting)

    lines = [line async for line in opened.lines()]
    assert [(line.text, line.speaker.name, line.speaker.voice) for line in lines] == [
        ("First.", "Ada", None),
        ("Second.", "Bo", None),
        ("Third.", "Ada", "B"),
    ]
    assert (lines[0].starts, lines[0].ends, lines[0].lang, lines[0].engine) == (1.0, 2.0, "en", "whisper-base")
    assert await opened.kept() == [("source", "en", 3)]
    assert opened.unreadable == 0


async def test_what_was_said_and_by_whom_is_in_no_repr(archive: Archive, reader: Reader):
    meeting = await archive.meeting()
    await archive.say(meeting, "A secret.")

    opened = await reader.open("ana", meeting)
    [line] = [line async for line in opened.lines()]

    assert "secret" not in repr(line)
    assert "Ada" not in repr(line)
    assert "secret" not in repr(Wanted(text="secret"))


async def test_a_clause_is_read_in_the_language_that_is_wanted_and_as_far_as_it_is_kept(
    archive: Archive, reader: Reader
):
    meeting = await archive.meeting()
    one = await archive.say(meeting, "Good morning.", at=1.0)
    await archive.say(meeting, "Buenos días.", at=1.0, segment=one, kind="translation", lang="es")
    two = await archive.say(meeting, "Igualmente.", at=2.0, lang="es-MX")
    await archive.say(meeting, "Likewise.", at=2.0, segment=two, kind="translation", lang="en")
    await archive.say(meeting, "Call [phone].", at=3.0, kind="redacted")

    assert await read(reader, meeting) == ["Good morning.", "Igualmente.", "Call [phone]."]
    assert await read(reader, meeting, Wanted(lang="en")) == ["Good morning.", "Likewise.", "Call [phone]."]
    assert await read(reader, meeting, Wanted(lang="es")) == ["Buenos días.", "Igualmente."]
    assert await read(reader, meeting, Wanted(lang="e")) == []
    assert await read(reader, meeting, Wanted(lang="%")) == []
    assert await read(reader, meeting, Wanted(kind="translation", lang="en")) == ["Likewise."]
    assert await read(reader, meeting, Wanted(kind="redacted")) == ["Call [phone]."]


async def test_the_newest_revision_is_read(archive: Archive, reader: Reader):
    meeting = await archive.meeting()
    one = await archive.say(meeting, "Is this om?", rev=1)
    await archive.say(meeting, "Is this on?", segment=one, rev=2)
    await archive.say(meeting, "Is this om?", segment=one, rev=1)

    assert await read(reader, meeting) == ["Is this on?"]


async def test_lines_are_found_by_person_speaker_and_time(archive: Archive, reader: Reader):
    meeting = await archive.meeting()
    await archive.say(meeting, "One.", at=1.0)
    await archive.say(meeting, "Two.", at=2.0, voice="B")
    await archive.say(meeting, "Three.", at=3.0, identity="guest-bo", name="Bo")

    opened = await reader.open("ana", meeting)
    [bo] = [each.id for each in opened.speakers.values() if each.name == "Bo"]

    assert await words(opened, Wanted(identity="guest-ada")) == ["One.", "Two."]
    assert await words(opened, Wanted(identity="nobody")) == []
    assert await words(opened, Wanted(speaker=bo)) == ["Three."]
    assert await words(opened, Wanted(since=2.0, until=3.0)) == ["Two."]


async def test_meetings_are_found_by_room_person_language_and_time(archive: Archive, reader: Reader):
    one, two = await archive.meeting(), await archive.meeting("other")
    await archive.say(one, "Hello.")
    await archive.say(two, "Hola.", room="other", lang="es", identity="guest-bo", name="Bo")
    hidden = await archive.meeting("hidden", grant=None)
    await archive.say(hidden, "Nobody's.", room="hidden")
    await archive.meeting("other")  # nothing was said in it

    async def listed(**query: object) -> list[UUID]:
        return [each.id for each in await reader.meetings("ana", **query)]  # type: ignore[arg-type]

    now = datetime.now(UTC)
    assert await listed() == [two, one]
    assert await listed(room="other") == [two]
    assert await listed(identity="guest-ada") == [one]
    assert await listed(lang="es") == [two]
    assert await listed(since=now + timedelta(hours=1)) == []
    assert await listed(since=now - timedelta(hours=1), until=now + timedelta(hours=1)) == [two, one]
    assert await listed(until=now - timedelta(hours=1)) == []
    assert await listed(limit=1) == [two]
    assert await reader.meetings("ben") == []


async def test_a_long_meeting_is_read_page_by_page_and_nothing_is_lost_between_them(
    archive: Archive, reader: Reader, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(reading, "PAGE", 5)
    meeting = await archive.meeting()
    starts = [at * 7 % 17 for at in range(17)]
    for at in starts:
        one = await archive.say(meeting, f"{at}", at=at)
        await archive.say(meeting, f"{at}!", at=at, segment=one, kind="redacted")

    assert await read(reader, meeting) == [str(at) for at in range(17)]
    assert await read(reader, meeting, Wanted(kind="redacted")) == [f"{at}!" for at in range(17)]


async def test_beyond_the_window_lines_come_while_the_rest_is_still_read(
    archive: Archive, reader: Reader, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(reading, "PAGE", 3)
    monkeypatch.setattr(reading, "WINDOW", 2)
    meeting = await archive.meeting()
    for at in (1, 0, 2, 4, 3, 5):
        await archive.say(meeting, f"{at}", at=at)

    assert await read(reader, meeting) == ["0", "1", "2", "3", "4", "5"]


@pytest.mark.parametrize(
    ("words", "needle"),
    [
        ("Straße nach Köln", "STRASSE NACH KOLN"),
        ("ΣΊΣΥΦΟΣ", "σισυφος"),
        ("Ёлка", "елка"),
        ("مُحَمَّد", "محمد"),
        ("שָׁלוֹם", "שלום"),
        ("Tiếng Việt", "tieng viet"),
        ("ﬁle　１２", "file 12"),
        ("한국어", "한국"),
        ("çok  güzel\nbir gün", "guzel bir"),
    ],
)
def test_a_search_looks_past_case_and_diacritics_in_any_script(words: str, needle: str):
    assert folded(needle) in folded(words)


@pytest.mark.parametrize(("words", "needle"), [("ガラス", "カラス"), ("की", "का"), ("ज़मीन", "जमीन"), ("cold", "gold")])
def test_a_search_does_not_take_one_letter_for_another(words: str, needle: str):
    assert folded(needle) not in folded(words)


async def test_a_search_finds_words_by_opening_what_is_kept(archive: Archive, reader: Reader):
    meeting = await archive.meeting()
    await archive.say(meeting, "Das heißt: nächste Woche.", at=1.0, lang="de")
    await archive.say(meeting, "Gut.", at=2.0, lang="de")

    assert await read(reader, meeting, Wanted(text="HEISST: NACHSTE")) == ["Das heißt: nächste Woche."]
    assert await read(reader, meeting, Wanted(text="morgen")) == []


async def test_every_reading_is_written_down_before_it_is_served(archive: Archive, reader: Reader):
    meeting = await archive.meeting()
    await archive.say(meeting, "A secret.")

    await reader.open("ana", meeting, format="srt")
    await reader.meetings("ana")
    await refused(reader, meeting, who="ben")
    await refused(reader, UUID(int=0))

    said = [(row["actor"], row["action"], row["object"], row["outcome"], row["detail"]) for row in await archive.log()]
    assert said == [
        ("ana", "read", str(meeting), "allowed", '{"format": "srt"}'),
        ("ana", "list", "", "allowed", "{}"),
        ("ben", "read", str(meeting), "denied", "{}"),
        ("ana", "read", str(UUID(int=0)), "denied", "{}"),
    ]
    assert (await verify(archive.pools[Role.AUDITOR], archive.tenant)).sound


async def test_who_was_not_granted_learns_nothing(archive: Archive, reader: Reader, migrated: str, tmp_path: Path):
    meeting = await archive.meeting()
    await archive.say(meeting, "A secret.")
    async with an_archive(migrated, tmp_path / "other") as other:
        theirs = Reader(other.pools[Role.WEB], other.keys, other.tenant)
        foreign = await refused(theirs, meeting)

    assert await refused(reader, meeting, who="ben") == await refused(reader, uuid4(), who="ana") == "meeting_not_found"
    assert foreign == "meeting_not_found"
    assert await by_sql(archive, await a_ticket(archive, meeting, "ben"), "ben") == 0
    assert await by_sql(archive, await a_ticket(archive, meeting, "ana"), "ben") == 0


async def test_a_grant_that_is_revoked_while_somebody_reads_ends_the_reading(
    archive: Archive, reader: Reader, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(reading, "PAGE", 2)
    monkeypatch.setattr(reading, "WINDOW", 1)
    meeting = await archive.meeting()
    for at in range(9):
        await archive.say(meeting, f"{at}", at=at)
    opened = await reader.open("ana", meeting)
    lines = opened.lines()
    first = await anext(lines)

    async with archive.pools[Role.WEB].transaction(archive.tenant, principal="boss") as connection:
        await revoke(connection, archive.tenant, "room", "ana")
    with pytest.raises(VaultError) as raised:
        [line async for line in lines]

    assert first.text == "0"
    assert raised.value.code == "meeting_not_found"
    assert await refused(reader, meeting) == "meeting_not_found"
    assert await reader.meetings("ana") == []


async def test_a_grant_ends_in_its_time(archive: Archive, reader: Reader):
    meeting = await archive.meeting(grant=None)
    await archive.say(meeting, "A secret.")
    async with archive.pools[Role.WEB].transaction(archive.tenant, principal="boss") as connection:
        await grant(connection, archive.tenant, "room", "ben", by="boss", lasts=timedelta(hours=1))
    before = await read(reader, meeting, who="ben")

    await archive.owner.execute(
        "UPDATE vault.room_grant SET expires_at = clock_timestamp() WHERE tenant_id = $1", archive.tenant
    )

    assert before == ["A secret."]
    assert await refused(reader, meeting, "ben") == "meeting_not_found"


async def test_a_glass_is_broken_with_a_reason_for_an_hour_and_the_log_says_so(archive: Archive, reader: Reader):
    meeting = await archive.meeting(grant=None)
    await archive.say(meeting, "A secret.")

    async def broken(reason: str, lasts: timedelta | None) -> str:
        with pytest.raises(VaultError) as raised:
            async with archive.pools[Role.WEB].transaction(archive.tenant, principal="boss") as connection:
                await grant(connection, archive.tenant, "room", "ben", by="boss", lasts=lasts, break_glass=reason)
        return raised.value.code

    why = "A court wants it this very day."
    codes = [
        await broken("because", timedelta(hours=1)),
        await broken(why, None),
        await broken(why, timedelta(hours=2)),
    ]
    async with archive.pools[Role.WEB].transaction(archive.tenant, principal="boss") as connection:
        await grant(connection, archive.tenant, "room", "ben", by="boss", lasts=timedelta(hours=1), break_glass=why)
    seen = await read(reader, meeting, who="ben")

    assert codes == ["bad_grant"] * 3
    assert seen == ["A secret."]
    said = [(row["actor"], row["action"], row["detail"]) for row in await archive.log()]
    assert said[0][:2] == ("boss", "grant")
    assert why in said[0][2]
    assert said[1] == ("ben", "read", '{"break_glass": true}')
    by_hand = {**BY_HAND, "tenant_id": archive.tenant, "expires_at": datetime.now(UTC) + timedelta(hours=2)}
    with pytest.raises(DBAPIError, match="check constraint"):
        async with archive.pools[Role.WEB].transaction(archive.tenant, principal="boss") as connection:
            await connection.execute(insert(room_grant).values(by_hand))


async def test_a_pooled_connection_carries_nothing_over(archive: Archive, migrated: str):
    meeting = await archive.meeting()
    await archive.say(meeting, "A secret.")
    ticket = await a_ticket(archive, meeting)
    pool = Pool(SecretStr(migrated), Role.WEB, size=1)
    query = text("SELECT pg_backend_pid(), (SELECT count(*) FROM vault.record), current_setting('app.ticket', true),"
                 " current_setting('app.uid', true), current_user")  # fmt: skip
    async with pool.transaction(archive.tenant, principal="ana", ticket=ticket) as connection:
        first = (await connection.execute(query)).one()
    with pytest.raises(ZeroDivisionError):
        async with pool.transaction(archive.tenant, principal="ana", ticket=ticket) as connection:
            raise ZeroDivisionError
    async with pool.transaction(archive.tenant) as connection:
        second = (await connection.execute(query)).one()
    async with pool._engine.connect() as connection:
        outside = (await connection.execute(text("SELECT pg_backend_pid(), current_setting('app.ticket', true),"
                                                 " current_setting('app.uid', true), current_user"))).one()  # fmt: skip
    await pool.close()

    assert first[0] == second[0] == outside[0]
    assert first[1:] == (1, str(ticket), "ana", "dragoman_web")
    assert second[1:] == (0, "", "", "dragoman_web")
    assert outside[1:] == ("", "", "postgres")


async def test_a_record_that_somebody_changed_or_moved_is_counted_and_not_shown(
    archive: Archive, reader: Reader, caplog: pytest.LogCaptureFixture
):
    meeting = await archive.meeting()
    one = await archive.say(meeting, "Pay Ada.", at=1.0)
    two = await archive.say(meeting, "Pay Bo.", at=2.0)
    three = await archive.say(meeting, "Bye.", at=3.0)
    sealed = await archive.owner.fetchval("SELECT sealed FROM vault.record WHERE segment_id = $1", two)
    await archive.owner.execute("UPDATE vault.record SET sealed = $1 WHERE segment_id = $2", sealed, one)
    await archive.owner.execute("UPDATE vault.record SET sealed = $1 WHERE segment_id = $2", bytes(174), three)

    opened = await reader.open("ana", meeting)
    with caplog.at_level(logging.ERROR):
        seen = await words(opened)

    assert (seen, opened.unreadable) == (["Pay Bo."], 2)
    assert caplog.messages == ["a record does not open"] * 2


async def test_a_destroyed_key_takes_what_it_sealed_and_leaves_the_rest(archive: Archive, reader: Reader):
    meeting = await archive.meeting()
    await archive.say(meeting, "Ada's.", at=1.0)
    await archive.say(meeting, "Bo's.", at=2.0, identity="guest-bo", name="Bo")
    both = await read(reader, meeting)

    await archive.destroy(("meeting_id", meeting), ("subject", await archive.keys.subject("guest-bo")))

    opened = await reader.open("ana", meeting)
    assert both == ["Ada's.", "Bo's."]
    assert await words(opened) == ["Ada's."]
    assert await opened.kept() == [("source", "en", 1)]
    assert {each.name for each in opened.speakers.values()} == {"Ada", None}
    assert opened.unreadable == 0
    assert await reader.meetings("ana", identity="guest-bo") == []


async def test_where_the_words_are_forgotten_the_redacted_form_stays(archive: Archive, reader: Reader):
    meeting = await archive.meeting()
    one = await archive.say(meeting, "Call 555-0100.")
    await archive.say(meeting, "Call [phone].", segment=one, kind="redacted")

    await archive.destroy(("meeting_id", meeting), ("kind", "source"))

    assert await read(reader, meeting) == ["Call [phone]."]


async def test_a_key_that_is_destroyed_while_somebody_reads_opens_nothing_more(
    archive: Archive, reader: Reader, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(reading, "PAGE", 2)
    monkeypatch.setattr(reading, "WINDOW", 1)
    meeting = await archive.meeting()
    for at in range(9):
        await archive.say(meeting, f"{at}", at=at)
    lines = (await reader.open("ana", meeting)).lines()
    first = await anext(lines)

    await archive.destroy(("meeting_id", meeting))
    rest = [line.text async for line in lines]

    assert first.text == "0"
    assert len(rest) <= 2  # what was opened before


async def test_promise_17_what_is_due_is_gone_on_every_path_with_the_sweep_off(archive: Archive, reader: Reader):
    await archive.policy("short", source="7 days", translation="3 days", redacted="9 days")
    meeting = await archive.meeting(policy="short")
    one = await archive.say(meeting, "Call 555-0100.")
    await archive.say(meeting, "Llame.", segment=one, kind="translation", lang="es")
    await archive.say(meeting, "Call [phone].", segment=one, kind="redacted")
    rows = "SELECT count(*) FROM vault.record WHERE tenant_id = $1"

    async def after(days: int) -> tuple[list[str], list[str], list[str], int, int]:
        await archive.owner.execute(NOW.format(f" + interval '{days} days'"))
        listed = len(await reader.meetings("ana")), len(await reader.meetings("ana", lang="es"))
        if not listed[0]:
            return [await refused(reader, meeting)], [], [], await by_sql(archive, await a_ticket(archive, meeting)), 0
        opened = await reader.open("ana", meeting)
        async with archive.pools[Role.WEB].transaction(
            archive.tenant, principal="ana", ticket=await a_ticket(archive, meeting)
        ) as connection:
            seen = (await connection.execute(text("SELECT count(*) FROM vault.record"))).scalar_one()
        kinds = [kind for kind, _, _ in await opened.kept()]
        return await words(opened), await words(opened, Wanted(text="call")), kinds, seen, listed[1]

    assert await after(2) == (["Call 555-0100."], ["Call 555-0100."], ["redacted", "source", "translation"], 3, 1)
    assert await after(4) == (["Call 555-0100."], ["Call 555-0100."], ["redacted", "source"], 2, 0)
    assert await after(8) == (["Call [phone]."], ["Call [phone]."], ["redacted"], 1, 0)
    gone = await after(10)
    assert gone[0] == ["meeting_not_found"]
    # The keys stay until the sweep comes, and open nothing that can be had.
    assert gone[3] == await archive.owner.fetchval(
        "SELECT count(*) FROM vault_keys.data_key WHERE tenant_id = $1", archive.tenant
    )
    assert await archive.owner.fetchval(rows, archive.tenant) == 3


async def test_promise_17_what_falls_due_while_somebody_reads_is_not_read_to_its_end(
    archive: Archive, reader: Reader, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(reading, "PAGE", 2)
    monkeypatch.setattr(reading, "WINDOW", 1)
    meeting = await archive.meeting()
    for at in range(9):
        await archive.say(meeting, f"{at}", at=at)
    lines = (await reader.open("ana", meeting)).lines()
    first = await anext(lines)

    await archive.owner.execute(NOW.format(" + interval '31 days'"))
    rest = [line.text async for line in lines]

    assert first.text == "0"
    assert len(rest) <= 2


BROKEN = {
    "the function is broken": (
        "CREATE OR REPLACE FUNCTION vault_audit.digest(e vault_audit.event) RETURNS bytea LANGUAGE plpgsql STABLE AS"
        " $$ BEGIN RAISE EXCEPTION 'broken'; END $$"
    ),
    "the function is forbidden": "REVOKE EXECUTE ON FUNCTION vault_audit.append FROM dragoman_web",
    "the function is gone": "ALTER FUNCTION vault_audit.append RENAME TO appended",
    "the disk is full": (
        "CREATE FUNCTION vault_audit.full() RETURNS trigger LANGUAGE plpgsql AS"
        " $$ BEGIN RAISE EXCEPTION 'no space left' USING ERRCODE = 'disk_full'; END $$;"
        "CREATE TRIGGER full_disk BEFORE INSERT ON vault_audit.event EXECUTE FUNCTION vault_audit.full()"
    ),
    "the table is locked": "LOCK vault_audit.event IN ACCESS EXCLUSIVE MODE",
    "the head is locked": "SELECT FROM vault_audit.head FOR UPDATE",
}


@pytest.mark.parametrize("how", BROKEN)
async def test_promise_25_without_the_log_nothing_is_read(
    own_url: str, tmp_path: Path, how: str, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(audit, "PATIENCE_MS", 300)
    async with an_archive(own_url, tmp_path) as archive:
        reader = Reader(archive.pools[Role.WEB], archive.keys, archive.tenant)
        meeting = await archive.meeting()
        await archive.say(meeting, "A secret.")
        served = await read(reader, meeting)
        breaking = archive.owner.transaction()
        if "locked" in how:
            await breaking.start()
        await archive.owner.execute(BROKEN[how])

        codes = []
        for door in (reader.open("ana", meeting), reader.meetings("ana"), reader.open("ana", meeting, format="vtt")):
            with pytest.raises(VaultError) as raised:
                await door
            codes.append(raised.value.code)

        assert served == ["A secret."]
        assert codes == ["audit_away"] * 3
        if "locked" in how:
            await breaking.rollback()
        else:
            assert await by_sql(archive, None) == await by_sql(archive, 99) == 0


async def test_promise_25_a_line_that_is_not_committed_opens_nothing(archive: Archive):
    meeting = await archive.meeting()
    await archive.say(meeting, "A secret.")

    async with archive.pools[Role.WEB].transaction(archive.tenant, principal="ana") as connection:
        line = text("SELECT vault_audit.append('read', :m, 'allowed', '{}')")
        ticket = (await connection.execute(line, {"m": str(meeting)})).scalar_one()
        await connection.execute(text("SELECT set_config('app.ticket', :t, true)"), {"t": str(ticket)})
        seen = (await connection.execute(text("SELECT count(*) FROM vault.record"))).scalar_one()

    assert seen == 0
    assert await by_sql(archive, ticket) == 4  # a record, a speaker, two keys


async def test_promise_25_a_long_reading_is_written_down_again(
    archive: Archive, reader: Reader, monkeypatch: pytest.MonkeyPatch
):
    meeting = await archive.meeting()
    await archive.say(meeting, "A secret.")
    opened = await reader.open("ana", meeting)

    opened._since -= RENEW
    await archive.owner.execute("UPDATE vault.room_grant SET principal = 'nobody' WHERE tenant_id = $1", archive.tenant)
    with pytest.raises(VaultError):
        await words(opened)

    assert [(row["action"], row["outcome"]) for row in await archive.log()] == [("read", "allowed"), ("read", "denied")]
