"""One line of JSON for each thing that happened."""

from __future__ import annotations

import json
import logging

from web.log import Lines


def test_a_record_is_one_line_with_the_fields_we_know_and_no_others():
    record = logging.makeLogRecord(
        {"name": "web.app", "levelname": "INFO", "msg": "answered", "status": 200, "name_of_person": "Ada"}
    )

    line = Lines().format(record)

    assert "\n" not in line
    told = json.loads(line)
    assert (told["event"], told["level"], told["from"], told["status"]) == ("answered", "info", "web.app", 200)
    assert "Ada" not in line


def test_a_trace_stays_on_the_line():
    try:
        raise ValueError("line one\nline two")
    except ValueError as error:
        record = logging.makeLogRecord({"msg": "a bug", "exc_info": (type(error), error, error.__traceback__)})

    line = Lines().format(record)

    assert "\n" not in line
    assert "ValueError" in json.loads(line)["trace"]
