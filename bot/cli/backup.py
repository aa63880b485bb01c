"""agent-fleet backup: a copy of everything that cannot be made again, taken while the fleet runs."""

import dataclasses
import json
import os
import time
from pathlib import Path

import click

from bot.cli.options import config_option, json_option
from bot.core import backup_text as text
from bot.settings import load
from bot.store.backup import back_up, file_of


@click.command("backup")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@json_option
@config_option
def command(config: Path | None, file: Path, as_json: bool) -> None:
    """Write database, signing key and artifacts to FILE (a tar), consistent while everything runs."""
    orchestrator = load(config, os.environ, for_bot=False).settings.orchestrator
    made = back_up(file_of(orchestrator.database), orchestrator.data_path, file.absolute(), time.time())
    if as_json:
        click.echo(json.dumps(dataclasses.asdict(made) | {"file": str(file)}, indent=2))
    else:
        click.echo(text.written(str(file), made.events, made.files, made.bytes / 1024**2))
