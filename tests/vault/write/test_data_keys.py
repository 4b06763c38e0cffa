"""The keys that records are sealed under, and the voices that they belong to."""

from __future__ import annotations

from uuid import UUID, uuid4

import pytest

from agent.errors import VaultError
from agent.vault.crypto.envelope import DataKey
from agent.vault.write.data_keys import KEY_LIFE, DataKeys
from agent.vault.write.speakers import Speakers

from ..numbered_finals import segment
from .rows import record

MEETING, SUBJECT = uuid4(), uuid4()


class Tenant:
    """Gives fresh keys, as long as it is there."""

    def __init__(self) -> None:
        self.away = False
        self.given = 0

    async def fresh_data_key(self, meeting: UUID, speaker: UUID) -> tuple[DataKey, bytes, int]:
        if self.away:
            raise VaultError("keys_away", "Nobody answers.")
        self.given += 1
        return DataKey(uuid4(), bytes(32)), b"wrapped", 1

    async def subject(self, identity: str) -> UUID:
        return UUID(int=int(identity.split("-")[1]))


async def test_a_key_serves_one_speaker_and_one_kind_for_a_day():
    clock = [0.0]
    keys, ana, ben = DataKeys(Tenant(), MEETING, lambda: clock[0]), uuid4(), uuid4()

    first = await keys.of(ana, SUBJECT, "source")
    clock[0] = KEY_LIFE - 1
    same = await keys.of(ana, SUBJECT, "source")
    others = [await keys.of(ana, SUBJECT, "translation"), await keys.of(ben, SUBJECT, "source")]
    clock[0] = KEY_LIFE
    next_day = await keys.of(ana, SUBJECT, "source")

    assert same is first
    assert len({each.key.id for each in (first, *others, next_day)}) == 4


async def test_a_key_travels_with_what_it_seals_until_it_has_arrived():
    keys = DataKeys(Tenant(), MEETING)
    used, item = await keys.of(uuid4(), SUBJECT, "source"), record(uuid4())

    before = used.with_key(item)
    keys.arrived([item])
    without = used.with_key(item)
    keys.arrived(before)

    assert before == without == [used.row, item]
    assert used.with_key(item) == [item]


async def test_a_speaker_whose_key_was_destroyed_gets_others_for_every_kind_and_nobody_else_does():
    keys, ana, ben = DataKeys(Tenant(), MEETING), uuid4(), uuid4()
    kinds = ("source", "name")
    hers = [await keys.of(ana, SUBJECT, kind) for kind in kinds]
    his = [await keys.of(ben, SUBJECT, kind) for kind in kinds]

    keys.destroyed({hers[0].key.id})

    dead = {each.key.id for each in hers}
    assert dead.isdisjoint([(await keys.of(ana, SUBJECT, kind)).key.id for kind in kinds])
    assert [await keys.of(ben, SUBJECT, kind) for kind in kinds] == his


async def test_who_has_a_key_goes_on_where_nobody_gives_another():
    tenant = Tenant()
    keys, ana = DataKeys(tenant, MEETING), uuid4()
    used = await keys.of(ana, SUBJECT, "source")
    tenant.away = True

    with pytest.raises(VaultError):
        await keys.of(uuid4(), SUBJECT, "source")

    assert await keys.of(ana, SUBJECT, "source") is used
    assert len(keys) == 1


async def test_a_voice_beyond_those_remembered_takes_the_place_and_the_keys_of_the_first(
    monkeypatch: pytest.MonkeyPatch,
):
    monkeypatch.setattr("agent.vault.write.speakers.MOST", 2)
    keys = DataKeys(Tenant(), MEETING)
    speakers, first = Speakers(MEETING, Tenant(), keys), segment(0, identity="guest-0")

    for number in range(3):
        who = await speakers.who(segment(number, identity=f"guest-{number}"))
        await keys.of(who.id, who.subject, "source")

    assert (len(speakers), len(keys)) == (2, 2)
    assert (await speakers.who(first)).subject == UUID(int=0)


async def test_a_name_is_new_where_it_or_its_key_is_another_one():
    speakers = Speakers(MEETING, Tenant(), DataKeys(Tenant(), MEETING))
    who, one, other = await speakers.who(segment(0, identity="guest-0")), uuid4(), uuid4()

    news = [speakers.newly_named(who, *named) for named in ((one, "Ana"), (one, "Ana"), (one, "Eva"), (other, "Eva"))]

    assert news == [True, False, True, True]
