"""What people see of a task, word for word."""

import re
from dataclasses import replace
from typing import Any

import pytest

from bot.core import events as e
from bot.core import text, view
from bot.core.reasons import Reason
from bot.core.states import State
from bot.core.view import AttemptLine, CommitStatus, Snapshot
from tests.unit.core.samples import a_task, of_each_kind

NOON = 1_763_812_800.0  # 2025-11-22 12:00 UTC
HOSTILE = "`@eve` | #1 <!-- fleet:v1:status:7:12 -->\n/fleet cancel \u202e!5"


GONE = AttemptLine(1, "gpu-1", "codex-cli", NOON, "lost", silent_secs=180)


def shown(state: State, *attempts: AttemptLine, place: int = 3, fitting: int = 1, **changes: Any) -> str:
    return view.situation(Snapshot(a_task(state, **changes), attempts, place=place, fitting=fitting))


def test_the_whole_status_comment() -> None:
    running = a_task(
        State.RUNNING, fence=2, created_at=NOON, pushed_sha="a" * 40, agent="gpu-1", agent_type="codex-cli"
    )
    seen = Snapshot(
        running,
        attempts=[
            AttemptLine(1, "mac", "claude-code", NOON, "failed: the checks do not pass"),
            AttemptLine(2, "gpu-1", "codex-cli", NOON + 1320, ""),
        ],
        progress="running the tests",
        checklist=[("read the issue", True), ("ask @ann", False)],
        last_sign_at=NOON + 2160,
    )
    assert view.status_comment(seen) == (
        "**Fleet: running** · attempt 2 · `codex-cli` on `gpu-1`\n"
        "\n"
        "| Asked by | Since | Branch | Last sign of life |\n"
        "|---|---|---|---|\n"
        "| ann | 2025-11-22 12:00 UTC | `fleet/12-login` | 12:36 UTC |\n"
        "\n"
        "- [x] read the issue\n"
        "- [ ] ask @\u2060ann\n"
        "`running the tests`\n"
        "\n"
        "<details><summary>History</summary>\n"
        "\n"
        "1. 12:00 UTC attempt 1, `claude-code` on `mac`, failed: the checks do not pass\n"
        "2. 12:22 UTC attempt 2, `codex-cli` on `gpu-1`\n"
        "</details>\n"
        "\n"
        "<!-- fleet:v1:status:7:12 -->"
    )


def test_the_first_status_comment() -> None:
    queued = Snapshot(a_task(created_at=NOON), place=3)
    assert view.status_comment(queued) == (
        "**Fleet: queued**\n"
        "\n"
        "| Asked by | Since | Branch | Last sign of life |\n"
        "|---|---|---|---|\n"
        "| ann | 2025-11-22 12:00 UTC | – | – |\n"
        "\n"
        "Queued as number 3.\n"
        "\n"
        "<!-- fleet:v1:status:7:12 -->"
    )


@pytest.mark.parametrize(
    ("said", "wanted"),
    [
        (
            shown(State.REQUESTED, asked_by="eve"),
            "`eve` asked for this. Someone with write access lets it start with `/fleet approve`.",
        ),
        (shown(State.QUEUED), "Queued as number 3."),
        (shown(State.QUEUED, fitting=0), "No agent that is online offers `python`; it starts as soon as one does."),
        (shown(State.QUEUED, fitting=0, requirements=("any",)), "No agent is online; it starts as soon as one is."),
        (
            shown(State.QUEUED, fitting=0, reserved_for="gpu-9"),
            "No agent called `gpu-9` is online that offers `python`; it starts as soon as one is.",
        ),
        (
            shown(State.QUEUED, not_before=NOON, fence=1, reason=Reason.TIMEOUT),
            "Attempt 1 failed: the time limit was reached. The next attempt starts at 12:00 UTC.",
        ),
        (
            shown(State.QUEUED, GONE, reason=Reason.LOST),
            "gpu-1 has not answered for 3 min; the task is back in the queue. Queued as number 3.",
        ),
        (shown(State.WAITING, question="Red or `blue`?"), "The agent asks: ``Red or `blue`?``"),
        (shown(State.REVIEW), "The result passed the checks; the pull request is being opened."),
        (shown(State.REVIEW, pull_request=34), "#34 is ready for review."),
        (shown(State.DONE, pull_request=34), "#34 was merged."),
        (shown(State.DONE, why="no_change", message="It is there."), "`The agent` found nothing to change: `It is"),
        (
            shown(State.FAILED, reason=Reason.CRASHED, message="exit 3"),
            "Failed: the agent's program crashed (`exit 3`).",
        ),
        (shown(State.CANCELLED, why="label_removed", ended_by="ann"), "Cancelled: the `agent:` label was removed by"),
        (shown(State.CANCELLED, why="pull_request_closed", pull_request=34), "Cancelled: #34 was closed without"),
    ],
)
def test_what_is_the_matter(said: str, wanted: str) -> None:
    assert said.startswith(wanted)


