"""agent-fleet verify: is the database what its log says."""

import json
import os
from pathlib import Path

import click

from bot.cli.opening import opened_store
from bot.cli.options import config_option, json_option
from bot.core import damage_text
from bot.core import operator_text as text
from bot.settings import load
from bot.store import quick_verify, verify


@click.command("verify")
@click.option("--quick", is_flag=True, help="Follow the kinds of events alone: seconds for a million of them.")
@config_option
@json_option
@click.pass_context
def command(ctx: click.Context, config: Path | None, quick: bool, as_json: bool) -> None:
    """Recompute every task from the event log and compare; ends with 1 when something differs.

    With --quick no digest is computed and nothing that an event says is read: states, versions, attempts and times of
    tasks are compared, and what is counted.
    """
    settings = load(config, os.environ, for_bot=False).settings
    differences = quick_verify.differences if quick else verify.differences
    with opened_store(settings) as store:
        found = store.read(lambda sql: list(differences(sql)), steady=True)
    not_checked = text.left_out_when_quick() if quick else []
    if as_json:
        listed = [{"task_id": it.task_id, "what": it.what} for it in found]
        said = {"ok": not found, "quick": quick, "not_checked": not_checked, "differences": listed}
        click.echo(json.dumps(said, indent=2, ensure_ascii=False))
    else:
        for it in found:
            click.echo(text.difference(it.task_id, it.what))
        click.echo(text.verified_quickly(len(found)) if quick else text.verified(len(found)))
        if quick:
            click.echo(text.not_checked(not_checked))
        if found:
            click.echo(damage_text.what_next(in_log=any(it.in_log for it in found)))
    ctx.exit(1 if found else 0)
