"""`agent-fleet …`: one file per group of commands, loaded when asked for."""

import importlib
import os
from pathlib import Path
from typing import Final

import click

import bot
from bot.cli.failures import translated
from bot.cli.options import config_option
from bot.core import operator_text as text

#: The commands, each a module of this folder with a ``command``.
COMMANDS: Final = (
    "agent",
    "agents",
    "backup",
    "completion",
    "config",
    "db",
    "demo",
    "docs",
    "doctor",
    "events",
    "export",
    "fleet",
    "hosts",
    "import-seed",
    "init",
    "mcp",
    "migrate",
    "notify",
    "receipts",
    "restore",
    "serve",
    "setup",
    "tasks",
    "tokens",
    "unsetup",
    "verify",
    "web",
    "worker",
)


class Fleet(click.Group):
    """Finds commands by name, so that starting one never imports the others."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        if cmd_name not in COMMANDS:
            return None
        found = importlib.import_module(f"bot.cli.{cmd_name.replace('-', '_')}").command
        if not isinstance(found, click.Command):
            raise TypeError(f"bot/cli/{cmd_name}.py has no command")
        return found

    def invoke(self, ctx: click.Context) -> object:
        with translated():
            return super().invoke(ctx)


@click.group(cls=Fleet, invoke_without_command=True, context_settings={"help_option_names": ["-h", "--help"]})
@config_option
@click.option("--bind", metavar="ADDRESS", help="Address to listen on (without a command: serve).")
@click.option("--port", type=int, help="Port to listen on (without a command: serve).")
@click.version_option(bot.__version__, prog_name="agent-fleet", message="%(prog)s %(version)s")
@click.pass_context
def cli(ctx: click.Context, config: Path | None, bind: str | None, port: int | None) -> None:
    """Issues on a Forgejo become pull requests made by a fleet of coding agents.

    Without a command: serve.
    """
    if ctx.invoked_subcommand is None:
        from bot.cli.serve import start

        start(config, os.environ, bind=bind, port=port)
    elif bind is not None or port is not None:
        raise click.UsageError(text.only_serve_listens(), ctx)


def main() -> None:
    """The console script. Ends with 0 = done, 1 = failed, 2 = wrong usage or settings."""
    cli(prog_name="agent-fleet")
