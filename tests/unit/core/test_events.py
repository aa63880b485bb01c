"""The log's vocabulary: written, read again, and never guessed at."""

import json

import pytest

from bot.core import recorded
from bot.core.events import KINDS, Event, NothingToRework
from bot.core.reasons import Reason, parse
from tests.unit.core.samples import created, of_each_kind


@pytest.mark.parametrize("event", of_each_kind(3), ids=lambda x: x.kind)
def test_what_is_written_is_read_again(event: Event) -> None:
    assert recorded.decode(event.kind, recorded.encode(event)) == event


def test_the_text_is_canonical() -> None:
    text = recorded.encode(created(asked_by="Zoë"))
    assert text == json.dumps(json.loads(text), sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    assert "Zoë" in text


def test_every_kind_has_a_name_of_its_own() -> None:
    assert len({cls.kind for cls in KINDS.values()}) == len(KINDS)
    assert all(cls.kind == name for name, cls in KINDS.items())


def test_an_event_from_before_a_field_was_added_has_its_default() -> None:
    assert recorded.decode("nothing_to_rework", '{"explanation":"why","fence":1}') == NothingToRework(1, "why")


@pytest.mark.parametrize(
    ("kind", "data", "error"),
    [
        ("from_the_future", "{}", KeyError),
        ("started", "{}", TypeError),
        ("started", '{"fence":1,"x":2}', TypeError),
        ("started", '{"fence":1', ValueError),
        ("started", '{"fence":1} {}', ValueError),
        ("started", "[]", TypeError),
        ("started", '"fence"', TypeError),
    ],
)
def test_what_is_not_known_is_refused(kind: str, data: str, error: type[Exception]) -> None:
    with pytest.raises(error):
        recorded.decode(kind, data)


def test_an_agents_own_reason_is_a_failure_of_the_agent() -> None:
    assert parse("timeout") is Reason.TIMEOUT
    assert parse("cosmic rays") is parse(None) is parse("") is Reason.AGENT_FAILED
