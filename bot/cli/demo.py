"""agent-fleet demo: from labelled issues to merged pull requests in a minute, on this machine."""

import sys

import click
from rich.console import Console

from bot.demo.run import main


@click.command("demo")
@click.option("--keep", is_flag=True, help="Leave everything running afterwards, to look at, until Ctrl-C.")
def command(keep: bool) -> None:
    """Show the whole way on a small forge of its own; nothing outside a temporary folder is touched."""
    sys.exit(0 if main(keep=keep, console=Console()) else 1)
