"""The machines that agents are started on: reached, trusted, equipped, logged in."""

import shlex
import time
from collections.abc import Iterator

from bot.core import doctor_text as text
from bot.core import host_text
from bot.core.errors import Refused, Unavailable
from bot.doctor.finding import Finding, fail, ok, warn
from bot.doctor.host_needs import can_log_in, key_file_troubles, log_in, wanted_by
from bot.execution import host_check
from bot.execution.host_opening import open_host
from bot.settings import HostEntry, Settings


def host(entry: HostEntry, settings: Settings) -> Iterator[Finding]:
    """One line per problem, or one that says that all is well."""
    name, look = entry.host_id, text.see_how_to(entry.host_id)
    try:
        opened = open_host(entry, settings.orchestrator.data_path)
    except Refused as refused:
        yield fail("host", refused.reason, refused.fix or look, subject=name)
        return
    try:
        opened.ping()
        began = time.perf_counter()
        opened.ping()
        warm_ms = (time.perf_counter() - began) * 1000
        probe = host_check.probe(opened, wanted_by(entry, settings))
    except Refused as refused:
        add = f"agent-fleet hosts add {shlex.quote(name)}"
        unknown = add in refused.fix  # the fix is that very command, once the key has been compared
        yield fail("host", refused.reason, refused.fix or look, command=add if unknown else "", subject=name)
        return
    except Unavailable as problem:
        yield fail("host", str(problem), look, subject=name)
        return
    finally:
        opened.close()
    yield from _equipped(entry, settings, probe, warm_ms)


def _equipped(entry: HostEntry, settings: Settings, probe: host_check.Probe, warm_ms: float) -> Iterator[Finding]:
    name, look = entry.host_id, text.see_how_to(entry.host_id)
    problems, warnings = probe.problems(), probe.warnings(warm_ms)
    log_ins = [log_in(agent, probe) for agent in entry.agents if can_log_in(agent, settings)]
    warnings += [one.said for one in log_ins if not one.found]
    for variable, path, state in key_file_troubles(entry, probe):
        (warnings if state == "open" else problems).append(host_text.env_file_trouble(variable, path, state))
    yield from (fail("host", said, look, subject=name) for said in problems)
    yield from (warn("host", said, look, subject=name) for said in warnings)
    if not (problems or warnings):
        yield ok("host", text.host_good(warm_ms), name)
