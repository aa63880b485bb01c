"""What commands declare is complete, and nothing is offered that would be refused."""

import pytest

from bot.commands import EVERY_STATE, NO_TASK, Text, commands, possible
from bot.commands.check import Ready, Wrong, check
from bot.commands.grammar import parse
from bot.commands.registry import by_word
from bot.core import command_text
from bot.core.states import State
from tests.unit.core.samples import a_task

ALL = sorted(commands())
ASKED = {
    "agents",
    "approve",
    "cancel",
    "halt",
    "help",
    "hold",
    "logs",
    "pause",
    "ping",
    "queue",
    "resume",
    "retry",
    "run",
    "say",
    "set",
    "status",
    "unhold",
    "why",
}


def test_all_of_them_are_there() -> None:
    assert set(ALL) == ASKED


@pytest.mark.parametrize("name", ALL)
def test_each_is_whole(name: str) -> None:
    one = commands()[name]
    assert one.purpose.endswith(".")
    assert one.role in ("read", "write", "admin")
    assert one.legal_in <= set(EVERY_STATE)
    assert one.legal_in == set(EVERY_STATE) or one.nothing, "say how the refusal in another state begins"
    assert isinstance(check(parse(one.example)[0], ["codex", "gpu-1"]), Ready), one.example


@pytest.mark.parametrize("state", EVERY_STATE)
def test_what_is_offered_is_legal(state: str) -> None:
    task = None if state == NO_TASK else a_task(State(state), fence=1, holds=("manual",))
    for shown in possible(task):
        word = shown.strip("`").split()[1]
        assert by_word()[word].legal(task)
    assert state in command_text.INSTEAD


def test_a_word_means_one_command() -> None:
    words = [word for one in commands().values() for word in (one.name, *one.aliases)]
    assert len(words) == len(set(words))


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        (
            "/fleet set prio=high",
            "`prio=` is not an option here; there is `priority=`, `agent=`. Did you mean `priority=`?",
        ),
        ("/fleet set priority=low priority=high", "`priority=` is given twice - keep one."),
        ('/fleet set agent="gpu', "the quotation mark after `agent=` is not closed - add one behind the value."),
        ("/fleet set agent=gpu-9", "`agent=gpu-9` - no agent is called that; use `codex` or `gpu-1`."),
        ("/fleet status now", "`/fleet status` takes no text; did you mean `/fleet say …`?"),
        ("/fleet say", "`/fleet say` needs a text behind it, such as `/fleet say use the staging database`."),
        ("/fleet pause for=ever x", "`for=ever` - use a time such as `30m`, `2h` or `1d`."),
        ("/fleet logs lines=0", "`lines=0` - use a whole number from 1 to 200."),
        ("/fleet run base=../x", "`base=../x` - use the name of a branch."),
        ("/fleet run --agent codex", "`--agent` - write options without dashes, as `agent=…`."),
        ("/fleet zzz", "`/fleet zzz` is not a command. All commands: `/fleet help`."),
    ],
)
def test_what_is_wrong_is_said_with_what_would_be_right(typed: str, said: str) -> None:
    found = check(parse(typed)[0], ["codex", "gpu-1"])
    assert isinstance(found, Wrong)
    assert found.said == said


def test_text_is_taken_where_it_is_declared() -> None:
    for one in commands().values():
        assert one.takes_text is not Text.NONE or "TEXT" not in one.usage
