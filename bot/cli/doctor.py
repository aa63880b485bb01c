"""agent-fleet doctor: what is wrong with this installation, and how to put it right."""

import dataclasses
import json
import os
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import click
from rich.console import Console
from rich.text import Text

from bot.cli.agent_types import startable
from bot.cli.options import config_option, json_option
from bot.core import doctor_text as text
from bot.doctor.examine import DELIVERY_SECS, examine
from bot.doctor.finding import Finding, State, fail
from bot.settings import SettingsError, load

_COLOURS: Final = {State.OK: "green", State.WARN: "yellow", State.FAIL: "bold red"}


@click.command("doctor")
@click.option(
    "--wait", "wait_secs", default=DELIVERY_SECS, type=click.FloatRange(0, 600), show_default=True, metavar="SECS",
    help="How long a test delivery of the forge may take.",
)  # fmt: skip
@json_option
@config_option
@click.pass_context
def command(ctx: click.Context, config: Path | None, wait_secs: float, as_json: bool) -> None:
    """Check everything, and say for each thing that is wrong how to put it right.

    Safe at any time: the forge is asked for one test delivery per repository, nothing else is changed.

    \b
    Ends with 0: nothing is broken (there may be warnings)
              1: something must be put right
              2: the settings cannot be used, so that nothing else was looked at
    """
    found: list[Finding] = []
    console = Console(highlight=False, soft_wrap=True)
    code = 0
    for finding in (_typed(x, config) for x in _findings(config, wait_secs)):
        found.append(finding)
        if finding.state is State.FAIL:
            code = 2 if finding.check == "config" else 1
        if not as_json:
            _print(console, finding)
    fails, warnings = (sum(x.state is state for x in found) for state in (State.FAIL, State.WARN))
    if as_json:
        lines = [dataclasses.asdict(finding) for finding in found]
        click.echo(json.dumps({"ok": not fails, "lines": lines}, indent=2, ensure_ascii=False))
    else:
        click.echo(text.verdict(fails, warnings))
    ctx.exit(code)


def _findings(config: Path | None, wait_secs: float) -> Iterator[Finding]:
    try:
        loaded = startable(load(config, os.environ))
    except SettingsError as error:
        for problem in error.problems:
            yield fail("config", text.config_wrong(problem.key, problem.reason), problem.fix or text.see_config())
        return
    yield from examine(loaded, delivery_secs=wait_secs)


def _typed(finding: Finding, config: Path | None) -> Finding:
    """Its commands as they must be typed to be about the same configuration."""
    if config is None:
        return finding
    program = f"agent-fleet --config {shlex.quote(str(config))} "
    command = finding.command
    if command.startswith("agent-fleet "):
        command = command.replace("agent-fleet ", program, 1)
    return dataclasses.replace(finding, command=command, fix=finding.fix.replace("`agent-fleet ", f"`{program}"))


def _print(console: Console, finding: Finding) -> None:
    console.print(Text(text.line(finding.state.value, finding.subject, finding.said), style=_COLOURS[finding.state]))
    if finding.fix:
        console.print(Text(text.how(finding.fix)))
