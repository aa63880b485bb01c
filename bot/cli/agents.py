"""agent-fleet agents: who works for the fleet, and tokens for those who pull their work."""

import dataclasses
import json
import os
import time
from pathlib import Path

import click

from bot.cli.opening import opened_store
from bot.cli.options import config_option, json_option
from bot.cli.tables import printed
from bot.cli.tokens import expiry, lasting, shown_once
from bot.core import operator_text as text
from bot.core.errors import Refused
from bot.settings import load
from bot.settings.values import IDENTIFIER
from bot.store import agents, attempts, tokens


@click.group("agents")
def command() -> None:
    """List agents, make tokens for them."""


@command.command("list")
@config_option
@json_option
def listed(config: Path | None, as_json: bool) -> None:
    """Show every agent that has registered, and how many tasks it runs."""
    settings = load(config, os.environ, for_bot=False).settings
    with opened_store(settings) as store:
        found = store.read(lambda sql: [(a, attempts.count_running(sql, a.id)) for a in agents.listed(sql)])
    if as_json:
        rows = [dataclasses.asdict(agent) | {"running": running} for agent, running in found]
        click.echo(json.dumps(rows, indent=2, ensure_ascii=False))
        return
    if not found:
        click.echo(text.no_agents())
        return
    printed(
        ("Agent", "Type", "Status", "Running", "Last sign of life", "Capabilities"),
        [
            (
                agent.id,
                agent.agent_type,
                agent.status,
                f"{running}/{agent.max_concurrency}",
                text.moment(agent.last_seen),
                ", ".join(agent.capabilities),
            )
            for agent, running in found
        ],
    )


@command.command("token")
@click.argument("name")
@click.option("--repo", "repos", multiple=True, metavar="GLOB", help="Only tasks of these repositories (owner/*).")
@click.option("--legacy", is_flag=True, help="For agents written for the earlier agent-fleet, which know no fences.")
@lasting
@json_option
@config_option
def token(
    config: Path | None, name: str, repos: tuple[str, ...], legacy: bool, days: int | None, as_json: bool
) -> None:
    """Make a token for the agent NAME and print it, once."""
    if not IDENTIFIER.fullmatch(name):
        raise Refused(text.bad_agent_name(name), text.agent_name_rule())
    settings = load(config, os.environ, for_bot=False).settings
    now = time.time()
    with opened_store(settings) as store:
        secret = store.write(
            lambda sql: tokens.create(
                sql,
                name=name,
                role="agent",
                agent=name,
                repos=repos,
                legacy=legacy,
                at=now,
                expires_at=expiry(now, days),
            )
        )
    shown_once(secret, as_json=as_json)
