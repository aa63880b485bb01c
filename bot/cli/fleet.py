"""agent-fleet fleet: how it stands; start nothing new, stop everything, go on."""

import dataclasses
import getpass
import json
import os
import time
from pathlib import Path
from typing import Final

import click

from bot.cli.opening import opened_store
from bot.cli.options import answer, config_option, json_option
from bot.core import operating_text as text
from bot.core.errors import Refused
from bot.service import pausing
from bot.service.fleet import Fleet
from bot.service.opening import opened
from bot.settings import load
from bot.store import counters, forge_facts, gauges, pauses
from bot.store.pauses import WHOLE_FLEET, PauseRow

_REPO: Final = click.option("--repo", metavar="OWNER/NAME", help="Only there [default: everywhere].")
_COMMAND: Final = "command"


@click.group("fleet")
def command() -> None:
    """The fleet as a whole."""


@command.command("status")
@json_option
@config_option
def status(config: Path | None, as_json: bool) -> None:
    """Say what waits, what runs, and what is paused."""
    settings = load(config, os.environ, for_bot=False).settings
    now = time.time()
    with opened_store(settings) as store:
        counts, known, (used, offered), waiting, stops = store.read(
            lambda sql: (
                counters.tasks_by_state(sql),
                gauges.agents(sql),
                gauges.slots(sql),
                gauges.outbox(sql),
                [(row, _place(forge_facts.repo(sql, row.repo_id))) for row in pauses.in_force(sql, now)],
            )
        )
    if as_json:
        said = {
            "tasks": counts,
            "agents": known,
            "slots": {"used": used, "total": offered},
            "outbox_waiting": waiting.count,
            "pauses": [dataclasses.asdict(row) | {"repo": place} for row, place in stops],
        }
        click.echo(json.dumps(said, indent=2, ensure_ascii=False))
        return
    click.echo(text.tasks_line(counts))
    click.echo(text.agents_line(known, used, offered))
    if waiting.count:
        click.echo(text.outbox_line(waiting.count, now - waiting.oldest_at))
    for row, place in stops:
        click.echo(text.pause_line(place, row.agent, row.person, row.reason, row.at, row.until))
    if not stops:
        click.echo(text.not_paused())


@command.command("pause")
@click.argument("reason")
@_REPO
@json_option
@config_option
def pause(config: Path | None, reason: str, repo: str | None, as_json: bool) -> None:
    """Start nothing new; what runs goes on."""
    with opened(load(config, os.environ).settings) as fleet:
        where = _repo_id(fleet, repo)
        fleet.step(lambda step: pausing.pause(step, _row(where, reason)))
    answer({"paused": True, "repo": repo}, [text.paused(repo or "")], as_json=as_json)


@command.command("halt")
@click.argument("reason")
@_REPO
@json_option
@config_option
def halt(config: Path | None, reason: str, repo: str | None, as_json: bool) -> None:
    """Start nothing new and cancel everything that runs, now."""
    with opened(load(config, os.environ).settings) as fleet:
        where = _repo_id(fleet, repo)
        row = _row(where, reason)
        stopped = fleet.step(lambda step: pausing.halt(step, row, f"cli:{row.at}"))
    said = {"paused": True, "repo": repo, "cancelled": stopped}
    answer(said, [text.halted(repo or "", stopped)], as_json=as_json)


@command.command("resume")
@_REPO
@json_option
@config_option
def resume(config: Path | None, repo: str | None, as_json: bool) -> None:
    """Go on after a pause or halt by command; one by label or policy is lifted where it was made."""
    with opened(load(config, os.environ).settings) as fleet:
        where = _repo_id(fleet, repo)
        if not fleet.step(lambda step: pausing.resume(step, where, "", _COMMAND)):
            raise Refused(text.was_not_paused(repo or ""), text.see_status())
    answer({"paused": False, "repo": repo}, [text.resumed(repo or "")], as_json=as_json)


def _row(repo_id: int, reason: str) -> PauseRow:
    return PauseRow(repo_id, "", _COMMAND, getpass.getuser(), reason, "", time.time(), 0.0, "")


def _repo_id(fleet: Fleet, name: str | None) -> int:
    if name is None:
        return WHOLE_FLEET
    known = fleet.read(lambda sql: forge_facts.repo_named(sql, name))
    if known is None:
        raise Refused(text.unknown_repository(name), text.set_it_up(name))
    return known.id


def _place(known: forge_facts.KnownRepository | None) -> str:
    return known.full_name if known else ""
