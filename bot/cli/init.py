"""agent-fleet init: a configuration file to begin with."""

import secrets
import sys
from pathlib import Path
from urllib.parse import urlsplit

import click

from bot.cli.config_file import write_new
from bot.cli.options import answer, json_option
from bot.core import agent_text, operator_text
from bot.core import backup_text as text
from bot.core.errors import Refused
from bot.settings import load
from bot.settings.reference import toml_value

_FILE = click.Path(path_type=Path, dir_okay=False)
_LOOPBACK = ("127.0.0.1", "::1", "localhost")


@click.command("init")
@click.option(
    "--url", prompt="Address of your Forgejo", help="Address of your Forgejo, such as https://git.example.org."
)
@click.option("--token-file", type=click.Path(path_type=Path, dir_okay=False, allow_dash=True), metavar="FILE",
              help="File with the token of the bot's account, - for standard input [default: asked for].")  # fmt: skip
@click.option("--public-url", default="", metavar="URL", help="Where forge and agents reach this service.")
@click.option("--bind", default="", metavar="ADDRESS", help="Address to listen on [default: 127.0.0.1].")
@click.option("--port", type=int, help="Port to listen on [default: 9090].")
@click.option("--db-path", default="", metavar="FILE", help="The database [default: data/agent-fleet.db].")
@click.option("--output", default="agent-fleet.toml", type=_FILE, show_default=True, help="The file to write.")
@json_option
def command(
    url: str,
    token_file: Path | None,
    public_url: str,
    bind: str,
    port: int | None,
    db_path: str,
    output: Path,
    as_json: bool,
) -> None:
    """Write a configuration file, readable by you alone, with secrets of its own; asks for what is not given.

    An existing file is never changed.
    """
    if output.exists():
        raise Refused(text.exists(str(output)), text.other_name(), 409, "exists")
    sections: dict[str, dict[str, object]] = {
        "server": {"bind": bind, "port": port, "public_url": public_url},
        "forgejo": {"url": url, "token": _token(url, token_file), "webhook_secret": secrets.token_urlsafe(32)},
        "orchestrator": {"db_path": db_path, "http_pull_token": secrets.token_urlsafe(32)},
    }
    lines = [text.init_head()]
    for section, values in sections.items():
        given = [f"{name} = {toml_value(value)}" for name, value in values.items() if value not in ("", None)]
        lines += ["", f"[{section}]", *given] if given else []
    write_new(output, "\n".join(lines) + "\n")
    settings = load(output, {}).settings
    usual = output.name in ("agent-fleet.toml", "config.toml") and output.resolve().parent == Path.cwd()
    lines = [text.init_written(str(output))]
    if not public_url and settings.server.bind in _LOOPBACK and urlsplit(url).hostname not in _LOOPBACK:
        lines.append(text.init_only_here(settings.server.url))
    lines.append(text.init_next("" if usual else str(output)))
    answer({"written": str(output)}, lines, as_json=as_json)


def _token(url: str, token_file: Path | None) -> str:
    if token_file is None:
        return str(click.prompt(text.token_needed(url.rstrip("/")), hide_input=True)).strip()
    try:
        found = sys.stdin.read() if str(token_file) == "-" else token_file.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as problem:
        why = (problem.strerror or "") if isinstance(problem, OSError) else operator_text.not_text()
        raise click.BadParameter(
            agent_text.token_unreadable(str(token_file), why), param_hint="--token-file"
        ) from problem
    if not found.strip():
        raise click.BadParameter(text.empty_token(str(token_file)), param_hint="--token-file")
    return found.strip()
