"""agent-fleet tokens: who may use the API."""

import dataclasses
import json
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from bot.cli.opening import opened_store
from bot.cli.options import answer, config_option, json_option
from bot.cli.tables import printed
from bot.core import cleaning
from bot.core import operator_text as text
from bot.core.errors import Refused
from bot.settings import load
from bot.store import tokens
from bot.store.tokens import Token

Command = TypeVar("Command", bound=Callable[..., Any])


def lasting(command: Command) -> Command:
    """``--expires DAYS``; passes ``days: int | None``, None = for ever."""
    return click.option(
        "--expires", "days", type=click.IntRange(1, 36_500), metavar="DAYS", help="Valid for so many days [for ever]."
    )(command)


def expiry(now: float, days: int | None) -> float:
    """The moment at which the token ends, 0 = never."""
    return now + days * 86_400 if days else 0.0


def shown_once(secret: str, *, as_json: bool) -> None:
    """The token on stdout and nothing else, so that it can be piped; the word about it on stderr."""
    answer({"token": secret}, [secret], as_json=as_json)
    click.echo(text.token_shown_once(), err=True)


@click.group("tokens")
def command() -> None:
    """Make, list and revoke API tokens."""


@command.command("create")
@click.option("--role", type=click.Choice(["read", "write", "admin"]), required=True, help="What it may do.")
@click.option("--name", default="", help="What it is for, as `tokens list` shows it.")
@lasting
@json_option
@config_option
def create(config: Path | None, role: str, name: str, days: int | None, as_json: bool) -> None:
    """Make a token for a person or a program and print it, once."""
    settings = load(config, os.environ, for_bot=False).settings
    now = time.time()
    with opened_store(settings) as store:
        secret = store.write(
            lambda sql: tokens.create(
                sql, name=cleaning.one_line(name, 100) or role, role=role, at=now, expires_at=expiry(now, days)
            )
        )
    shown_once(secret, as_json=as_json)


@command.command("list")
@config_option
@json_option
def listed(config: Path | None, as_json: bool) -> None:
    """Show every token by its beginning; the whole of it is not kept."""
    settings = load(config, os.environ, for_bot=False).settings
    with opened_store(settings) as store:
        found = store.read(tokens.listed)
    now = time.time()
    if as_json:
        rows = [dataclasses.asdict(token) | {"usable": token.usable(now)} for token in found]
        click.echo(json.dumps(rows, indent=2, ensure_ascii=False))
    elif not found:
        click.echo(text.no_tokens())
    else:
        head = ("Token", "Name", "Role", "Agent", "Repositories", "Made", "Last used", "State")
        printed(head, [_row(token, now) for token in found])


@command.command("revoke")
@click.argument("prefix")
@json_option
@config_option
def revoke(config: Path | None, prefix: str, as_json: bool) -> None:
    """Make the token that begins with PREFIX worthless, from this moment on."""
    settings = load(config, os.environ, for_bot=False).settings
    with opened_store(settings) as store:
        begins = prefix[: tokens.PREFIX_CHARS]
        if not store.write(lambda sql: tokens.revoke(sql, begins, time.time())):
            raise Refused(text.no_such_token(begins), text.see_tokens())
    answer({"revoked": begins}, [text.token_revoked(begins)], as_json=as_json)


def _row(token: Token, now: float) -> tuple[str, ...]:
    return (
        f"{token.prefix}…",
        token.name,
        token.role + (" (legacy)" if token.legacy else ""),
        token.agent,
        ", ".join(token.repos) or "*",
        text.moment(token.created_at),
        text.moment(token.last_used_at),
        text.token_state(token.revoked_at, token.expires_at, now),
    )
