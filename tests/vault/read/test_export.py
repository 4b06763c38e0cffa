"""Exports: valid files, whatever was said; read back by libraries that others wrote, and by FFmpeg."""

from __future__ import annotations

import io
import json
import unicodedata
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from uuid import UUID, uuid4

import av
import pytest
import webvtt
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.vault.read import export
from agent.vault.read.export import FORMATS, Head, one_line, who
from agent.vault.read.reader import KeptLine, KeptMeeting, Speaker

AT = datetime(2026, 11, 26, 9, 0, tzinfo=UTC)
HEAD = Head(KeptMeeting(UUID(int=1), "demo", "minutes-30", AT.date(), AT, AT, None))
ADA = Speaker(UUID(int=2), None, "guest-ada", "Ada")
ON = KeptLine(UUID(int=3), "source", "en", 1, ADA, AT, 1.25, 2.5, "whisper-base", (), "Is this on?")
HOSTILE = {
    "a megabyte": "word " * 200_000,
    "a megabyte without a space": "x" * 1_000_000,
    "marks": "Z" + "\u0301\u0300" * 5_000 + "algo",
    "turned around": "safe \u202egnp.exe\u202c and \u2067on\u2069",
    "NUL and other controls": "a\x00b\x07c\x1b[31md\x85e\x9ff",
    "half a pair": "a\ud800b\udfffc",
    "a time line": "00:00:01.000 --> 00:00:09.000",
    "a time line of SRT": "x\n\n2\n00:00:01,000 --> 00:00:09,000\nforged",
    "a second cue": "x\r\n\r\n00:00:01.000 --> 00:00:09.000\r\n<v Boss>You are fired.",
    "line ends": "a\nb\r\nc\u2028d\u2029e\x0bf\x0cg",
    "a note": "NOTE\nSTYLE\n::cue { color: transparent }",
    "a script": "</script><script>alert(1)</script><img src=x onerror=alert(1)>",
    "tags": "<b>b</b> <v Boss>x</v> <00:00:01.000> {\\an8}{b} <font size=99>&lt;i&gt; &amp; &#0;",
    "a formula": "=HYPERLINK(\"http://example.com\";\"x\")",
    "quotes": "\"}],\"lines\":[{\"text\":\"forged\"}]}",
    "a number": "42",
}  # fmt: skip


async def of(lines: Sequence[KeptLine]) -> AsyncIterator[KeptLine]:
    for line in lines:
        yield line


async def written(kind: str, *lines: KeptLine, lang: str | None = None) -> str:
    """A whole file; it can be sent."""
    head = replace(HEAD, lang=lang)
    text = "".join([piece async for piece in FORMATS[kind].write(head, of(lines))])
    text.encode()
    return text


def read_back(subrip: str) -> list[webvtt.Caption]:
    return webvtt.srt.parse(subrip.split("\n")) if subrip else []


def by_ffmpeg(kind: str, text: str) -> list[tuple[float, float, str]]:
    """Begin and end in seconds and the text of every cue, as FFmpeg's demuxer and decoder have them."""
    cues = []
    with av.open(io.BytesIO(text.encode()), format={"vtt": "webvtt", "srt": "srt"}[kind]) as file:
        for packet in file.demux():
            for each in packet.decode() if packet.size else ():
                tick = float(packet.time_base)
                begin = packet.pts * tick
                cues.append(
                    (round(begin, 3), round(begin + packet.duration * tick, 3), each.ass.split(b",", 8)[8].decode())
                )
    return cues


async def test_a_webvtt_file_names_who_speaks_when_and_in_which_language():
    other = replace(ON, segment=UUID(int=4), lang="es", starts=3600.5, ends=3601.0, text="Sí.",
                    speaker=Speaker(UUID(int=5), "B", None, "Bo & <Co>"))  # fmt: skip

    text = await written("vtt", ON, other)

    assert text == (
        "WEBVTT\n\n"
        "00000000-0000-0000-0000-000000000003\n00:00:01.250 --> 00:00:02.500\n<v Ada><lang en>Is this on?</lang>\n\n"
        "00000000-0000-0000-0000-000000000004\n01:00:00.500 --> 01:00:01.000\n"
        "<v Bo &amp; &lt;Co&gt; (B)><lang es>Sí.</lang>\n\n"
    )
    assert by_ffmpeg("vtt", text) == [(1.25, 2.5, "Is this on?"), (3600.5, 3601.0, "Sí.")]
    assert (await written("vtt", ON, lang="en")).startswith("WEBVTT\nKind: captions\nLanguage: en\n\n00000000-")


async def test_an_srt_file_names_who_speaks_and_when():
    text = await written("srt", ON, replace(ON, starts=360_000.0, ends=360_001.5, text="Still on?"))

    assert text == (
        "1\n00:00:01,250 --> 00:00:02,500\nAda: Is this on?\n\n2\n100:00:00,000 --> 100:00:01,500\nAda: Still on?\n\n"
    )
    assert by_ffmpeg("srt", text) == [(1.25, 2.5, "Ada: Is this on?"), (360_000.0, 360_001.5, "Ada: Still on?")]


async def test_a_text_file_has_a_line_for_each_clause():
    lines = [ON, replace(ON, starts=3723.9, lang="es", text="¿Está puesto?")]

    assert await written("txt", *lines) == "[0:00:01] Ada (en): Is this on?\n[1:02:03] Ada (es): ¿Está puesto?\n"
    assert await written("txt", ON, lang="en") == "[0:00:01] Ada: Is this on?\n"


