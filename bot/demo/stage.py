"""Where a demo takes place: a temporary folder that is removed afterwards, also when it is told to end."""

import signal
import sys
import tempfile
from pathlib import Path

from rich.console import Console

from bot.demo.over_ssh import DemoOverSsh
from bot.demo.run import Demo


def main(*, keep: bool, ssh: bool, console: Console) -> bool:
    """True when everything ended as it should. Raises Refused when this machine lacks what ``ssh`` needs."""
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: sys.exit(1))
    with tempfile.TemporaryDirectory(prefix="agent-fleet-demo-") as folder:
        demo = DemoOverSsh(Path(folder), console) if ssh else Demo(Path(folder), console)
        return demo.run(keep=keep)
