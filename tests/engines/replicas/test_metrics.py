"""One page of what many replicas have counted."""

from __future__ import annotations

from prometheus_client import generate_latest

from agent.engines.replicas.metrics import together
from agent.engines.service.stage import Figures


def page(seconds: float) -> bytes:
    figures = Figures()
    figures.work.labels("speak").observe(seconds)
    figures.refused.labels("speak", "overloaded").inc()
    return generate_latest(figures.registry)


def test_figures_of_two_replicas_stand_side_by_side_under_one_heading() -> None:
    lines = together([("a", page(0.1)), ("b", page(7.0))]).decode().splitlines()

    assert 'dragoman_engine_work_seconds_sum{replica="a",stage="speak"} 0.1' in lines
    assert 'dragoman_engine_work_seconds_sum{replica="b",stage="speak"} 7.0' in lines
    assert 'dragoman_engine_refused_total{code="overloaded",replica="b",stage="speak"} 1.0' in lines
    assert lines.count("# TYPE dragoman_engine_work_seconds histogram") == 1


def test_where_no_replica_answers_the_page_is_empty() -> None:
    assert together([]) == b""
