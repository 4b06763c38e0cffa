"""The rules by which every live room has exactly one interpreter."""

from __future__ import annotations

from dataclasses import replace

import pytest

from web.dispatch.livekit import Person
from web.dispatch.rules import (
    DOUBT,
    GRACE,
    LONGEST,
    MISSING,
    PULSE,
    STAYS,
    UNTAKEN,
    Beat,
    Scene,
    Verdict,
    decide,
    doubtful,
    is_due,
    patience,
)

ADA = Person("guest-ada", human=True, interpreter=False)
NOTHING = Verdict()


def interpreter(job: str) -> Person:
    return Person(f"interpreter-{job}", human=False, interpreter=True)


def beat(job: str, epoch: int = 1, age: float = 0.5, since: float = 20, **more: object) -> Beat:
    return Beat(job, f"interpreter-{job}", epoch, age, since, **more)  # type: ignore[arg-type]


def scene(*people: Person, beats: tuple[Beat, ...] = (), **more: object) -> Scene:
    return Scene(people, beats, **more)  # type: ignore[arg-type]


def test_an_interpreter_that_beats_is_left_alone():
    assert decide(scene(ADA, interpreter("a"), beats=(beat("a"),))) == NOTHING


def test_people_without_an_interpreter_get_one():
    assert decide(scene(ADA)) == Verdict(call=True)


def test_a_room_without_people_gets_none():
    assert not decide(scene()).call


def test_an_interpreter_alone_in_its_room_is_left_alone():
    assert decide(scene(interpreter("a"), beats=(beat("a"),))) == NOTHING


def test_another_program_in_the_room_is_neither_a_person_nor_an_interpreter():
    recorder = Person("recorder", human=False, interpreter=False)

    assert decide(scene(recorder)) == Verdict(settled=True)
    assert decide(scene(recorder, ADA)) == Verdict(call=True)


def test_a_silent_interpreter_is_taken_out_and_another_called_at_once():
    verdict = decide(scene(ADA, interpreter("a"), beats=(beat("a", age=PULSE),)))

    assert verdict == Verdict(remove={"interpreter-a": "silent"}, dismiss=frozenset("a"), call=True)


def test_a_silent_interpreter_in_an_empty_room_is_taken_out_and_none_called():
    verdict = decide(scene(interpreter("a"), beats=(beat("a", age=PULSE),)))

    assert verdict == Verdict(remove={"interpreter-a": "silent"}, dismiss=frozenset("a"), settled=True)


def test_nobody_is_taken_for_dead_by_who_has_only_just_begun_to_listen():
    just_begun = scene(ADA, interpreter("a"), beats=(beat("a", age=600),), watched=PULSE / 2)

    assert decide(just_begun) == NOTHING
    assert decide(replace(just_begun, watched=PULSE)).call


def test_of_two_the_newer_stays():
    verdict = decide(scene(ADA, interpreter("a"), interpreter("b"), beats=(beat("a", 100), beat("b", 200))))

    assert verdict == Verdict(remove={"interpreter-a": "older"}, dismiss=frozenset("a"))


def test_of_two_the_one_that_lives_stays_even_if_it_is_older():
    verdict = decide(scene(ADA, interpreter("a"), interpreter("b"), beats=(beat("a", 100), beat("b", 200, age=9))))

    assert verdict == Verdict(remove={"interpreter-b": "silent"}, dismiss=frozenset("b"))


def test_a_newcomer_is_given_time_to_its_first_beat_beside_the_old_one():
    assert decide(scene(ADA, interpreter("a"), interpreter("b"), beats=(beat("a"),))) == NOTHING


def test_a_newcomer_that_has_not_beaten_yet_counts_as_a_call_under_way():
    silent = scene(ADA, interpreter("a"), interpreter("b"), beats=(beat("a", age=3),))

    assert decide(silent) == Verdict(remove={"interpreter-a": "silent"}, dismiss=frozenset("a"))


def test_one_that_never_beats_is_taken_out_in_the_end():
    verdict = decide(scene(ADA, interpreter("a"), seen={"interpreter-a": GRACE}))

    assert verdict == Verdict(remove={"interpreter-a": "never_beat"}, call=True)


def test_one_that_was_seen_for_less_than_its_grace_is_waited_for_whatever_livekits_clock_says():
    assert decide(scene(ADA, interpreter("a"), seen={"interpreter-a": GRACE - 0.1})) == NOTHING
    assert decide(scene(ADA, interpreter("a"))) == NOTHING


def test_who_is_silent_and_still_shown_is_asked_before_it_is_judged():
    silent, fine, new = beat("a", age=PULSE), beat("b"), interpreter("c")
    shown = (ADA, interpreter("a"), interpreter("b"), new)

    assert doubtful(scene(*shown, beats=(silent, fine))) == {"interpreter-a"}
    assert doubtful(scene(*shown, beats=(silent, fine), seen={"interpreter-c": GRACE})) == {
        "interpreter-a",
        "interpreter-c",
    }


@pytest.mark.parametrize(
    "gone", [beat("a", age=9), beat("a", age=9, dismissed=True), beat("a", age=9, missing=MISSING)]
)
def test_who_is_not_in_the_room_or_no_longer_counts_is_not_asked(gone: Beat):
    people = (ADA, interpreter("a")) if gone.dismissed or gone.missing else (ADA,)

    assert doubtful(scene(*people, beats=(gone,))) == frozenset()


def test_one_that_answers_a_call_is_left_alone_however_late_its_beats_are():
    late = scene(ADA, interpreter("a"), beats=(beat("a", age=600),), answered=frozenset({"interpreter-a"}))

    assert decide(late) == NOTHING
    assert decide(replace(late, answered=frozenset())).remove == {"interpreter-a": "silent"}