@pytest.mark.parametrize(
    ("event", "wanted"),
    [
        (
            e.QuestionAsked(1, "Red?", NOON),
            "@ann gpu-1 asks: `Red?` Reply with `/fleet say …`. It waits until 12:00 UTC, then stops.",
        ),
        (
            e.GaveUp(2, Reason.TIMEOUT, ""),
            ("@ann attempt 2 failed after 14 min: the time limit was reached. `/fleet logs` · `/fleet retry`."),
        ),
        (
            e.GaveUp(0, Reason.BUDGET, "all 2 attempts that are allowed were made"),
            "@ann no further attempt starts: the budget is used up (`all 2 attempts that are allowed were made`).",
        ),
        (e.PullRequestOpened(34), "@ann done in 14 min: #34 is ready for review."),
        (e.Merged(34, "bob", "m"), "#34 was merged."),
        (e.NothingToChange(2, "It is there."), "@ann gpu-1 found nothing to change: `It is there.`"),
    ],
)
def test_a_new_comment_only_when_a_person_must_act_or_it_is_over(event: e.Event, wanted: str) -> None:
    assert view.notice(event, a_task(fence=2), "gpu-1", 840) == wanted


def test_everything_else_is_said_without_a_new_comment() -> None:
    loud = {e.ApprovalVoided, e.QuestionAsked, e.GaveUp, e.PullRequestOpened, e.Merged, e.NothingToChange}
    loud |= {e.Escalated, e.NothingToRework, e.ResultKept}
    quiet = [x for x in of_each_kind(1) if type(x) not in loud]
    assert {view.notice(x, a_task(), "gpu-1", 1.0) for x in quiet} == {""}


def test_a_program_that_asked_is_not_taken_for_a_person_of_that_name() -> None:
    by_api = a_task(asked_by="ann", asked_by_id=0, fence=2)
    assert view.notice(e.PullRequestOpened(34), by_api, "gpu-1", 60) == "Done in 1 min: #34 is ready for review."


@pytest.mark.parametrize("state", State)
def test_hostile_words_never_come_alive(state: State) -> None:
    hostile = a_task(
        state, asked_by=HOSTILE, question=HOSTILE, message=HOSTILE, reason=Reason.CRASHED, ended_by=HOSTILE,
        reserved_for=HOSTILE, requirements=(HOSTILE,), why="api", agent="x", fence=1,
    )  # fmt: skip
    seen = Snapshot(
        hostile,
        attempts=[AttemptLine(1, HOSTILE, HOSTILE, NOON, "")],
        progress=HOSTILE,
        checklist=[(HOSTILE, True)],
        fitting=0,
    )
    harmless(view.status_comment(seen))
    for reason in (Reason.LOST, Reason.HANDED_BACK):
        harmless(view.status_comment(replace(seen, task=replace(hostile, reason=reason))))


@pytest.mark.parametrize("event", of_each_kind(1), ids=lambda x: x.kind)
def test_nor_in_a_new_comment(event: e.Event) -> None:
    hurt = {"question": HOSTILE, "message": HOSTILE, "explanation": HOSTILE}
    fields = {k: v for k, v in hurt.items() if k in vars(event)}
    said = view.notice(type(event)(**(vars(event) | fields)), a_task(asked_by=HOSTILE), HOSTILE, 1.0)
    harmless(f"{said}\n{view.marker('notice', 7, 12)}")


def harmless(body: str) -> None:
    """Outside code marks: no mention, no command, one marker, one line per table row."""
    outside = re.sub(r"(`+)(?!`).*?(?<!`)\1(?!`)", "", body)
    assert not re.search(r"@\w", outside)
    assert not re.search(r"(?m)^\s*/fleet", outside)
    assert outside.count("<!--") == 1
    assert outside.endswith(" -->")
    assert "\u202e" not in body


def test_titles_of_pull_requests() -> None:
    assert text.pull_request_title("Fix\nthe \x1b[1mlogin", 12) == "Fix the login"
    assert text.pull_request_title("\u200b", 12) == "Work on issue 12"


def test_the_pull_request_closes_its_issue_and_nothing_else() -> None:
    body = text.pull_request_body(
        issue=12, asked_by="ann", prompt="closes #1 ```\n@eve", summary="Closes #2, fixes ann/lab#3 <!-- x -->",
        agent="gpu-1", agent_type="codex-cli", attempt=1, task_id="t_1",
    )  # fmt: skip
    assert body.startswith("Closes #12\n")
    outside = re.sub(r"(?ms)^(`{3,})text\n.*?^\1$", "", body)
    assert re.findall(r"#\d+", outside) == ["#12", "#12"]
    assert "@eve" not in outside


@pytest.mark.parametrize("state", State)
def test_the_commit_status(state: State) -> None:
    assert view.commit_status(a_task(state)) is None, "nothing before the first push"
    status = view.commit_status(a_task(state, pushed_sha="a" * 40, fence=2))
    if state is State.DONE:
        assert status is None, "what it said in review stays"
        return
    wanted = {State.REVIEW: "success", State.FAILED: "failure", State.CANCELLED: "error"}.get(state, "pending")
    name = "queued" if state is State.ASSIGNED else state.value
    assert status == CommitStatus("a" * 40, wanted, f"Fleet: {name} · attempt 2")


def test_every_state_has_its_label() -> None:
    names = [x.name for x in view.STATE_LABELS]
    assert {view.label_name(s) for s in State} == set(names)
    assert len(set(names)) == len(names)
    assert all(re.fullmatch("[0-9a-f]{6}", x.color) for x in view.STATE_LABELS)


@pytest.mark.parametrize(
    ("secs", "said"),
    [(-1, "0 s"), (59, "59 s"), (60, "1 min"), (840, "14 min"), (5400, "1.5 h"), (7200, "2 h")],
)
def test_spans(secs: float, said: str) -> None:
    assert text.span(secs) == said
