"""agent-fleet config: is it right, and what holds."""

import json
import os
from pathlib import Path

import click

from bot.cli.agent_types import startable
from bot.cli.options import config_option, json_option
from bot.core import operator_text as text
from bot.settings import Loaded, SettingsError, load
from bot.settings.layers import choose_file
from bot.settings.reference import toml_value
from bot.settings.showing import masked


@click.group("config")
def command() -> None:
    """Check and show the settings."""


@command.command("check")
@config_option
@json_option
@click.pass_context
def check(ctx: click.Context, config: Path | None, as_json: bool) -> None:
    """Say which files are read and what is wrong; ends with 0 or 2."""
    try:
        loaded = startable(load(config, os.environ))
    except SettingsError as error:
        if as_json:
            problems = [
                {"key": it.key, "reason": it.reason, "fix": it.fix, "source": it.source} for it in error.problems
            ]
            files = [str(path) for path in error.files_read]
            click.echo(json.dumps({"ok": False, "files_read": files, "problems": problems}, indent=2))
        else:
            if error.files_read or choose_file(config, os.environ, Path()) is None:  # else the problem says it
                click.echo(text.files_read([str(path) for path in error.files_read]))
            for problem in error.problems:
                click.echo(str(problem))
        ctx.exit(2)
    files = [str(path) for path in loaded.files_read]
    if as_json:
        click.echo(json.dumps({"ok": True, "files_read": files, "problems": []}, indent=2))
    else:
        click.echo(text.files_read(files))
        click.echo(text.settings_good())


@command.command("show")
@config_option
@json_option
def show(config: Path | None, as_json: bool) -> None:
    """Print what holds, secrets masked; as TOML with the source of what is not at its default."""
    loaded = load(config, os.environ)
    if as_json:
        shown = {"settings": masked(loaded), "sources": dict(loaded.sources)}
        click.echo(json.dumps(shown, indent=2, ensure_ascii=False))
    else:
        click.echo("\n".join(_toml_lines(loaded)))


def _toml_lines(loaded: Loaded) -> list[str]:
    tree = masked(loaded)
    lines = [_line(loaded, name, tree.pop(name)) for name in ("hosts", "adapters", "notify")]
    for section, values in tree.items():
        lines += ["", f"[{section}]"]
        lines += [_line(loaded, f"{section}.{leaf}", value) for leaf, value in values.items()]
    return lines


def _line(loaded: Loaded, key: str, value: object) -> str:
    source = f"  # {loaded.sources[key]}" if key in loaded.sources else ""
    return f"{key.rpartition('.')[2]} = {toml_value(value)}{source}"
