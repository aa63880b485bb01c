"""agent-fleet tasks: look at tasks and steer them, on the server itself."""

import dataclasses
import getpass
import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import click

from bot.cli.named_task import task_argument, task_named
from bot.cli.opening import opened_store
from bot.cli.options import config_option, json_option
from bot.cli.tables import printed
from bot.core import cleaning
from bot.core import operating_text as text
from bot.core.states import State
from bot.core.task import Task
from bot.service import given_prompts, operations
from bot.service.fleet import Fleet
from bot.service.opening import opened
from bot.settings import load
from bot.store import Sql, attempts, forge_facts, log, run_logs, tasks
from bot.store.wakeups import CHANGED

_LOOK_SECS: Final = 1.0
_WHY: Final = click.option("--reason", default="", metavar="TEXT", help="Why; it is kept in the log.")


@click.group("tasks")
def command() -> None:
    """List, show, stop and repeat tasks. TASK is an id, or OWNER/REPO#ISSUE for the newest task of an issue."""


@command.command("list")
@click.option("--state", "states", multiple=True, type=click.Choice([s.value for s in State]), help="May be repeated.")
@click.option("--repo", metavar="OWNER/NAME", help="Only tasks of this repository.")
@click.option("--limit", default=50, type=click.IntRange(1, 10_000), show_default=True, help="At most so many.")
@json_option
@config_option
def listed(config: Path | None, states: tuple[str, ...], repo: str | None, limit: int, as_json: bool) -> None:
    """Show tasks, newest first."""

    def query(sql: Sql) -> list[tuple[Task, str]]:
        known = forge_facts.repo_named(sql, repo) if repo else None
        if repo and known is None:
            return []
        found = tasks.page(sql, states=states, repo_id=known.id if known else None, limit=limit)
        return [(one, _repo_name(sql, one)) for one in found]

    settings = load(config, os.environ, for_bot=False).settings
    with opened_store(settings) as store:
        found = store.read(query)
    if as_json:
        click.echo(json.dumps([_plain(one, name) for one, name in found], indent=2, ensure_ascii=False))
    elif not found:
        click.echo(text.no_tasks())
    else:
        head = ("Task", "Issue", "State", "Attempt", "Agent", "Changed")
        printed(head, [_row(one, name) for one, name in found])


@command.command("show")
@task_argument
@json_option
@config_option
def show(config: Path | None, named: str, as_json: bool) -> None:
    """Show a task, its attempts, and everything that happened to it."""
    settings = load(config, os.environ, for_bot=False).settings
    with opened_store(settings) as store:
        one = store.read(lambda sql: task_named(sql, named))
        name, runs, events = store.read(
            lambda sql: (_repo_name(sql, one), attempts.of_task(sql, one.id), log.of_task(sql, one.id))
        )
    if as_json:
        runs_shown = [
            {
                "attempt": a.fence,
                "agent": a.agent,
                "claimed_at": a.claimed_at,
                "ended_at": a.ended_at,
                "outcome": a.outcome,
            }
            for a in runs
        ]
        happened = [{"at": r.at, "kind": r.event.kind, "actor": r.actor} for r in events]
        said = _plain(one, name) | {"attempts": runs_shown, "events": happened}
        click.echo(json.dumps(said, indent=2, ensure_ascii=False))
        return
    click.echo(text.task_head(one.id, name, one.issue, one.state.value))
    for label, value in text.task_facts(one):
        click.echo(text.fact(label, value))
    for a in runs:
        click.echo(text.attempt_line(a.fence, a.agent, a.claimed_at, a.outcome))
    for r in events:
        click.echo(text.event_line(r.at, "", r.event.kind, r.actor, {}))


