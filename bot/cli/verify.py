"""agent-fleet verify: is the database what its log says."""

import dataclasses
import json
import os
from pathlib import Path

import click

from bot.cli.opening import opened_store
from bot.cli.options import config_option, json_option
from bot.core import operator_text as text
from bot.settings import load
from bot.store.verify import differences


@click.command("verify")
@config_option
@json_option
@click.pass_context
def command(ctx: click.Context, config: Path | None, as_json: bool) -> None:
    """Recompute every task from the event log and compare; ends with 1 when something differs."""
    settings = load(config, os.environ, for_bot=False).settings
    with opened_store(settings) as store:
        found = store.read(lambda sql: list(differences(sql)), steady=True)
    if as_json:
        said = {"ok": not found, "differences": [dataclasses.asdict(it) for it in found]}
        click.echo(json.dumps(said, indent=2, ensure_ascii=False))
    else:
        for it in found:
            click.echo(text.difference(it.task_id, it.what))
        click.echo(text.verified(len(found)))
    ctx.exit(1 if found else 0)
