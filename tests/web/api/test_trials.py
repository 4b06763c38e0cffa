"""Rooms for trying it out: one for each visit, few at a time, gone after it, and not for the internet."""

from __future__ import annotations

import pytest
from sqlalchemy import func, select, update

from tests.web.api.test_webhooks import event, send
from tests.web.conftest import House, Opening, code
from web.api import trials
from web.database import DATABASE
from web.tables import rooms


async def made(house: House) -> dict[str, str]:
    answer = await house.client.post("/api/trials")
    assert answer.status == 201
    given: dict[str, str] = await answer.json()
    return given


async def count(house: House) -> int:
    async with house.client.app[DATABASE].transaction() as connection:
        held = select(func.count()).select_from(rooms).where(rooms.c.slug.startswith(trials.MARK))
        return int((await connection.execute(held)).scalar_one())


async def age(house: House, seconds: int) -> None:
    """Every trial was made so much earlier."""
    async with house.client.app[DATABASE].transaction() as connection:
        earlier = rooms.c.created_at - func.make_interval(0, 0, 0, 0, 0, 0, seconds)
        await connection.execute(update(rooms).where(rooms.c.slug.startswith(trials.MARK)).values(created_at=earlier))


async def test_each_visitor_has_a_room_of_their_own_that_their_link_alone_opens(house: House):
    mine, theirs = await made(house), await made(house)

    assert mine["room"] != theirs["room"]
    assert (await house.join(mine["room"], secret=mine["secret"])).status == 200
    assert await code(await house.join(mine["room"], secret=theirs["secret"])) == (403, "link_invalid")
    assert await code(await house.join(mine["room"])) == (403, "link_invalid")


async def test_a_trial_keeps_nothing_and_no_host_s_room_has_its_kind_of_name(house: House):
    mine = await made(house)

    seen = await (await house.client.get(f"/api/rooms/{mine['room']}")).json()
    assert seen["keeps"]["policy"] == "nothing"
    slug, _ = await house.make()
    assert not slug.startswith(trials.MARK)


async def test_a_trial_is_gone_once_its_room_has_finished(house: House):
    mine, theirs = await made(house), await made(house)

    await send(house, event("room_finished", mine["room"]))

    assert (await house.client.get(f"/api/rooms/{mine['room']}")).status == 404
    assert (await house.client.get(f"/api/rooms/{theirs['room']}")).status == 200


async def test_a_host_s_room_stays_when_it_has_finished(house: House):
    slug, _ = await house.make()

    await send(house, event("room_finished", slug))

    assert (await house.client.get(f"/api/rooms/{slug}")).status == 200


async def test_a_trial_whose_end_nobody_told_of_goes_and_one_with_people_stays(house: House):
    lost, lively = await made(house), await made(house)
    house.livekit.enter(lively["room"], "guest-1")
    await age(house, trials.FORGOTTEN + 1)

    fresh = await made(house)

    assert (await house.client.get(f"/api/rooms/{lost['room']}")).status == 404
    assert (await house.client.get(f"/api/rooms/{lively['room']}")).status == 200
    assert (await house.client.get(f"/api/rooms/{fresh['room']}")).status == 200


async def test_there_are_no_more_trials_than_so_many(open_house: Opening):
    house = await open_house(joins_per_minute=100)
    for _ in range(trials.LIMIT):
        await made(house)

    refused = await house.client.post("/api/trials")

    assert await code(refused) == (429, "too_many_trials")
    assert refused.headers["Retry-After"] == "60"
    assert await count(house) == trials.LIMIT


@pytest.mark.parametrize(
    "headers",
    [{"X-Forwarded-For": "203.0.113.5"}, {"Host": "dragoman.example"}, {"Sec-Fetch-Site": "cross-site"}],
    ids=["proxy", "name", "site"],
)
async def test_who_is_not_at_this_machine_is_offered_none_and_gets_none(house: House, headers: dict[str, str]):
    offer = await house.client.get("/api/trials", headers=headers)

    assert await offer.json() == {"offered": False}
    assert await code(await house.client.post("/api/trials", headers=headers)) == (403, "not_allowed")


async def test_at_this_machine_it_is_offered(house: House):
    assert await (await house.client.get("/api/trials")).json() == {"offered": True}


async def test_trials_are_paced_like_joins(open_house: Opening):
    house = await open_house(joins_per_minute=2)
    await made(house)
    await made(house)

    assert await code(await house.client.post("/api/trials")) == (429, "too_many_requests")
