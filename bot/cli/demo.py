"""agent-fleet demo: from labelled issues to merged pull requests in a minute, on this machine."""

import sys

import click
from rich.console import Console

from bot.demo.stage import main


@click.command("demo")
@click.option("--keep", is_flag=True, help="Leave everything running afterwards, to look at, until Ctrl-C.")
@click.option("--ssh", is_flag=True, help="On two hosts behind an SSH server of its own, with processes to watch.")
def command(keep: bool, ssh: bool) -> None:
    """Show the whole way on a small forge of its own; nothing outside a temporary folder is touched."""
    sys.exit(0 if main(keep=keep, ssh=ssh, console=Console()) else 1)
