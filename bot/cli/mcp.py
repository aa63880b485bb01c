"""agent-fleet mcp: the API as tools for agents that speak the Model Context Protocol."""

import importlib.util
import os
import socket
from pathlib import Path

import click

from bot.core import agent_text, operator_text
from bot.core import mcp_text as text
from bot.core.cleaning import slug
from bot.core.errors import Refused
from bot.mcp.desk import Desk
from bot.settings.values import IDENTIFIER


@click.command("mcp")
@click.option("--server", required=True, metavar="URL", help="Address of the Agent Fleet server.")
@click.option("--token-file", type=click.Path(path_type=Path, dir_okay=False), help="File with the token.")
@click.option("--token-env", metavar="NAME", help="Variable with the token.")
@click.option("--id", "agent_id", metavar="ID", help="The agent's name at the server [default: host name and mcp].")
@click.option(
    "--work-dir",
    type=click.Path(path_type=Path, file_okay=False, exists=True),
    help="Folder for the bundles of source and results; without it there are none.",
)
def command(
    server: str, token_file: Path | None, token_env: str | None, agent_id: str | None, work_dir: Path | None
) -> None:
    """Speak MCP on stdin and stdout: tools to pull tasks, report, ask, complete, and for operators to look and steer.

    Every right is that of the token: an agent's works on tasks, an operator's looks and steers.
    """
    if importlib.util.find_spec("mcp") is None:
        raise Refused(text.not_installed(), text.install_it())
    name = agent_id or f"{slug(socket.gethostname(), 40)}.mcp"
    if not IDENTIFIER.fullmatch(name):
        raise click.BadParameter(operator_text.bad_identifier(), param_hint="--id")
    desk = Desk(server, name, _token(token_file, token_env), work_dir.resolve() if work_dir else None)
    from bot.mcp.server import serve

    serve(desk)


def _token(file: Path | None, variable: str | None) -> str:
    if (file is None) == (variable is None):
        raise click.UsageError(text.one_token())
    if variable is not None:
        token = os.environ.get(variable, "").strip()
        if not token:
            raise Refused(text.variable_empty(variable), text.one_token())
        return token
    try:
        found = file.read_text("utf-8").strip() if file else ""
    except (OSError, UnicodeDecodeError) as error:
        why = (error.strerror or "") if isinstance(error, OSError) else operator_text.not_text()
        raise Refused(agent_text.token_unreadable(str(file), why), operator_text.check_the_file()) from error
    if not found or any(c.isspace() for c in found):
        raise Refused(agent_text.no_token_in(str(file)), agent_text.one_token_per_file())
    return found
