"""agent-fleet migrate: bring the database's schema up to this version."""

import os
from pathlib import Path

import click

from bot.cli.options import config_option
from bot.core import operator_text as text
from bot.core.errors import Refused
from bot.settings import load
from bot.store.database import migrate, pending


@click.command("migrate")
@config_option
@click.option("--check", is_flag=True, help="Change nothing; fail when something is to be applied.")
def command(config: Path | None, check: bool) -> None:
    """Make the database, or bring it up to this version; safe to run at any time and twice at once."""
    path = load(config, os.environ, for_bot=False).settings.orchestrator.db_path
    if check:
        waiting = pending(path)
        if waiting:
            raise Refused(text.not_applied(str(path), waiting), text.run_migrate())
        click.echo(text.schema_current(str(path)))
        return
    for name in migrate(path):
        click.echo(text.applied(name))
    click.echo(text.schema_current(str(path)))
