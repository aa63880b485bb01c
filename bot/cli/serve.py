"""agent-fleet serve: web and worker together."""

import importlib
import os
from collections.abc import Mapping
from pathlib import Path

import click

from bot.cli.agent_types import startable
from bot.cli.options import config_option
from bot.settings import load


@click.command("serve")
@config_option
@click.option("--bind", metavar="ADDRESS", help="Address to listen on.")
@click.option("--port", type=int, help="Port to listen on.")
def command(config: Path | None, bind: str | None, port: int | None) -> None:
    """Run web and worker together; `make run` and the Procfile show the other ways."""
    start(config, os.environ, bind=bind, port=port)


def start(config: Path | None, env: Mapping[str, str], *, bind: str | None, port: int | None) -> None:
    """Serve until told to stop. Raises SettingsError before anything is opened."""
    settings = startable(load(config, env, {"server.bind": bind, "server.port": port})).settings
    # by name: the web room is large, and no other command should pay for it
    importlib.import_module("bot.web.server").serve(settings)
