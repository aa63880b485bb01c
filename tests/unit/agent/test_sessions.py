"""The agent CLI's session: told to the server, gone on with when it says so and what it lives in is still here."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from bot.adapters.base import Exit, Job, Line, Outcome, Said, SessionStarted, Usage
from bot.adapters.exec import Exec
from tests.unit.agent.conftest import Host
from tests.unit.agent.fleet import Fleet

#: What the server says when the agent is to go on.
RESUMED: Final = {
    "instructions": "All of it.",
    "session": "s-1",
    "resume_instructions": "Blue.",
    "keep": True,
}
#: Asks first; when it goes on, hands in what it had left and what it was told.
ASKS: Final = """
import sys
told = sys.stdin.read()
if sys.argv[1]:
    open('told.txt', 'w').write(f'{sys.argv[1]}: {told}')
else:
    open('half.txt', 'w').write('half\\n')
    print('used 10 0.25')
    print('used 5 0.25')
    print('session s-1')
    print('::fleet question Which colour?')
"""


class Talks(Exec):
    """``exec`` with sessions and usage."""

    @property
    def can_resume(self) -> bool:
        return True

    def argv(self, job: Job) -> list[str]:
        return [*super().argv(job), job.session if job.resume else ""]

    def feed(self, line: Line) -> Iterator[Said]:
        match line.text.split():
            case ["session", session]:
                yield SessionStarted(session)
            case ["used", tokens, cost]:
                yield Usage("step", int(tokens), cost_usd=float(cost), model="m")
            case _:
                yield from super().feed(line)


class Forgets(Talks):
    def finish(self, exit: Exit) -> Outcome:  # noqa: A002
        return replace(super().finish(exit), start_afresh=True)


class Mute(Talks):
    @property
    def can_resume(self) -> bool:
        return False


def test_the_servers_prompt_is_taken_as_it_is(fleet: Fleet, host: Host) -> None:
    task = fleet.add(told={"instructions": "Do exactly this.\n"})
    with host.running(host.agent("import sys\nopen('told.txt','w').write(sys.stdin.read())")):
        fleet.ends(task)
    assert fleet.file(task, "told.txt") == "Do exactly this."


def test_who_asked_goes_on_where_it_was(fleet: Fleet, host: Host) -> None:
    task = fleet.add()
    with host.running(host.agent(ASKS, kind=Talks)):
        asked = fleet.ends(task)
        assert (asked["outcome"], asked["session"], asked["start_afresh"]) == ("question", "s-1", False)
        fleet.again(task, **RESUMED)
        assert fleet.ends(task)["outcome"] == "done"
    assert fleet.file(task, "told.txt") == "s-1: Blue."
    assert fleet.file(task, "half.txt") == "half"
    told = {name: value for said in fleet.calls_of("status") for name, value in said.items()}
    assert told["session"] == "s-1"
    [used] = told["usage"]
    assert (used["model"], used["kind"], used["in"], used["cost_usd"]) == ("m", "run", 15, 0.5)
    assert asked["receipt"]["usage"] == told["usage"]


def test_a_session_that_is_of_no_use_again_is_told(fleet: Fleet, host: Host) -> None:
    task = fleet.add()
    with host.running(host.agent(ASKS, kind=Forgets)):
        assert fleet.ends(task)["start_afresh"] is True


def test_a_cli_that_cannot_go_on_gets_the_whole_text(fleet: Fleet, host: Host) -> None:
    task = fleet.add(told={**RESUMED, "instructions": "All of it."})
    code = "import sys\nopen('told.txt','w').write(sys.argv[1] + sys.stdin.read())"
    with host.running(host.agent(code, kind=Mute)):
        fleet.ends(task)
    assert fleet.file(task, "told.txt") == "All of it."


def test_its_files_are_kept_all_the_same(fleet: Fleet, host: Host) -> None:
    task = fleet.add()
    with host.running(host.agent(ASKS, kind=Mute)):
        fleet.ends(task)
        fleet.again(task, instructions="Blue.", keep=True)
        fleet.ends(task)
    with host.running(host.agent("print('::fleet summary x')")):
        fleet.again(task, instructions="Blue.", keep=True)
        assert fleet.ends(task)["outcome"] == "done"
    assert fleet.file(task, "half.txt") == "half"


def test_where_nothing_is_left_of_the_session_it_starts_anew(fleet: Fleet, host: Host) -> None:
    task = fleet.add(told=RESUMED)
    code = "import sys\nopen('told.txt','w').write(sys.argv[1] + sys.stdin.read())"
    with host.running(host.agent(code, kind=Talks)):
        fleet.ends(task)
    assert fleet.file(task, "told.txt") == "All of it."


def test_a_session_that_looks_like_an_option_is_neither_told_nor_used(fleet: Fleet, host: Host) -> None:
    task = fleet.add()
    with host.running(host.agent(ASKS.replace("session s-1", "session --yolo"), kind=Talks)):
        assert fleet.ends(task)["session"] == ""
        fleet.again(task, **{**RESUMED, "session": "--yolo"})
        assert fleet.ends(task)["outcome"] == "question"
    assert not [said for said in fleet.calls_of("status") if "session" in said]
