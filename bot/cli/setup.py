"""agent-fleet setup: prepare a repository on the forge."""

import json
import os
from pathlib import Path

import click

from bot.cli.options import config_option, json_option
from bot.core import setup_text as text
from bot.core.errors import Refused
from bot.forge.repos import HOOK_EVENTS
from bot.service.opening import opened
from bot.service.setup import Done, HookChange, LabelChange, Mark, Trial, host_to_allow, set_up
from bot.settings import load
from bot.store.database import migrate


@click.command("setup")
@click.argument("repository", metavar="OWNER/REPO")
@click.option("--dry-run", is_flag=True, help="Show what would be done and change nothing.")
@click.option("--new-hook", is_flag=True, help="Replace the webhook, as after a change of its secret.")
@json_option
@config_option
@click.pass_context
def command(
    ctx: click.Context, config: Path | None, repository: str, dry_run: bool, new_hook: bool, as_json: bool
) -> None:
    """Make the labels and the webhook that the fleet needs in a repository, and test that webhooks arrive.

    What is right already is left alone, so running it again changes nothing. Ends with 1 when something is left
    for a person to do.
    """
    if repository.count("/") != 1 or not all(repository.split("/")):
        raise Refused(text.not_a_repository(repository), text.name_it_so())
    settings = load(config, os.environ).settings
    migrate(settings.orchestrator.database)
    with opened(settings) as fleet:
        fleet.store.watch_other_processes()  # the web process's commit of the test delivery wakes us
        done = set_up(fleet, repository, dry_run=dry_run, new_hook=new_hook)
    open_ends = _open_ends(done)
    if as_json:
        click.echo(json.dumps(_as_json(done, open_ends, dry_run=dry_run), indent=2, ensure_ascii=False))
    else:
        click.echo("\n".join([*_diff(done, dry_run=dry_run), *open_ends]))
    ctx.exit(1 if open_ends and not dry_run else 0)


def _diff(done: Done, *, dry_run: bool) -> list[str]:
    name = done.repository.full_name
    lines = [f"{x.mark} {_said(x)}" for x in done.plan.labels]
    lines += [f"{x.mark} {_hook_said(x, done.url)}" for x in done.plan.hooks or ()]
    if done.plan.nothing_to_do:
        lines.append(text.nothing_to_set_up(name))
    else:
        lines.append(text.would_set_up(name) if dry_run else text.was_set_up(name))
    if done.trial is Trial.ARRIVED:
        lines.append(text.test_arrived())
    elif done.trial is Trial.EMPTY:
        lines.append(text.test_impossible(name))
    return lines


def _said(change: LabelChange) -> str:
    return text.label_line(change.label.name, mended=change.mark is Mark.MEND)


def _hook_said(change: HookChange, url: str) -> str:
    return text.hook_line(url, change.id, change.wrong.value if change.wrong else "")


def _open_ends(done: Done) -> list[str]:
    """What a person has to do, line by line."""
    if done.plan.hooks is None:
        return text.hook_by_hand(done.repository.html_url, done.url, HOOK_EVENTS)
    if done.trial is Trial.MISSING:
        return text.test_missing(done.url, host_to_allow(done.url))
    return []


def _as_json(done: Done, open_ends: list[str], *, dry_run: bool) -> dict[str, object]:
    hooks = done.plan.hooks
    return {
        "repository": done.repository.full_name,
        "id": done.repository.id,
        "dry_run": dry_run,
        "labels": [{"mark": x.mark.value, "name": x.label.name} for x in done.plan.labels],
        "webhook": done.url,
        "hooks": None if hooks is None else [{"mark": x.mark.value, "id": x.id, "wrong": x.wrong} for x in hooks],
        "test": done.trial.value,
        "to_do": open_ends,
    }
