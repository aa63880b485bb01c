"""agent-fleet notify: who is told outside of the forge, and whether it works."""

import json
import os
import secrets
import time
from pathlib import Path

import click

from bot.cli.opening import opened_store
from bot.cli.options import config_option, json_option
from bot.core import notice_text as text
from bot.core.errors import Refused, Unavailable
from bot.service.notices import a_test, send
from bot.settings import Settings, load
from bot.settings.notify import NotifyEntry
from bot.store import notices


@click.group("notify")
def command() -> None:
    """Notifications by webhook, e-mail or ntfy."""


@command.command("test")
@click.argument("name", required=False)
@json_option
@config_option
@click.pass_context
def test(ctx: click.Context, config: Path | None, name: str | None, as_json: bool) -> None:
    """Send a test to NAME, or to every destination, now and whatever its quiet hours; ends with 1 if one fails."""
    found = {entry.name: _tried(entry) for entry in _chosen(load(config, os.environ, for_bot=False).settings, name)}
    if as_json:
        click.echo(json.dumps([{"name": n, "sent": not why, "reason": why} for n, why in found.items()], indent=2))
    else:
        for one, why in found.items():
            click.echo(text.was_not_sent(one, why) if why else text.was_sent(one))
    ctx.exit(1 if any(found.values()) else 0)


@command.command("list")
@json_option
@config_option
def listed(config: Path | None, as_json: bool) -> None:
    """Show the destinations, and what waits to be sent to each."""
    settings = load(config, os.environ, for_bot=False).settings
    with opened_store(settings) as store:
        waiting = {one.destination: one for one in store.read(notices.standings)}
    rows = [
        {
            "name": entry.name,
            "kind": entry.kind,
            "severity": entry.severity,
            "events": entry.events,
            "quiet": entry.quiet,
            "waiting": waiting[entry.name].waiting if entry.name in waiting else 0,
            "error": waiting[entry.name].error if entry.name in waiting else "",
        }
        for entry in settings.notify
    ]
    if as_json:
        click.echo(json.dumps(rows, indent=2, ensure_ascii=False))
    elif not rows:
        click.echo(f"{text.nothing_configured()} {text.see_notify()}")
    else:
        for entry in settings.notify:
            one = waiting.get(entry.name)
            line = text.waiting_line(f"{entry.name} ({entry.kind})", one.waiting if one else 0)
            click.echo(f"{line}. {one.error}" if one and one.error else line)


def _chosen(settings: Settings, name: str | None) -> list[NotifyEntry]:
    known = [entry.name for entry in settings.notify]
    if not known:
        raise Refused(text.nothing_configured(), text.see_notify())
    if name is not None and name not in known:
        raise Refused(text.no_such_destination(name, known))
    return [entry for entry in settings.notify if name in (None, entry.name)]


def _tried(entry: NotifyEntry) -> str:
    """Why it was not sent to everyone, "" when it was."""
    now = time.time()
    try:
        return send(entry, secrets.token_hex(16), a_test(now), now, now)
    except (Refused, Unavailable) as problem:
        return str(problem)
