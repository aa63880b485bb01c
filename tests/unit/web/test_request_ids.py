"""What is logged while a request is served says which one it was, and which task it was about."""

import json

import pytest

from bot.service import operations
from tests.unit.web.conftest import Api


def test_a_bug_is_logged_with_request_and_task(
    api: Api, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise RuntimeError("boom")

    task, token = api.task(), api.token("write")
    monkeypatch.setattr(operations, "cancel", broken)
    capsys.readouterr()
    answer = api.call("POST", f"/tasks/{task}/cancel", {}, token)
    assert answer.status_code == 500
    [line] = [json.loads(x) for x in capsys.readouterr().err.splitlines() if x.startswith("{")]
    assert (line["event"], line["task"]) == ("a request failed", task)
    assert line["request"] == answer.headers["X-Request-Id"]
    assert token not in json.dumps(line)
    other = api.call("GET", "", None, token)
    assert other.headers["X-Request-Id"] not in ("", line["request"])
