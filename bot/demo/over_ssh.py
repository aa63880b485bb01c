"""The demo on hosts: real processes behind a real SSH server, watched, killed, and adopted by a worker born later."""

import os
import signal
import sys
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

from rich.console import Console, Group, RenderableType

import bot
from bot.core import demo_text as text
from bot.demo.machines import Machines
from bot.demo.run import Demo
from bot.demo.show import Line, processes_table
from bot.demo.story import ENDLESS, OVER_SSH
from bot.standin import Issue, Person

#: Long enough to be killed and adopted in between.
_LINGER_SECS: Final = 6


class DemoOverSsh(Demo):
    """The worker is a process of its own here, so that it can be killed alone."""

    story = OVER_SSH

    def __init__(self, folder: Path, console: Console) -> None:
        """Raises Refused when this machine has no SSH server."""
        super().__init__(folder, console)
        self._machines = Machines(folder)
        self._config = folder / "config.toml"
        self._missing = [text.demo_the_kill(), text.demo_the_adoption(), text.demo_the_cancelling()]

    def run(self, *, keep: bool) -> bool:
        try:
            return super().run(keep=keep)
        finally:
            for one in self._machines.seen():  # there are some only when it went wrong
                with suppress(ProcessLookupError):
                    os.kill(one.pid, signal.SIGKILL)

    def _settings(self) -> str:
        self._machines.start(self._processes)
        return self._machines.settings(_LINGER_SECS)

    def _launch(self, config: Path) -> None:
        self._processes.run("migrate", "migrate", "--config", str(config))
        here = Path(bot.__file__).parent
        options = next(path for path in (here / "web", here.parent) if (path / "gunicorn.conf.py").exists())
        words = [sys.executable, "-m", "gunicorn", "--config", str(options / "gunicorn.conf.py")]
        self._processes.start_other("server", words, {"AGENT_FLEET_CONFIG": str(config)})
        self._start_worker()

    def _start_worker(self) -> int:
        return self._processes.start("worker", "worker", "--config", str(self._config))

    def _start_agents(self, forge_url: str, server: str) -> str:
        """The dispatcher starts them."""
        return text.demo_places_ssh(str(self._folder), forge_url, server, self._machines.port)

    def _plot(self, issues: Sequence[Issue], writer: Person) -> Iterator[None]:
        runs: set[int] = set()
        while len(runs) < len(issues):
            yield
            runs = {one.issue for one in self._machines.seen()}
        before = {one.pid for one in self._machines.seen()}
        killed = self._processes.kill("worker")
        living = before & {one.pid for one in self._machines.seen()}
        if not living:
            return
        self._say(text.demo_killed(killed, len(living)), text.demo_the_kill())
        self._say(text.demo_started_again(self._start_worker()))
        while self._processes.said("worker").count("run adopted") < len(runs):
            yield
        self._say(text.demo_adopted(len(runs)), text.demo_the_adoption())
        yield from self._cancel(issues, writer)

    def _cancel(self, issues: Sequence[Issue], writer: Person) -> Iterator[None]:
        issue = next(issue for issue, told in zip(issues, self.story, strict=True) if ENDLESS in told.body)
        self._say(text.demo_closes(issue.number, sum(one.issue == issue.number for one in self._machines.seen())))
        issue.close(writer)
        while any(one.issue == issue.number for one in self._machines.seen()):
            yield
        self._say(text.demo_none_left(issue.number), text.demo_the_cancelling())

    def _say(self, words: str, shown: str = "") -> None:
        self._console.print(words)
        if shown:
            self._missing.remove(shown)

    def _picture(self, lines: Sequence[Line], *, closing: bool) -> RenderableType:
        if closing:
            return super()._picture(lines, closing=True)
        return Group(super()._picture(lines, closing=False), processes_table(self._machines.seen()))

    def _told_the_end(self, *, ended: bool) -> bool:
        for what in self._missing:
            self._console.print(text.demo_not_shown(what))
        left = [str(one.pid) for one in self._machines.seen()]
        if left:
            self._console.print(text.demo_leftovers(", ".join(left)))
        started = self._processes.said("worker").count("run started")
        if started != len(self.story):
            self._console.print(text.demo_started_otherwise(len(self.story), started))
        well = ended and not self._missing and not left and started == len(self.story)
        self._console.print(text.demo_ended_ssh(ok=well))
        return well
