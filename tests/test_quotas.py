"""How much of a room's work one guest may take."""

from __future__ import annotations

from agent.quotas import PEOPLE, LanguageQuota, MicrophoneQuota


def test_a_room_makes_so_many_languages_at_a_time():
    quota = LanguageQuota(3)

    assert quota.refused("ana", ["es", "fr"], {"de", "it"}) == ["fr"]


def test_over_its_life_a_room_makes_eight_times_as_many_whoever_asks():
    quota = LanguageQuota(3)

    refused = [quota.refused(f"eve-{n}", [f"tag-{n}"], ()) for n in range(400)]

    assert sum(not one for one in refused) == 24
    assert len(quota) == 24
    assert quota.refused("ana", ["tag-0"], ()) == [], "what was made once is made again"


def test_one_person_asks_for_twice_as_many_and_the_next_may_still_ask():
    quota = LanguageQuota(3)

    refused = [quota.refused("eve", [f"tag-{n}"], ()) for n in range(400)]

    assert sum(not one for one in refused) == 6
    assert quota.refused("eve", ["tag-0"], ()) == []
    assert quota.refused("ana", ["es"], ()) == []


def test_languages_that_are_only_spoken_are_no_more_than_those_that_are_read():
    quota = LanguageQuota(2)

    assert quota.admits_spoken("en", ())
    assert quota.admits_spoken("es", {"en"})
    assert not quota.admits_spoken("fr", {"en", "es"})


def test_the_number_of_a_languages_last_final_is_remembered():
    quota = LanguageQuota(2)
    quota.refused("ana", ["es"], ())
    quota.give_back("es", 41)

    assert (quota.last("es"), quota.last("fr")) == (41, 0)


def test_what_people_asked_for_is_remembered_of_so_many_and_no_more():
    quota = LanguageQuota(64)

    for n in range(2 * PEOPLE):
        quota.refused(f"eve-{n}", ["es"], ())

    assert len(quota._asked) == PEOPLE


def test_two_microphones_of_a_person_are_heard_and_forty_in_all():
    quota = MicrophoneQuota()

    of_one = [quota.take("eve", f"eve-{n}") for n in range(10)]
    of_all = [quota.take(f"p{n}", f"t{n}") for n in range(100)]

    assert (sum(of_one), sum(of_all)) == (2, 38)
    assert (len(quota), quota.refused) == (40, 70)


def test_a_microphone_that_ends_leaves_its_place_to_another():
    quota = MicrophoneQuota()
    for track in ("one", "two"):
        quota.take("eve", track)

    assert not quota.take("eve", "three")
    assert quota.free("one")
    assert not quota.free("one")
    assert quota.take("eve", "three")
    assert quota.take("eve", "three"), "who has a place keeps it"
