"""Whatever a CLI prints, in whatever pieces it comes: nothing raises, and pieces change nothing."""

import json
import random
from typing import Any, Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.adapters.base import Exit, Line, Verdict
from bot.adapters.registry import adapter, adapters
from tests.unit.adapters.transcripts import Transcript, play, transcripts

NAMES: Final = sorted(kind.names[0] for kind in set(adapters().values()) if kind.binary)
#: One of each CLI's richest runs, and an error.
RICH: Final = [one for one in transcripts() if one.scenario in ("ok", "error401", "loop-max-turns")]
SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20)
ANY = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
EXITS: Final = (Exit(0), Exit(1), Exit(53), Exit(143), Exit(255), Exit(None, 9))


@pytest.mark.parametrize("transcript", RICH, ids=str)
def test_pieces_change_nothing(transcript: Transcript) -> None:
    whole = transcript.play()
    stdout, stderr = transcript.stream("stdout"), transcript.stream("stderr")
    chance = random.Random(str(transcript))
    ways = [[("stdout", stdout[i : i + 1]) for i in range(len(stdout))] if len(stdout) < 20_000 else []]
    for _ in range(5):
        cuts = sorted(chance.sample(range(len(stdout) + 1), min(20, len(stdout) + 1)))
        ways.append([("stdout", stdout[a:b]) for a, b in zip([0, *cuts], [*cuts, len(stdout)], strict=True)])
    for chunks in filter(None, ways):
        again = play(transcript.adapter(), [*chunks, ("stderr", stderr)], transcript.exit())
        assert again.said == whole.said
        assert again.outcome == whole.outcome


@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=60, deadline=None)
@given(data=st.lists(st.tuples(st.sampled_from(["stdout", "stderr"]), st.binary(max_size=200)), max_size=8))
def test_bytes_never_raise(name: str, data: list[tuple[str, bytes]]) -> None:
    for ended in EXITS:
        play(adapter(name, {}), data, ended)


def _spoilt(value: Any, chance: random.Random, junk: list[Any]) -> Any:
    """The same JSON with some of its values replaced by others."""
    if chance.random() < 0.15:
        return chance.choice(junk)
    if isinstance(value, dict):
        return {key: _spoilt(inner, chance, junk) for key, inner in value.items() if chance.random() > 0.05}
    if isinstance(value, list):
        return [_spoilt(inner, chance, junk) for inner in value]
    return value


@pytest.mark.parametrize("transcript", RICH, ids=str)
@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 10**9), junk=st.lists(ANY, min_size=1, max_size=4))
def test_events_of_the_wrong_shape_never_raise(transcript: Transcript, seed: int, junk: list[Any]) -> None:
    chance = random.Random(seed)
    lines = [
        json.dumps(_spoilt(json.loads(line), chance, junk))
        for line in transcript.stream("stdout").decode().splitlines()
        if line.startswith("{")
    ]
    played = play(transcript.adapter(), [("stdout", "\n".join(lines).encode())], transcript.exit())
    assert played.outcome.verdict in Verdict
    assert all(isinstance(one.cost_usd, float | None) for one in played.usage)


@pytest.mark.parametrize("name", NAMES)
def test_monstrous_lines_are_survived(name: str) -> None:
    one = adapter(name, {})
    monsters = (
        "[" * 200_000,
        '{"type":' * 50_000,
        '{"type":"result","usage":{"input_tokens":1e999,"output_tokens":NaN}}',
        f'{{"type":{"9" * 6000}}}',
        "\ufffd\ufffd\x1b[31m\x00",
        "x" * 10_000_000,
        json.dumps({"type": "assistant", "role": "assistant", "content": "y" * 10_000_000}),
    )
    for stream in ("stdout", "stderr"):
        for text in monsters:
            for cut in (False, True):
                tuple(one.feed(Line(stream, text, cut)))
    outcome = one.finish(Exit(0))
    assert outcome.verdict is Verdict.FAILED or name == "kimi"
    assert len(outcome.message) < 20_000


@pytest.mark.parametrize("name", [one for one in NAMES if one not in ("aider", "mini-swe-agent", "openhands")])
def test_what_is_not_understood_is_counted(name: str) -> None:
    one = adapter(name, {})
    for text in ("no JSON", "[1]", '"text"', '{"type":"of.tomorrow","role":"meta","status":"of.tomorrow"}', "", "  "):
        tuple(one.feed(Line("stdout", text)))
    assert one.finish(Exit(1)).unparsed == 4
