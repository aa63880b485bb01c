"""agent-fleet import-seed: what the configuration of an earlier agent-fleet means here."""

import dataclasses
import json
import tempfile
from pathlib import Path

import click

from bot.cli.agent_types import startable
from bot.cli.config_file import write_new
from bot.cli.options import json_option
from bot.core import seed_text as text
from bot.core.errors import Refused
from bot.settings import SettingsError, load, seed
from bot.settings.seed import Seed, Verdict

_FILE = click.Path(path_type=Path, dir_okay=False)


@click.command("import-seed")
@click.argument("earlier", metavar="CONFIG.toml", type=_FILE)
@click.option("--write", "output", type=_FILE, metavar="NEW.toml", help="Write the configuration of this version, too.")
@json_option
@click.pass_context
def command(ctx: click.Context, earlier: Path, output: Path | None, as_json: bool) -> None:
    """Say of each key of an earlier agent-fleet's CONFIG.toml what it means here: kept, renamed, ignored and why, or
    needing your attention.

    Secrets are never printed, and CONFIG.toml is never changed. Ends with 1 when the service would not start with it.
    """
    found, good = _judged(seed.read(earlier))
    if output is not None and good:
        write_new(output, seed.as_toml(found.tree, earlier.name))
    attention = sum(one.verdict is Verdict.ATTENTION for one in found.meanings)
    if as_json:
        rows = [dataclasses.asdict(one) for one in found.meanings]
        said = {"usable": good, "written": str(output) if output and good else None, "keys": rows}
        click.echo(json.dumps(said, indent=2, ensure_ascii=False))
    else:
        for one in found.meanings:
            click.echo(text.line(one.key, one.verdict.value, one.said))
        click.echo(text.summary(len({one.key for one in found.meanings}), attention))
        if output is not None and good:
            click.echo(text.written(str(output)))
    if output is not None and not good:
        raise Refused(text.not_written(str(output)), text.put_right_first())
    ctx.exit(0 if good else 1)


def _judged(found: Seed) -> tuple[Seed, bool]:
    """With what the settings as a whole are refused for, and whether they are not."""
    with tempfile.TemporaryDirectory(prefix="agent-fleet-") as folder:  # 0700: it holds the secrets for a moment
        draft = Path(folder) / "draft.toml"
        draft.touch(0o600)
        draft.write_text(seed.as_toml(found.tree, ""), "utf-8")
        try:
            startable(load(draft, {}))
        except SettingsError as error:
            return found.with_problems(error.problems), False
    return found, True
