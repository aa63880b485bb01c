"""agent-fleet migrate: bring the database's schema up to this version."""

import os
from pathlib import Path

import click

from bot.cli.options import answer, config_option, json_option
from bot.core import operator_text as text
from bot.core.errors import Refused
from bot.settings import load
from bot.store.database import migrate, pending
from bot.store.engines import shown


@click.command("migrate")
@config_option
@click.option("--check", is_flag=True, help="Change nothing; fail when something is to be applied.")
@json_option
def command(config: Path | None, check: bool, as_json: bool) -> None:
    """Make the database, or bring it up to this version; safe to run at any time and twice at once."""
    where = load(config, os.environ, for_bot=False).settings.orchestrator.database
    if check:
        waiting = pending(where)
        if waiting:
            raise Refused(text.not_applied(shown(where), waiting), text.run_migrate())
    applied = [] if check else migrate(where)
    lines = [*(text.applied(name) for name in applied), text.schema_current(shown(where))]
    answer({"database": shown(where), "applied": applied}, lines, as_json=as_json)
