"""What the processes say in their logs."""

import json
from collections.abc import Iterator

import pytest
import structlog

from bot import logs


@pytest.fixture(autouse=True)
def _as_it_was() -> Iterator[None]:
    before = structlog.get_config()
    yield
    structlog.configure(**before)


def test_a_line_is_one_json_object_with_level_and_time(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure(form="json")
    structlog.get_logger().info("task claimed", task="t_1", attempt=2)
    line = json.loads(capsys.readouterr().err)
    assert (line["event"], line["level"], line["task"], line["attempt"]) == ("task claimed", "info", "t_1", 2)
    assert line["timestamp"].endswith("Z")


@pytest.mark.parametrize("form", ["json", "pretty"])
def test_secrets_are_masked_wherever_they_stand(form: str, capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure(form=form, secrets=["hunter2-hunter2"])
    held = "hunter2-hunter2"  # a local variable: tracebacks must not show it
    try:
        raise ValueError(f"cannot use {held}")
    except ValueError:
        structlog.get_logger().exception("failed", url="http://x/?t=hunter2-hunter2", deep={"a": ["hunter2-hunter2"]})
    said = capsys.readouterr().err
    assert "ValueError: cannot use ***" in said
    assert "hunter2" not in said


def test_less_important_lines_are_left_out(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure(level="warning", form="json")
    structlog.get_logger().info("quiet")
    structlog.get_logger().warning("loud")
    assert [json.loads(x)["event"] for x in capsys.readouterr().err.splitlines()] == ["loud"]
