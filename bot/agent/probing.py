"""Is the agent command there, and which version is it? Asked once, before the first task."""

import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from bot.adapters.base import Adapter
from bot.core import agent_text as text
from bot.core import cleaning, ids, result_text
from bot.core.errors import Refused
from bot.execution.process import Command, Run, environment

_PROBE_SECS: Final = 10.0
_KEPT_BYTES: Final = 64 * 1024


def cli_version(adapter: Adapter, work_dir: Path, outside: Mapping[str, str], now: float) -> str:
    """The version in the CLI's own words, "" when it has none to tell.

    Raises Refused when there is no command, or it is not installed.
    """
    program = adapter.binary or next(iter(adapter.template.argv), "")
    if not program:
        raise Refused(text.exec_without_command(), text.give_it_a_command(), 422, "no_command")
    if shutil.which(program, path=outside.get("PATH")) is None:
        raise Refused(result_text.command_not_found(program), status=422, kind="command_not_found")
    argv = adapter.probe()
    if not argv:
        return ""
    heard = bytearray()

    def on_output(stream: str, chunk: bytes) -> None:
        if stream == "stdout":
            heard.extend(chunk[: _KEPT_BYTES - len(heard)])

    with tempfile.TemporaryDirectory(prefix="probe-", dir=work_dir) as folder:
        here = Path(folder)
        env = environment(here, here, {}, outside)
        Run(Command(argv, here, ids.new("probe", now), env, timeout_secs=_PROBE_SECS, grace_secs=1)).run(on_output)
    return cleaning.one_line(adapter.version(heard.decode("utf-8", "replace")), 100)
