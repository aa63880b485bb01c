"""agent-fleet hosts: which machines agents run on, whether they are ready, and trusting their keys."""

import json
import os
import statistics
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import click

from bot.cli.agent_types import startable
from bot.cli.options import answer, config_option, json_option
from bot.core import host_text as text
from bot.core.errors import Refused
from bot.doctor.host_needs import can_log_in, key_file_troubles, log_in, wanted_by
from bot.execution import host_check
from bot.execution.host_errors import Unreachable
from bot.execution.host_opening import login_of, open_host, pins_of
from bot.execution.hosts import Host
from bot.execution.ssh import seen_key
from bot.settings import load
from bot.settings.hosts import HostEntry
from bot.settings.sections import Settings

_ROUNDS: Final = 5


@click.group("hosts")
def command() -> None:
    """The machines agents are started on."""


@command.command("list")
@config_option
@json_option
def list_hosts(config: Path | None, as_json: bool) -> None:
    """Print the hosts of the configuration."""
    settings = load(config, os.environ).settings
    if as_json:
        shown = [
            {
                "host_id": entry.host_id,
                "hostname": entry.hostname,
                "port": entry.ssh_port,
                "user": entry.ssh_user,
                "agents": [agent.agent_type for agent in entry.agents],
            }
            for entry in settings.machines
        ]
        click.echo(json.dumps(shown, indent=2))
        return
    if not settings.machines:
        click.echo(text.no_hosts())
    for entry in settings.machines:
        where = entry.hostname if entry.is_local else f"{entry.hostname}:{entry.ssh_port}"
        agents = [f"{agent.max_concurrency} × {agent.agent_type}" for agent in entry.agents]
        click.echo(text.host_line(entry.host_id, where, entry.ssh_user, agents))


@command.command("check")
@click.argument("host_id", metavar="HOST")
@config_option
@json_option
def check(host_id: str, config: Path | None, as_json: bool) -> None:
    """Connect to HOST and say what it has, what it lacks and how to get it; ends with 0 or 1."""
    settings = startable(load(config, os.environ)).settings
    entry = _entry(settings, host_id)
    host = open_host(entry, settings.orchestrator.data_path)
    try:
        with _reaching(entry):
            cold_ms, warm_ms = _timed(host)
            probe = host_check.probe(host, wanted_by(entry, settings))
    finally:
        host.close()
    log_ins = [log_in(agent, probe) for agent in entry.agents if can_log_in(agent, settings)]
    problems, warnings = probe.problems(), probe.warnings(warm_ms)
    warnings += [one.said for one in log_ins if not one.found]
    for name, path, state in key_file_troubles(entry, probe):
        (warnings if state == "open" else problems).append(text.env_file_trouble(name, path, state))
    if as_json:
        shown = {
            "host_id": host_id, "cold_ms": round(cold_ms, 1), "warm_ms": round(warm_ms, 2), "uname": probe.uname,
            "git": probe.git, "free_kib": probe.free_kib, "path": probe.path, "clis": dict(probe.clis),
            "log_ins": {one.agent_type: one.found or None for one in log_ins},
            "problems": problems, "warnings": warnings,
        }  # fmt: skip
        click.echo(json.dumps(shown, indent=2, ensure_ascii=False))
    else:
        click.echo(text.reached(host_id, cold_ms, warm_ms))
        click.echo(text.facts(probe.uname, probe.git, probe.free_kib / 1024**2, probe.cpus))
        for name, version in probe.clis.items():
            if version is not None:
                click.echo(text.cli_found(name, version))
        for line in (*(one.said for one in log_ins if one.found), *warnings, *problems):
            click.echo(line)
        if not problems:
            click.echo(text.all_good())
    if problems:
        raise Refused(text.problems_found(host_id, len(problems)))


@command.command("add")
@click.argument("host_id", metavar="HOST")
@click.option("--yes", is_flag=True, help="Pin without asking: only where nobody can stand between.")
@json_option
@config_option
def add(host_id: str, yes: bool, config: Path | None, as_json: bool) -> None:
    """Show the host key of HOST and, once you say that it is right, pin it."""
    settings = load(config, os.environ).settings
    entry = _entry(settings, host_id)
    if entry.is_local:
        answer({"host": host_id, "pinned": None}, [text.local_needs_no_key(host_id)], as_json=as_json)
        return
    login, pins = login_of(entry), pins_of(entry, settings.orchestrator.data_path)
    with _reaching(entry):
        key = seen_key(login)
    click.echo(text.shows_key(login.where, key.kind, key.fingerprint), err=as_json)
    said = {"host": host_id, "pinned": key.fingerprint, "file": str(pins.file)}
    already = pins.in_file()
    if key in already:
        answer(said, [text.already_pinned(str(pins.file))], as_json=as_json)
        return
    if already:
        pins.check(key)  # refuses: a key that changed is never added beside the old one
    if not yes:
        click.echo(text.compare_with(), err=as_json)
        if not click.confirm(text.is_it_right(), err=as_json):
            raise Refused(text.not_pinned())
    pins.pin(key)
    answer(said, [text.pinned(str(pins.file))], as_json=as_json)


def _entry(settings: Settings, host_id: str) -> HostEntry:
    for entry in settings.machines:
        if entry.host_id == host_id:
            return entry
    raise Refused(text.no_such_host(host_id, [entry.host_id for entry in settings.machines]))


@contextmanager
def _reaching(entry: HostEntry) -> Iterator[None]:
    """Whoever sets a host up has more to do than to try again later."""
    try:
        yield
    except Unreachable as error:
        raise Refused(error.what, "" if entry.is_local else text.check_the_address()) from error


def _timed(host: Host) -> tuple[float, float]:
    """Milliseconds of the first request, and of one on the warm connection (the median)."""
    times: list[float] = []
    for _ in range(_ROUNDS + 1):
        started = time.perf_counter()
        host.ping()
        times.append((time.perf_counter() - started) * 1000)
    return times[0], statistics.median(times[1:])
