"""One line of JSON for each thing that happened."""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from agent.logs import FIELDS, Lines

ROOT = Path(__file__).parent.parent
PROGRAMS = ("agent", "agent.engines", "agent.vault", "web")
SECRET = "the bride wore yellow"


def told(**record: Any) -> dict[str, Any]:
    line = Lines().format(logging.makeLogRecord({"name": "web.app", "levelname": "INFO", "msg": "answered", **record}))
    assert "\n" not in line
    return dict(json.loads(line))


def test_a_record_is_one_line_with_the_fields_we_know_and_no_others():
    line = told(status=200, name_of_person="Ada", created=1.5)

    at = datetime.fromtimestamp(1.5, UTC).isoformat()
    assert line == {"at": at, "level": "info", "from": "web.app", "event": "answered", "status": 200}


def test_a_trace_stays_on_the_line():
    try:
        raise ValueError("line one\nline two")
    except ValueError as error:
        line = told(msg="a bug", exc_info=(type(error), error, error.__traceback__))

    assert "ValueError" in line["trace"]


def test_the_trace_of_a_rooms_own_process_arrives_as_text_and_is_told():
    assert told(exc_text="Traceback: …")["trace"] == "Traceback: …"


@pytest.mark.parametrize("name", ["at", "level", "from", "event", "trace", "text", "taskName"])
def test_what_a_library_adds_takes_the_place_of_nothing(name: str):
    line = told(**{name: SECRET})

    assert SECRET not in str(line)
    assert line["event"] == "answered"


def test_of_what_a_library_adds_nothing_is_told():
    assert SECRET not in str(told(name="plugin.stt", room=SECRET))
    assert SECRET not in str(told(name="plugin.stt", msg={"room": SECRET, "text": SECRET}))


def test_a_value_that_json_does_not_know_is_no_error():
    assert told(room=Path("r"))["room"] == "r"


def test_no_field_is_called_as_a_part_of_every_record_is():
    assert not set(FIELDS) & set(vars(logging.makeLogRecord({})))


@pytest.mark.parametrize("program", PROGRAMS)
def test_every_program_logs_this_way(program: str):
    """Its code is read: to start all of them would need a database and a LiveKit server."""
    code = ROOT.joinpath(*program.split("."), "__main__.py").read_text()

    assert "logs.start(settings.log_level)" in code
    assert "basicConfig" not in code


def test_a_process_writes_its_log_to_standard_error_from_the_level_on_that_is_set():
    code = "import logging; from agent import logs; logs.start('warning'); log = logging.getLogger('agent.x');"
    code += "log.info('one'); log.warning('two %s', 'three', extra={'code': 'c', 'text': 'four'})"

    ran = subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=os.environ, capture_output=True, check=True)

    assert ran.stdout == b""
    [line] = map(json.loads, ran.stderr.splitlines())
    assert line | {"at": ""} == {"at": "", "level": "warning", "from": "agent.x", "event": "two three", "code": "c"}