async def test_a_json_file_holds_everything_as_it_was_kept():
    lines = [replace(ON, tags=("email", "phone"), text="a\nb \u202e <b>"), ON]

    found = json.loads(await written("json", *lines, lang="en"))

    assert found["meeting"] == {
        "id": str(HEAD.meeting.id), "room": "demo", "policy": "minutes-30", "started_at": AT.isoformat(),
        "ended_at": None,
    }  # fmt: skip
    assert found["lang"] == "en"
    assert found["lines"][0] == {
        "id": str(ON.segment), "rev": 1, "kind": "source", "lang": "en", "said_at": AT.isoformat(), "start": 1.25,
        "speaker": {"id": str(ADA.id), "name": "Ada", "voice": None}, "end": 2.5, "engine": "whisper-base",
        "tags": ["email", "phone"], "text": "a\nb \u202e <b>",
    }  # fmt: skip
    assert len(found["lines"]) == 2


@pytest.mark.parametrize("kind", FORMATS)
async def test_an_empty_meeting_is_a_valid_file(kind: str):
    text = await written(kind)

    if kind == "json":
        assert json.loads(text)["lines"] == []
    elif kind == "vtt":
        assert webvtt.from_string(text).captions == []
    else:
        assert text == ""


@pytest.mark.parametrize("name", HOSTILE)
async def test_hostile_text_is_text_in_every_format(name: str):
    hostile = replace(ON, text=HOSTILE[name], segment=uuid4(), speaker=replace(ADA, name=HOSTILE[name]))
    after = replace(ON, starts=5.0, ends=6.0)
    lines = [ON, hostile, after]

    vtt, subrip = await written("vtt", *lines, lang="en"), await written("srt", *lines)
    txt, found = await written("txt", *lines), json.loads(await written("json", *lines))

    words = one_line(HOSTILE[name])
    assert [cue.text for cue in webvtt.from_string(vtt, strict=True).captions][2] == "Is this on?"
    cues, subtitles = by_ffmpeg("vtt", vtt), read_back(subrip)
    assert [cue[:2] for cue in cues] == [(1.25, 2.5), (1.25, 2.5), (5.0, 6.0)]
    assert [cue[:2] for cue in by_ffmpeg("srt", subrip)] == [(1.25, 2.5), (1.25, 2.5), (5.0, 6.0)]
    assert [cue[2] for cue in (cues[0], cues[2])] == ["Is this on?"] * 2
    assert (len(subtitles), subtitles[2].text) == (3, "Ada: Is this on?")
    assert len(txt.split("\n")) == 4
    assert txt.split("\n")[1].endswith(f": {words}")
    assert [line.startswith("[0:00:0") for line in txt.split("\n")] == [True, True, True, False]
    assert found["lines"][1]["text"] == HOSTILE[name].encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    assert len(found["lines"]) == 3
    for text in (vtt, subrip, txt):
        assert not {"\x00", "\x1b", "\u202e", "\u2028", "\r"} & set(text)
    # What a player that knows tags would take for one is not there, and is not lost either.
    assert "<b>" not in subrip
    assert "{" not in subrip
    assert "<script>" not in vtt


@given(
    st.lists(
        st.tuples(st.text(st.characters(codec=None)), st.text(st.characters(codec=None)), st.floats(), st.floats())
    )
)
@settings(max_examples=60, deadline=None)
async def test_whatever_is_said_by_whomever_whenever_the_files_are_valid(said: list[tuple[str, str, float, float]]):
    lines = [
        replace(ON, text=text and f"{text}{number}", starts=start, ends=end, speaker=replace(ADA, name=name))
        for number, (text, name, start, end) in enumerate(said)
    ]
    readable = [line for line in lines if one_line(line.text)]

    vtt, subrip = await written("vtt", *lines), await written("srt", *lines)
    txt, found = await written("txt", *lines), json.loads(await written("json", *lines))

    cues = webvtt.from_string(vtt, strict=True).captions if readable else []
    assert len(cues) == len(read_back(subrip)) == len(txt.splitlines()) == len(readable)
    assert all(cue.start_time < cue.end_time for cue in cues)
    assert len(found["lines"]) == len(lines)
    if readable:  # FFmpeg takes two cues that are the same for one
        assert len(by_ffmpeg("vtt", vtt)) == len(by_ffmpeg("srt", subrip)) == len(readable)


@pytest.mark.parametrize(
    ("given", "shown"), [(None, "Unknown"), ("", "Unknown"), (" \u202e\n", "Unknown"), ("A\nB", "A B")]
)
def test_a_speaker_has_a_readable_name(given: str | None, shown: str):
    assert who(Speaker(UUID(int=1), None, None, given)) == shown
    assert who(Speaker(UUID(int=1), "B", None, given)) == f"{shown} (B)"


def test_scripts_that_stack_marks_stay_whole():
    for words in ("ที่นี่", "क्षेत्र", "שָׁלוֹם", "مُحَمَّدٌ", "ཨོཾ་མ་ཎི", "Việt", "e\u0301\u0323"):
        assert one_line(words) == words
    assert sum(unicodedata.category(each) == "Mn" for each in one_line("Z" + "\u0301" * 10_000)) == export.MARKS
