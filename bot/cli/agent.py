"""agent-fleet agent: a pull agent that works for a server."""

import math
import os
import shlex
import socket
import sys
import time
from collections.abc import Mapping
from pathlib import Path

import click

from bot import logs
from bot.adapters.base import Template
from bot.adapters.registry import adapter
from bot.agent.agent import About, Agent, Errand
from bot.agent.client import Client
from bot.agent.credentials import Credentials
from bot.agent.job_credentials import JobCredentials
from bot.agent.journal import Journal
from bot.agent.probing import cli_version
from bot.agent.run import Site
from bot.agent.signals import on_termination, when_input_ends
from bot.cli.options import config_option
from bot.core import agent_text
from bot.core import operator_text as text
from bot.core.cleaning import slug
from bot.core.errors import Refused
from bot.settings import load
from bot.settings.values import IDENTIFIER

_FILE = click.Path(path_type=Path, dir_okay=False)


@click.command("agent")
@config_option
@click.option("--server", required=True, metavar="URL", help="Address of the Agent Fleet server.")
@click.option("--token-file", type=_FILE, help="File with the agent's, or the enrolment, token.")
@click.option("--type", "agent_type", required=True, metavar="NAME", help="Agent type: an adapter, or your own.")
@click.option("--capability", "capabilities", multiple=True, metavar="X", help="What it can do; may be repeated.")
@click.option("--work-dir", required=True, type=click.Path(path_type=Path, file_okay=False), help="Its own folder.")
@click.option("--max-concurrency", default=1, type=click.IntRange(1, 1000), help="Tasks at once.", show_default=True)
@click.option("--id", "agent_id", metavar="ID", help="Its name at the server [default: host name and type].")
@click.option("--command", "own_command", metavar="COMMAND", help="Run this command, whatever the type says.")
@click.option("--model", default="", metavar="NAME", help="Model for adapters that take one.")
@click.option("--drain-secs", default=0, type=click.IntRange(0), help="On SIGTERM, time to finish what runs.")
@click.option("--tasks", default=0, type=click.IntRange(0), help="Leave after so many tasks; 0: never.")
@click.option("--idle-secs", default=0, type=click.IntRange(0), help="Leave when no task came for so long; 0: never.")
@click.option("--claim", default="", metavar="RUN", help="Work on what this workflow run was started for, and leave.")
@click.option("--actions-token", is_flag=True, help="Instead of a token: the id token of this job of Forgejo Actions.")
@click.option("--audience", default="agent-fleet", help="Whom that is made for.", show_default=True)
@click.option("--leash", is_flag=True, help="Stop as on SIGTERM when standard input ends: with whoever started it.")
@click.option("--stall-secs", default=0, type=click.IntRange(0), help="End a run that is silent so long; 0: never.")
def command(
    config: Path | None,
    server: str,
    token_file: Path | None,
    agent_type: str,
    capabilities: tuple[str, ...],
    work_dir: Path,
    max_concurrency: int,
    agent_id: str | None,
    own_command: str | None,
    model: str,
    drain_secs: int,
    tasks: int,
    idle_secs: int,
    claim: str,
    actions_token: bool,
    audience: str,
    leash: bool,
    stall_secs: int,
) -> None:
    """Ask a server for tasks and run an agent command on each.

    Needs no right on the forge: source comes from the server, commits go back to it. The first SIGTERM or
    Ctrl-C finishes (--drain-secs) or hands back what runs; a second one does not wait for anything.
    """
    templates = _templates(config, agent_type, own_command)
    outside = dict(os.environ)
    if (token_file is None) != actions_token:
        raise click.UsageError(agent_text.one_kind_of_token())
    work_dir = work_dir.absolute()
    job = JobCredentials(server, outside, audience, claim, time.time) if actions_token else None
    name = (job.agent_id if job else "") or _identifier(agent_id or f"{socket.gethostname()[:40]}-{agent_type}")
    workspaces = work_dir / "work"
    journal = Journal(work_dir)
    workspaces.mkdir(mode=0o700, exist_ok=True)
    credentials = job or Credentials(token_file or Path(), work_dir / f"{name}.token", workspaces)
    if token_file and credentials.open_to_others:
        click.echo(agent_text.token_open(str(token_file)), err=True)
    logs.configure(secrets=credentials.secrets())
    client = Client(server, name, credentials.token)
    version = cli_version(adapter(agent_type, templates), work_dir, outside, time.time())
    host = slug(socket.gethostname(), 60)
    site = Site(
        client=client,
        journal=journal,
        workspaces=workspaces,
        agent_id=name,
        agent_type=agent_type,
        host=host,
        adapter=lambda: adapter(agent_type, templates),
        cli_version=version,
        model=model,
        secrets=credentials.secrets,
        outside=outside,
        stall_secs=stall_secs or math.inf,
    )
    about = About(agent_type, capabilities, max_concurrency, host, meta={"cli_version": version})
    errand = Errand(tasks, idle_secs, claim)
    agent = Agent(client, credentials, journal, about, site, drain_secs=drain_secs, errand=errand)
    click.echo(agent_text.agent_starts(name, agent_type, server))
    if leash:
        when_input_ends(sys.stdin.fileno(), agent.stop)
    with on_termination(agent.stop, agent.hurry):
        agent.run()


def _templates(config: Path | None, agent_type: str, own_command: str | None) -> Mapping[str, Template]:
    """The operator's own commands by agent type."""
    settings = load(config, os.environ, for_bot=False).settings
    found = {name: Template(_rooted(it.argv), it.prompt, tuple(it.env)) for name, it in settings.adapters.items()}
    if own_command is not None:
        try:
            words = shlex.split(own_command)
        except ValueError:
            words = []
        if not words:
            raise click.BadParameter(text.command_not_split(), param_hint="--command")
        before = found.get(agent_type, Template())
        found[agent_type] = Template(_rooted(words), before.prompt, before.env)
    return found


def _rooted(words: list[str]) -> tuple[str, ...]:
    """A command given by a relative path is meant from here, never from within a repository."""
    program = str(Path(words[0]).absolute()) if "/" in words[0] else words[0]
    return (program, *words[1:])


def _identifier(name: str) -> str:
    if not IDENTIFIER.fullmatch(name) or name in (".", ".."):
        raise Refused(agent_text.bad_agent_id(name), text.bad_identifier(), 422, "bad_agent_id")
    return name
