"""Options that several commands share."""

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import click

Command = TypeVar("Command", bound=Callable[..., Any])


def _nearest_given(ctx: click.Context, param: click.Parameter, value: Path | None) -> Path | None:
    """``--config`` of the command itself, else the one given before it (`agent-fleet --config F serve`)."""
    if value is not None or ctx.parent is None:
        return value
    above: Path | None = ctx.parent.params.get(str(param.name))
    return above if above is not None else _nearest_given(ctx.parent, param, None)


def config_option(command: Command) -> Command:
    """``--config FILE``; passes ``config: Path | None``, None = the usual places."""
    return click.option(
        "--config",
        type=click.Path(path_type=Path),
        metavar="FILE",
        callback=_nearest_given,
        help="Configuration file [default: ./agent-fleet.toml, ./config.toml, /etc/agent-fleet/config.toml].",
    )(command)


def json_option(command: Command) -> Command:
    """``--json``; passes ``as_json: bool``."""
    return click.option("--json", "as_json", is_flag=True, help="Print JSON for programs.")(command)


def answer(said: Mapping[str, object], lines: Sequence[str], *, as_json: bool) -> None:
    """What a command says at its end: ``said`` for programs, ``lines`` for people."""
    if as_json:
        click.echo(json.dumps(said, indent=2, ensure_ascii=False))
        return
    for line in lines:
        click.echo(line)
