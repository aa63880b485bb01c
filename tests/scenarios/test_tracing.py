"""Traces of a story, kept in memory."""

import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from bot import tracing
from tests.world import World

ROOT: Final = Path(__file__).parents[2]


@pytest.fixture
def spans() -> Iterator[InMemorySpanExporter]:
    exporter = InMemorySpanExporter()
    end = tracing.configure("", exporter=exporter)
    yield exporter
    end()


def of(spans: InMemorySpanExporter, what: str) -> list[ReadableSpan]:
    wanted = tracing.trace_id(what)
    return [one for one in spans.get_finished_spans() if one.context and one.context.trace_id == wanted]


def test_everything_about_a_task_is_one_trace(world: World, spans: InMemorySpanExporter) -> None:
    issue = world.writer.opens_issue("Fix the login: s3cret words", labels=["agent:python"])
    agent = world.pull_agent("gpu-1", ["python"]).claims(issue).starts()
    task_id = str(agent.task["task_id"])
    world.clock.forward(90)
    agent.finishes({"login.py": "fixed"})
    issue.tells("done in")
    names = [one.name for one in of(spans, task_id)]
    assert {"claim", "attempt", "outbox push", "outbox pull", "outbox comment", "outbox label"} <= set(names)
    [attempt] = [one for one in of(spans, task_id) if one.name == "attempt"]
    assert attempt.start_time is not None
    assert attempt.end_time is not None
    assert (attempt.end_time - attempt.start_time) / 1e9 == 90
    said = dict(attempt.attributes or {})
    assert len(str(said.pop("fleet.request"))) == 12, "the request that ended it, as the log and X-Request-Id name it"
    assert said == {"fleet.of": task_id, "fleet.fence": 1, "fleet.agent": "gpu-1"}
    deliveries = {
        str((one.attributes or {})["fleet.of"]) for one in spans.get_finished_spans() if one.name == "webhook"
    }
    assert deliveries
    for delivery in deliveries:
        assert [one.name for one in of(spans, delivery)] == ["webhook", "inbox"]
    assert "s3cret" not in json.dumps([one.to_json() for one in spans.get_finished_spans()])


def test_what_goes_wrong_is_marked_without_its_words(world: World, spans: InMemorySpanExporter) -> None:
    issue = world.writer.opens_issue("Fix the login", labels=["agent:python"])
    agent = world.pull_agent("gpu-1", ["python"]).claims(issue).starts()
    agent.fails("hush-hush", "agent_failed")
    issue.status_comment()
    [attempt] = [one for one in spans.get_finished_spans() if one.name == "attempt"]
    assert (attempt.status.is_ok, attempt.status.description) == (False, "agent_failed")
    with pytest.raises(ZeroDivisionError), tracing.span("x", "y"):
        raise ZeroDivisionError("hush-hush")
    [failed] = of(spans, "y")
    assert failed.status.description == "ZeroDivisionError"
    assert not failed.events, "no message of an exception, no traceback"
    assert "hush" not in json.dumps([one.to_json() for one in spans.get_finished_spans()])


def test_a_collector_that_hangs_keeps_nobody_from_ending(monkeypatch: pytest.MonkeyPatch) -> None:
    hangs, told = threading.Event(), threading.Event()

    class Hanging(InMemorySpanExporter):
        def shutdown(self) -> None:
            told.set()
            hangs.wait(30)

    monkeypatch.setattr(tracing, "_END_SECS", 0.01)
    tracing.configure("", exporter=Hanging())()
    assert told.wait(30)
    assert "end-traces" in {one.name for one in threading.enumerate()}, "left behind, and ends with the process"
    hangs.set()


def test_without_an_address_nothing_is_imported() -> None:
    program = (
        "import sys, bot.tracing as t, bot.service.publish, bot.worker\n"
        "end = t.configure('')\n"
        "with t.span('a', 'b', n=1): t.past('c', 'd', 1.0, 2.0)\n"
        "end()\n"
        "sys.exit(any(name.startswith('opentelemetry') for name in sys.modules))\n"
    )
    subprocess.run([sys.executable, "-c", program], cwd=ROOT, check=True)


def test_without_the_extra_it_is_said_and_the_service_goes_on(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    missing: Any = None
    monkeypatch.setitem(sys.modules, "opentelemetry.sdk.trace", missing)
    end = tracing.configure("http://127.0.0.1:4318")
    with tracing.span("a", "b"):
        end()
    said = capsys.readouterr()
    assert "agent-fleet[otel] is not installed" in said.out + said.err