def test_one_that_never_beat_but_answers_a_call_stays():
    never = scene(ADA, interpreter("a"), seen={"interpreter-a": 600.0}, answered=frozenset({"interpreter-a"}))

    assert decide(never) == NOTHING


def test_of_two_late_ones_that_answer_the_newer_stays():
    both = (beat("a", 100, age=9), beat("b", 200, age=9))
    people = (ADA, interpreter("a"), interpreter("b"))

    verdict = decide(scene(*people, beats=both, answered=frozenset({"interpreter-a", "interpreter-b"})))

    assert verdict == Verdict(remove={"interpreter-a": "older"}, dismiss=frozenset("a"))


def test_a_call_that_no_worker_took_is_made_again_as_soon_as_one_has_a_place_and_not_before():
    lost = scene(ADA, called=UNTAKEN, calls=1, taken=False, free=1)

    assert decide(lost).call
    assert is_due(lost)
    assert not decide(replace(lost, free=0)).call
    assert not is_due(replace(lost, free=0))
    assert not decide(replace(lost, taken=True)).call
    assert not decide(replace(lost, called=UNTAKEN - 0.1)).call


def test_one_that_was_dismissed_and_stays_is_taken_out_again_and_never_counts():
    verdict = decide(scene(ADA, interpreter("a"), beats=(beat("a", dismissed=True),)))

    assert verdict == Verdict(remove={"interpreter-a": "dismissed"}, call=True)


def test_one_that_beats_but_is_not_in_the_room_has_time_to_reconnect():
    first = decide(scene(ADA, beats=(beat("a"),)))
    later = decide(scene(ADA, beats=(beat("a", missing=MISSING),)))

    assert first == Verdict(missing=frozenset("a"))
    assert later == Verdict(dismiss=frozenset("a"), call=True)


def test_a_call_under_way_is_not_repeated():
    assert decide(scene(ADA, called=GRACE - 0.1, calls=1)) == NOTHING
    assert decide(scene(ADA, called=GRACE, calls=1)).call


def test_a_call_before_anybody_came_is_not_forgotten():
    assert decide(scene(called=1, calls=1)) == NOTHING
    assert decide(scene(called=GRACE, calls=1)) == Verdict(settled=True)


def test_an_interpreter_that_answered_and_died_is_replaced_without_waiting():
    died = (beat("a", age=PULSE, since=3),)

    assert decide(scene(ADA, beats=died, called=4, calls=1)).call


def test_interpreters_that_die_one_after_the_other_are_called_ever_more_slowly():
    died = (beat("a", age=PULSE, since=3),)

    assert not decide(scene(ADA, beats=died, called=4, calls=7)).call
    assert decide(scene(ADA, beats=died, called=17, calls=7)).call


def test_one_that_stays_ends_the_count_of_calls():
    assert decide(scene(ADA, interpreter("a"), beats=(beat("a", since=STAYS),), called=40, calls=5)).settled
    assert not decide(scene(ADA, interpreter("a"), beats=(beat("a", since=3),), called=4, calls=5)).settled


@pytest.mark.parametrize("answered", [True, False])
def test_calls_come_ever_more_slowly_but_never_stop(answered: bool):
    waits = [patience(calls, answered) for calls in range(1, 100)]

    assert waits == sorted(waits)
    assert waits[-1] == LONGEST


def test_one_that_misses_two_beats_is_asked_at_once_and_judged_only_when_it_had_the_time_to_answer():
    late = scene(ADA, interpreter("a"), beats=(beat("a", age=DOUBT),))

    assert is_due(late)
    assert doubtful(late) == {"interpreter-a"}
    assert decide(late) == decide(scene(ADA, interpreter("a"), beats=(beat("a"),)))


def test_a_room_is_due_when_something_changed_and_only_then():
    assert not is_due(scene(beats=(beat("a"),)))
    assert not is_due(scene(beats=(beat("a", age=9, dismissed=True),)))
    assert not is_due(scene(called=1, calls=1))
    assert is_due(scene(beats=(beat("a", age=PULSE),)))
    assert is_due(scene(beats=(beat("a", 1), beat("b", 2))))
    assert is_due(scene(beats=(beat("a", missing=1),)))
    assert is_due(scene(called=GRACE, calls=1))


@pytest.mark.parametrize("people", [(), (ADA,)], ids=["empty", "with people"])
@pytest.mark.parametrize("called", [None, 1.0, 100.0])
@pytest.mark.parametrize("first", [None, 0.5, 9.0])
@pytest.mark.parametrize("second", [None, 0.5, 9.0])
def test_after_what_was_decided_is_done_nothing_more_is_to_be_done(
    people: tuple[Person, ...], called: float | None, first: float | None, second: float | None
):
    beats = tuple(beat(job, i, age=age) for i, (job, age) in enumerate((("a", first), ("b", second))) if age)
    inside = tuple(interpreter(each.job) for each in beats)
    before = scene(*people, *inside, beats=beats, called=called, calls=1)

    verdict = decide(before)

    kept = tuple(person for person in before.people if person.identity not in verdict.remove)
    after = replace(
        before,
        people=kept,
        beats=tuple(replace(each, dismissed=each.job in verdict.dismiss) for each in beats),
        called=0.0 if verdict.call else None if verdict.settled else called,
        calls=2 if verdict.call else 0 if verdict.settled else 1,
    )
    again = decide(after)
    assert not again.remove
    assert not again.dismiss
    assert not again.call
    assert len([person for person in kept if person.interpreter]) <= 1
    assert not is_due(after) or not called
