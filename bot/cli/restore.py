"""agent-fleet restore: put a backup in place."""

import os
import time
from pathlib import Path

import click

from bot.cli.opening import opened_store
from bot.cli.options import answer, config_option, json_option
from bot.core import backup_text as text
from bot.core.errors import Refused
from bot.settings import load
from bot.store.backup import file_of, restore
from bot.store.database import pending
from bot.store.verify import differences


@click.command("restore")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False, exists=True))
@json_option
@config_option
def command(config: Path | None, file: Path, as_json: bool) -> None:
    """Put the backup FILE in place and verify it; the service must be stopped.

    Refuses to overwrite a database that knows more than the backup. What was there is moved aside, not deleted.
    """
    settings = load(config, os.environ, for_bot=False).settings
    orchestrator = settings.orchestrator
    path = file_of(orchestrator.database)
    contents, aside = restore(file, path, orchestrator.data_path, time.time())
    lines = [text.restored(str(path), contents.events)]
    lines += [text.kept_aside(str(aside))] if aside is not None else []
    missing = pending(path)
    lines += [text.then_migrate(missing)] if missing else []
    said = {
        "database": str(path),
        "events": contents.events,
        "aside": str(aside) if aside is not None else None,
        "to_migrate": missing,
    }
    answer(said, lines, as_json=as_json)
    if missing:
        return
    with opened_store(settings) as store:
        wrong = store.read(lambda sql: sum(1 for _ in differences(sql)))
    if wrong:
        raise Refused(text.verify_failed(wrong), text.see_verify())
