"""A fleet whose forge answers at once: for trying every command in every state, thousands of times."""

from dataclasses import replace
from types import SimpleNamespace
from typing import Any, Final, cast

from bot.commands import NO_TASK
from bot.core import cleaning, triggers
from bot.core import events as e
from bot.core.facts import Account, Issue, Repository, Right
from bot.core.reasons import Reason
from bot.core.task import Task
from bot.service import hearing
from bot.service.fleet import Fleet
from bot.settings import Settings
from bot.settings.limits import RateLimits
from bot.store import Sql, Store, agents, forge_facts, log, outbox, pauses, tasks
from bot.store.agents import Agent
from bot.store.pauses import HoldRow, PauseRow
from bot.webhooks.hints import Way, Words

NOW: Final = 1_790_000_000.0
PERSON: Final = Account(7, "ann")
ROLES: Final = (Right.NONE, Right.READ, Right.WRITE, Right.ADMIN)
TEXT: Final = cleaning.digest(triggers.asked_text("Fix the login", "It says 500."))

_CLAIMED: Final = (e.Claimed(1, "gpu-1", "codex-cli", "host", "http_pull"),)
_STARTED: Final = (*_CLAIMED, e.Started(1))
_HASH: Final = "b" * 40
#: What brings a queued task into each state.
WAYS_THERE: Final[dict[str, tuple[e.Event, ...]]] = {
    "requested": (),
    "queued": (),
    "held": (e.HoldPlaced("manual"),),
    "assigned": _CLAIMED,
    "running": _STARTED,
    "waiting": (*_STARTED, e.QuestionAsked(1, "Red?", NOW + 60)),
    "review": (*_STARTED, e.ResultAccepted(1, _HASH, _HASH, 1, 1, 1, 1, "p", "s", "r")),
    "done": (*_STARTED, e.NothingToChange(1, "fine")),
    "failed": (*_STARTED, e.GaveUp(1, Reason.TIMEOUT, "")),
    "cancelled": (e.Cancelled("api", "ops"),),
}


class Scenes:
    """One database; each scene is an issue in a repository of its own."""

    def __init__(self, store: Store) -> None:
        self.right = Right.READ
        self.store = store
        forge = SimpleNamespace(
            me=lambda: Account(99, "fleet-bot"),
            issues=SimpleNamespace(get=self._issue, blockers=lambda *_: [], label_entries=lambda *_: []),
            repos=SimpleNamespace(right_of=lambda *_: self.right, people_with=lambda *_: ["ann"]),
            files=SimpleNamespace(tip=lambda *_: "sha"),
        )
        unlimited = Settings(rate_limits=RateLimits(commands_per_hour=0))
        self.fleet = Fleet(unlimited, store, cast("Any", forge), clock=lambda: NOW, chance=lambda: 0.5)
        store.write(self._agent)

    def _issue(self, ref: Any, number: int) -> Issue:
        return Issue(
            repo_id=ref.id,
            number=number,
            title="Fix the login",
            body="It says 500.",
            author=Account(8, "carl"),
            labels=frozenset(),
            is_open=True,
            created_at=NOW - 99,
            updated_at=NOW - 50,
            html_url="",
        )

    def _agent(self, sql: Sql) -> None:
        known = Agent("gpu-1", "codex-cli", (), 1, "", "http_pull", agents.ONLINE, NOW, NOW, "", {}, ())
        agents.register(sql, known)

    def opens(self, repo_id: int, state: str, name: str) -> Task | None:
        """A repository with issue 1 in ``state``, and what ``name`` needs around it."""

        def command(sql: Sql) -> Task | None:
            forge_facts.remember_repo(sql, Repository(repo_id, f"ann/r{repo_id}", "main", "", ""), NOW)
            forge_facts.text_seen(sql, repo_id, 1, TEXT, NOW - 50)
            if name == "resume":
                pauses.put(sql, PauseRow(repo_id, "", "command", "ann", "x", "", NOW, 0.0, ""))
            if name == "unhold":
                pauses.hold(sql, repo_id, 1, HoldRow("manual", "ann", ""), NOW)
            return None if state == NO_TASK else _task(sql, repo_id, state)

        return self.store.write(command)

    def hears(
        self, repo_id: int, words: str, *, way: Way = Way.COMMENT, polled: bool = False, comment: int = 0
    ) -> None:
        """``comment`` tells several on the same issue apart."""
        said = Words(repo_id, f"ann/r{repo_id}", 1, way, comment or repo_id, PERSON, words, "", False, text_sha256=TEXT)
        if polled:
            said = replace(said, text_sha256="", certain=False)
        hearing.hear(self.fleet, said, written_at=NOW - 10)

    def outcome(self, repo_id: int, comment: int = 0) -> str:
        """What became of the first line of the comment."""
        statement, cause = "SELECT outcome FROM command WHERE cause = ?", f"comment:{repo_id}:{comment or repo_id}:1"
        return str(self.store.read(lambda sql: sql.value(statement, cause)))

    def world(self, repo_id: int) -> Any:
        """Everything that a command can change here, answers included."""

        def query(sql: Sql) -> Any:
            found = tasks.newest_of_issue(sql, repo_id, 1)
            return (
                found,
                pauses.holds(sql, repo_id, 1),
                pauses.find(sql, repo_id, "", "command"),
                sql.all("SELECT target, wish FROM outbox WHERE target LIKE ? ORDER BY target", f"%:{repo_id}#%"),
                log.of_task(sql, found.id) if found else [],
            )

        return self.store.read(query)

    def reaction(self, repo_id: int) -> str:
        wish = self.store.read(lambda sql: outbox.find(sql, f"react:{repo_id}#1:{repo_id}"))
        return str(wish.wish["content"]) if wish else ""


def _task(sql: Sql, repo_id: int, state: str) -> Task:
    kind = e.TaskRequested if state == "requested" else e.TaskCreated
    prompt = TEXT
    first = kind(repo_id, 1, (), 1, "label", "carl", 8, "fleet/1-x", 1, "main", prompt, 2, 0)
    task = log.append(sql, None, f"t_{repo_id}", first, cause=f"open:{repo_id}", actor="test", at=NOW - 60)
    for n, event in enumerate(WAYS_THERE[state]):
        task = log.append(sql, task, task.id, event, cause=f"step:{repo_id}:{n}", actor="test", at=NOW - 40)
    assert task.state == state
    return task
