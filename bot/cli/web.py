"""agent-fleet web: the web half of the service, as many as one likes."""

import importlib
import os
from pathlib import Path

import click

from bot.cli.agent_types import startable
from bot.cli.options import config_option
from bot.settings import load


@click.command("web")
@config_option
@click.option("--bind", metavar="ADDRESS", help="Address to listen on.")
@click.option("--port", type=int, help="Port to listen on.")
def command(config: Path | None, bind: str | None, port: int | None) -> None:
    """Answer the API, webhooks and the dashboard, until SIGTERM or SIGINT; `worker` is the other half."""
    settings = startable(load(config, os.environ, {"server.bind": bind, "server.port": port})).settings
    importlib.import_module("bot.web.server").serve_web(settings)  # by name, as for `serve`
