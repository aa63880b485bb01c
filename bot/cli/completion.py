"""agent-fleet completion: the script that completes our commands in a shell."""

import click
from click.shell_completion import get_completion_class

from bot.core import operator_text as text
from bot.core.errors import Refused


@click.command("completion")
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def command(ctx: click.Context, shell: str) -> None:
    """Print the script that completes our commands.

    For bash: eval "$(agent-fleet completion bash)"
    """
    script = get_completion_class(shell)
    if script is None:
        raise Refused(text.no_completion(shell))
    click.echo(script(ctx.find_root().command, {}, "agent-fleet", "_AGENT_FLEET_COMPLETE").source())
