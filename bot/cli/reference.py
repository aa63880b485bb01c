"""docs/reference/cli.md, from the commands themselves: what `--help` says is what is written."""

import re
from collections.abc import Iterator
from typing import Final

import click

_HEAD: Final = """\
# Command line

<!-- Generated from bot/cli by `agent-fleet docs build`; change the code, not this page. -->

`agent-fleet --help` and `agent-fleet COMMAND --help` say the same. Options of a command may also stand before it where
both have them (`agent-fleet --config F serve`). `NO_COLOR` is obeyed; colours and progress are for terminals only.
`agent-fleet completion` prints what makes your shell complete commands.

## How commands end

| Exit code | Meaning |
|---|---|
| 0 | done |
| 1 | refused or failed, or something is left for a person: what happened, why and what to do stands on stderr |
| 2 | wrong usage, or settings that cannot be used |

Where a command has more to say, its section below does.

## Commands

| Command | |
|---|---|
"""


def cli_page(root: click.Command) -> str:
    """The text of the page; ``root`` is the whole command line."""
    found = list(_walk(root, click.Context(root, info_name="agent-fleet")))
    rows = [f"| [`{ctx.command_path}`](#{_anchor(ctx)}) | {one.get_short_help_str(200)} |" for one, ctx in found]
    return _HEAD + "\n".join(rows) + "\n\n" + "\n".join(_section(one, ctx) for one, ctx in found)


def _walk(command: click.Command, ctx: click.Context) -> Iterator[tuple[click.Command, click.Context]]:
    yield command, ctx
    if isinstance(command, click.Group):
        for name in command.list_commands(ctx):
            inner = command.get_command(ctx, name)
            if inner is not None and not inner.hidden:
                yield from _walk(inner, click.Context(inner, parent=ctx, info_name=name))


def _section(command: click.Command, ctx: click.Context) -> str:
    usage = " ".join([ctx.command_path, *command.collect_usage_pieces(ctx)])
    given = [one for one in command.get_params(ctx) if isinstance(one, click.Option) and "--help" not in one.opts]
    records = [one.get_help_record(ctx) for one in given]
    options = "\n".join(f"- `{names}`: {' '.join(help_.split())}" for names, help_ in filter(None, records))
    parts = [f"{'#' * min(4, 3 + ctx.command_path.count(' ') // 2)} {ctx.command_path}", f"    {usage}"]
    return "\n\n".join([*parts, *_paragraphs(command.help or ""), *([options] if options else [])]) + "\n"


def _paragraphs(text: str) -> Iterator[str]:
    """As click shows them: running text, and after a line of \\b as it stands."""
    for paragraph in re.split(r"\n\s*\n", text.strip()):
        head, _, rest = paragraph.partition("\n")
        if head.strip() == "\b":
            yield "\n".join(f"    {line}" for line in rest.splitlines())
        else:
            yield " ".join(paragraph.split())


def _anchor(ctx: click.Context) -> str:
    return ctx.command_path.replace(" ", "-")
