"""agent-fleet worker: the background half of the service."""

import os
from pathlib import Path

import click

from bot import worker
from bot.cli.agent_types import startable
from bot.cli.options import config_option
from bot.settings import load


@click.command("worker")
@config_option
def command(config: Path | None) -> None:
    """Deal with webhooks, publish to the forge, keep leases and timers, until SIGTERM or SIGINT."""
    worker.run(startable(load(config, os.environ)).settings)
