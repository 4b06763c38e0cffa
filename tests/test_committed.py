"""How the bench finds out when a word was committed."""

from bench.committed import committed_at, latencies

ENDS = [("ask", 1.0), ("not", 1.4), ("what", 1.8)]


def test_a_word_is_committed_by_the_first_entry_that_holds_it():
    timeline = [(1.5, "Ask"), (2.0, "Ask not"), (3.0, "Ask not what")]

    assert [round(one, 1) for one in latencies(timeline, ENDS)] == [0.5, 0.6, 1.2]


def test_a_word_that_changed_counts_from_its_last_change():
    timeline = [(1.5, "As"), (2.0, "Ask knot"), (3.0, "Ask not what")]

    assert committed_at(timeline) == [2.0, 3.0, 3.0]


def test_a_wrong_word_has_no_latency():
    timeline = [(2.0, "Ask knot what you")]

    assert [round(one, 1) for one in latencies(timeline, ENDS)] == [1.0, 0.2]


def test_who_said_nothing_has_no_latency():
    assert latencies([], ENDS) == []
    assert latencies([(1.0, "...")], ENDS) == []
