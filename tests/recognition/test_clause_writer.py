from agent.nouns import Hypothesis, Segment, Transcription, Word
from agent.recognition.clause_writer import ClauseWriter
from agent.recognition.commit import Alignment, Commitment

HEARD = Transcription("en", 1.0, (), no_speech=0.0, logprob=0.0, compression=1.0, engine="ear")


def words(*texts: str) -> tuple[Word, ...]:
    return tuple(Word(text, 1.0 + at, 1.8 + at, 0.9) for at, text in enumerate(texts))


def known(committed: tuple[Word, ...], tail: tuple[Word, ...] = ()) -> Commitment:
    commitment = Commitment(Alignment())
    commitment.committed, commitment.tail = committed, tail
    return commitment


def test_states_of_a_clause_have_one_id_and_revisions_that_rise_until_it_is_settled():
    writer = ClauseWriter("t")
    one, two, three = words("One", "two", "three.")
    assert writer.hypothesis(known((one,), (two,)), "en", 2.5, HEARD)
    assert writer.hypothesis(known((one, two), (three,)), "en", 3.8, HEARD)
    writer.segment((one, two, three), "en", 3.8, HEARD)
    writer.segment((three,), "en", 3.8, HEARD)

    first, second, settled, following = writer.taken()
    assert isinstance(first, Hypothesis)
    assert isinstance(second, Hypothesis)
    assert (first.text, first.stable, first.start, first.end) == ("One two", len("One"), 1.0, 2.5)
    assert second.stable == len("One two")
    assert isinstance(settled, Segment)
    assert {first.id, second.id, settled.id} == {first.id}
    assert [first.rev, second.rev, settled.rev] == [1, 2, 3]
    assert (settled.text, settled.words, settled.engine) == ("One two three.", (one, two, three), "ear")
    assert following.id != first.id
    assert following.rev == 1


def test_what_was_taken_is_gone():
    writer = ClauseWriter("t")
    assert not writer
    writer.segment(words("One"), "en", 2.0, HEARD)
    assert writer
    assert len(writer.taken()) == 1
    assert not writer
    assert writer.taken() == []


def test_without_a_word_there_is_nothing_to_tell():
    writer = ClauseWriter("t")
    assert not writer.hypothesis(known(()), "en", 1.0, None)
    assert not writer


def test_a_clause_does_not_end_long_after_the_last_speech():
    writer = ClauseWriter("t")
    writer.segment(words("One", "two"), "en", 2.0, HEARD)
    writer.segment(words("One", "two"), "en", 0.0, HEARD)
    early, never = writer.taken()
    assert early.end == 2.1
    assert never.end == never.start