@command.command("logs")
@task_argument
@click.option("--attempt", type=click.IntRange(1), help="Which attempt [default: the newest].")
@click.option("-f", "--follow", is_flag=True, help="Go on until the attempt ends, or Ctrl-C.")
@json_option
@config_option
def logs(config: Path | None, named: str, attempt: int | None, follow: bool, as_json: bool) -> None:
    """Print what the agent of a task printed; with --json a line for each piece."""
    settings = load(config, os.environ, for_bot=False).settings
    with opened_store(settings) as store:
        one = store.read(lambda sql: task_named(sql, named))
        fence = attempt or one.fence
        store.watch_other_processes()
        offset = 0
        while True:
            seen = store.wakeups.count(CHANGED)
            run = store.read(lambda sql: attempts.get(sql, one.id, fence))
            if run is not None and run.log_bytes > offset:
                written = store.read(lambda sql, n=offset: run_logs.read(sql, one.id, fence, n))  # type: ignore[misc]
                piece = {"attempt": fence, "offset": offset, "text": written}
                click.echo(json.dumps(piece, ensure_ascii=False) if as_json else written, nl=as_json)
                offset = run.log_bytes
            if not follow or run is None or not run.active:
                return
            store.wakeups.wait(CHANGED, seen, _LOOK_SECS)


@command.command("prompt")
@task_argument
@click.option("--attempt", type=click.IntRange(1), help="Which attempt [default: the newest].")
@json_option
@config_option
def prompt(config: Path | None, named: str, attempt: int | None, as_json: bool) -> None:
    """Print what an agent was told, byte for byte.

    At a terminal without control characters. For a pull agent it is the task as it was answered with, as JSON.
    """
    settings = load(config, os.environ, for_bot=False).settings
    with opened_store(settings) as store:
        given, written = store.read(lambda sql: given_prompts.read(sql, task_named(sql, named).id, attempt))
    if as_json:
        click.echo(json.dumps(dataclasses.asdict(given) | {"text": written}, indent=2, ensure_ascii=False))
    else:
        click.echo(cleaning.plain(written) if sys.stdout.isatty() else written.encode(), nl=False)


@command.command("retry")
@task_argument
@click.option("--fresh", is_flag=True, help="Start again from the base, on a new branch.")
@click.option("--agent", default="", metavar="AGENT", help="Only for this agent (an id or a type).")
@_WHY
@json_option
@config_option
def retry(config: Path | None, named: str, fresh: bool, agent: str, reason: str, as_json: bool) -> None:
    """Try a task again that is over or in review."""

    def deed(fleet: Fleet, task_id: str) -> Task:
        return operations.retry(fleet, task_id, by=_me(), fresh=fresh, agent=agent, note=reason)

    _do(config, named, deed, as_json=as_json)


@command.command("cancel")
@task_argument
@_WHY
@json_option
@config_option
def cancel(config: Path | None, named: str, reason: str, as_json: bool) -> None:
    """Stop a task, running or not."""
    _do(config, named, lambda fleet, task_id: operations.cancel(fleet, task_id, by=_me(), note=reason), as_json=as_json)


@command.command("hold")
@task_argument
@_WHY
@json_option
@config_option
def hold(config: Path | None, named: str, reason: str, as_json: bool) -> None:
    """Keep a waiting task out of the queue."""
    _do(config, named, lambda fleet, task_id: operations.hold(fleet, task_id, by=_me(), note=reason), as_json=as_json)


@command.command("unhold")
@task_argument
@json_option
@config_option
def unhold(config: Path | None, named: str, as_json: bool) -> None:
    """Let a held task go on."""
    _do(config, named, lambda fleet, task_id: operations.unhold(fleet, task_id, by=_me()), as_json=as_json)


def _do(config: Path | None, named: str, deed: Callable[[Fleet, str], Task], *, as_json: bool) -> None:
    """A running worker notices the commit and does the rest; without one it is done once there is one."""
    with opened(load(config, os.environ).settings) as fleet:
        after = deed(fleet, fleet.read(lambda sql: task_named(sql, named)).id)
        name = fleet.read(lambda sql: _repo_name(sql, after))
    if as_json:
        click.echo(json.dumps(_plain(after, name), indent=2, ensure_ascii=False))
    else:
        click.echo(text.task_head(after.id, name, after.issue, after.state.value))


def _me() -> str:
    return getpass.getuser()


def _repo_name(sql: Sql, one: Task) -> str:
    known = forge_facts.repo(sql, one.repo_id)
    return known.full_name if known else f"#{one.repo_id}"


def _plain(one: Task, repo: str) -> dict[str, Any]:
    return dataclasses.asdict(one) | {"repo": repo}


def _row(one: Task, repo: str) -> tuple[str, ...]:
    place = f"{repo}#{one.issue}"
    return (one.id, place, one.state.value, str(one.fence or "–"), one.agent or "–", text.moment(one.changed_at))
