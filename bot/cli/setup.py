"""agent-fleet setup: prepare a repository, or a whole organisation, on the forge."""

import json
import os
from dataclasses import replace
from pathlib import Path

import click

from bot.cli.options import config_option, json_option
from bot.cli.places import chosen_place, org_option
from bot.core import doctor_text
from bot.core import setup_text as text
from bot.core.errors import Refused
from bot.forge.repos import HOOK_EVENTS
from bot.service.fleet import Fleet
from bot.service.opening import opened
from bot.service.setup import Done, HookChange, LabelChange, Mark, Plan, Trial, host_to_allow, set_up
from bot.service.setup_organization import OrgDone, set_up_org
from bot.settings import load
from bot.store.database import migrate


@click.command("setup")
@click.argument("repository", metavar="OWNER/REPO", required=False)
@org_option
@click.option("--dry-run", is_flag=True, help="Show what would be done and change nothing.")
@click.option("--new-hook", is_flag=True, help="Replace the webhook, as after a change of its secret.")
@json_option
@config_option
@click.pass_context
def command(
    ctx: click.Context,
    config: Path | None,
    repository: str | None,
    org: str | None,
    dry_run: bool,
    new_hook: bool,
    as_json: bool,
) -> None:
    """Make the labels and the webhook that the fleet needs in a repository, and test that webhooks arrive.

    With --org the labels and one webhook of an organisation, for all its repositories; our webhooks of single ones
    go. What is right already is left alone, so running it again changes nothing. Ends with 1 when something is left
    for a person to do.
    """
    place = chosen_place(repository, org)
    settings = load(config, os.environ).settings
    migrate(settings.orchestrator.database)
    with opened(settings) as fleet:
        if org is not None:
            _organization(fleet, place, dry_run=dry_run, new_hook=new_hook, as_json=as_json)
            return
        fleet.store.watch_other_processes()  # the web process's commit of the test delivery wakes us
        try:
            done = set_up(fleet, place, dry_run=dry_run, new_hook=new_hook)
        except Refused as refused:
            raise _with_a_fix(refused, place, settings.forgejo.url.rstrip("/")) from refused
    open_ends = _open_ends(done)
    if as_json:
        click.echo(json.dumps(_as_json(done, open_ends, dry_run=dry_run), indent=2, ensure_ascii=False))
    else:
        click.echo("\n".join([*_diff(done, dry_run=dry_run), *open_ends]))
    ctx.exit(1 if open_ends and not dry_run else 0)


def _with_a_fix(refused: Refused, name: str, url: str) -> Refused:
    """The forge says no, and why; what to do is ours to say."""
    if refused.fix or refused.kind not in ("forge_403", "forge_404"):
        return refused
    fix = text.let_the_bot_see(name, url) if refused.kind == "forge_404" else doctor_text.new_token(url)
    return replace(refused, fix=fix)


def _organization(fleet: Fleet, org: str, *, dry_run: bool, new_hook: bool, as_json: bool) -> None:
    done = set_up_org(fleet, org, dry_run=dry_run, new_hook=new_hook)
    if as_json:
        said = {
            "organization": org,
            "dry_run": dry_run,
            **_changes(done.plan, done.url),
            "repositories": [x.full_name for x in done.repositories],
            "replaced": [{"repository": name, "id": hook_id} for name, hook_id in done.doubles],
        }
        click.echo(json.dumps(said, indent=2, ensure_ascii=False))
    else:
        click.echo("\n".join(_org_diff(done, dry_run=dry_run)))


def _org_diff(done: OrgDone, *, dry_run: bool) -> list[str]:
    lines = _plan_lines(done.plan, done.url)
    lines += [f"- {text.double_line(name, done.url, hook_id)}" for name, hook_id in done.doubles]
    lines.append(_verdict(done.organization, nothing=done.nothing_to_do, dry_run=dry_run))
    lines.append(text.org_repositories([x.full_name for x in done.repositories]))
    return lines if done.nothing_to_do or dry_run else [*lines, text.org_untested()]


def _diff(done: Done, *, dry_run: bool) -> list[str]:
    name = done.repository.full_name
    lines = _plan_lines(done.plan, done.url)
    if done.plan.hooks is not None and all(x.mark is Mark.DELETE for x in done.plan.hooks):
        lines.append(f"= {text.served_by_org(name.partition('/')[0])}")
    lines.append(_verdict(name, nothing=done.plan.nothing_to_do, dry_run=dry_run))
    if done.trial is Trial.ARRIVED:
        lines.append(text.test_arrived())
    elif done.trial is Trial.EMPTY:
        lines.append(text.test_impossible(name))
    return lines


def _plan_lines(plan: Plan, url: str) -> list[str]:
    lines = [f"{x.mark} {_said(x)}" for x in plan.labels]
    return lines + [f"{x.mark} {_hook_said(x, url)}" for x in plan.hooks or ()]


def _verdict(name: str, *, nothing: bool, dry_run: bool) -> str:
    if nothing:
        return text.nothing_to_set_up(name)
    return text.would_set_up(name) if dry_run else text.was_set_up(name)


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
    return {
        "repository": done.repository.full_name,
        "id": done.repository.id,
        "dry_run": dry_run,
        **_changes(done.plan, done.url),
        "test": done.trial.value,
        "to_do": open_ends,
    }


def _changes(plan: Plan, url: str) -> dict[str, object]:
    hooks = plan.hooks
    return {
        "labels": [{"mark": x.mark.value, "name": x.label.name} for x in plan.labels],
        "webhook": url,
        "hooks": None if hooks is None else [{"mark": x.mark.value, "id": x.id, "wrong": x.wrong} for x in hooks],
    }
