import pytest

from agent.nouns import Chunk
from agent.recognition.window import FRAME, FRAME_BYTES, FrameQueue, Window


def sound(start: float, frames: float, value: int = 1) -> Chunk:
    return Chunk("t", start, bytes([value]) * int(frames * FRAME_BYTES))


class Loud:
    """A gate that hears speech in every frame that isn't silence."""

    def speech(self, frame: bytes) -> float:
        return float(any(frame))


def test_what_is_left_of_a_chunk_waits_for_the_next_one():
    frames = FrameQueue(most=10)
    frames.push(sound(2.0, 1.5))
    assert frames.seconds == pytest.approx(FRAME)
    assert frames.end == pytest.approx(2.0 + 1.5 * FRAME)
    frames.push(sound(2.0 + 1.5 * FRAME, 0.5, value=2))

    assert frames.take() == (2.0, b"\1" * FRAME_BYTES)
    start, frame = frames.take()
    assert start == pytest.approx(2.0 + FRAME)
    assert frame == b"\1" * (FRAME_BYTES // 2) + b"\2" * (FRAME_BYTES // 2)
    assert not frames


def test_what_is_left_before_a_gap_is_no_part_of_what_comes_after_it():
    frames = FrameQueue(most=10)
    frames.push(sound(0.0, 0.5))
    frames.push(sound(3.0, 1, value=2))
    assert frames.take() == (3.0, b"\2" * FRAME_BYTES)


def test_frames_that_nobody_takes_are_bounded_and_the_oldest_are_counted_as_dropped():
    frames = FrameQueue(most=10 * FRAME)
    frames.push(sound(0.0, 14))
    assert frames.seconds == pytest.approx(10 * FRAME)
    assert frames.dropped == pytest.approx(4 * FRAME)
    assert frames.take()[0] == pytest.approx(4 * FRAME)


def test_a_window_grows_by_frames_and_forgets_from_its_front():
    window = Window(Loud(), hang=0.5)
    for at in range(4):
        assert window.add(at * FRAME, bytes([at]) * FRAME_BYTES)
    assert (window.start, window.end) == (0.0, pytest.approx(4 * FRAME))
    assert window.since(3 * FRAME) == b"\3" * FRAME_BYTES

    window.cut_before(2 * FRAME)
    assert window.start == pytest.approx(2 * FRAME)
    assert window.since(window.start) == b"\2" * FRAME_BYTES + b"\3" * FRAME_BYTES
    window.cut_before(0.0)
    assert window.seconds == pytest.approx(2 * FRAME)


def test_a_window_begins_anew_after_a_gap_and_says_so():
    window = Window(Loud(), hang=0.5)
    window.add(0.0, b"\1" * FRAME_BYTES)
    assert not window.add(1.0, b"\2" * FRAME_BYTES)
    assert (window.start, window.since(1.0)) == (1.0, b"\2" * FRAME_BYTES)
    assert window.add(1.0 + FRAME + 0.05, b"\3" * FRAME_BYTES)  # a jitter is no gap
    assert window.seconds == pytest.approx(2 * FRAME)


def test_a_window_knows_where_speech_is_and_where_it_ended():
    window = Window(Loud(), hang=0.5)
    for at in range(20):
        window.add(at * FRAME, bytes([5 <= at < 12]) * FRAME_BYTES)
    assert window.state.speaking
    assert window.voiced_until == pytest.approx(12 * FRAME)
    assert window.voiced(0.0, 6 * FRAME) == pytest.approx(FRAME)
    window.cut_before(10.5 * FRAME)  # a frame of which something is left still counts
    assert window.voiced(0.0, 1.0) == pytest.approx(2 * FRAME)
