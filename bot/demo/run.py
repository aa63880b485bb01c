"""Running the demo: a forge, the server, two agents, and people who label, wait and merge."""

import contextlib
import re
import secrets
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from rich.console import Console, RenderableType
from rich.live import Live

from bot.core import demo_text as text
from bot.demo.processes import Processes, answers, free_port
from bot.demo.show import Line, table
from bot.demo.story import AFTERWARDS, FILES, HELD, ISSUES, Told
from bot.standin import Issue, Person, Repository, Standin

_LIMIT_SECS: Final = 120
_LOOK_EVERY_SECS: Final = 0.2
#: The status comment may follow the label by a moment.
_LAST_WORDS_SECS: Final = 15
_DONE: Final = "fleet/done"


class Demo:
    """Everything lies in ``folder``."""

    story: Sequence[Told] = ISSUES

    def __init__(self, folder: Path, console: Console) -> None:
        self._folder, self._console = folder, console
        self._enrolment = secrets.token_urlsafe(24)
        self._hook_secret = secrets.token_urlsafe(24)
        self._processes = Processes(folder)

    def run(self, *, keep: bool) -> bool:
        """Tells the story; True when everything ended as it should. With ``keep`` it goes on until Ctrl-C."""
        forge = Standin(self._folder / "forge", deliveries="auto")
        with forge.serve() as forge_url, self._processes:
            people = forge.person("ann"), forge.person("bob"), forge.person("zoe")
            repo = self._repository(forge, people[1])
            server = self._start_server(forge, forge_url)
            self._console.print(self._start_agents(forge_url, server))
            issues = self._open_issues(repo, people[1], people[2])
            ended = self._watch(repo, issues, *people[:2])
            if keep:
                self._leave_it_lively(repo, people[1], people[2])
                config, writer = self._folder / "config.toml", people[1]
                said = text.demo_kept(server, forge_url, str(config), writer.login, writer.token)
                self._console.print(said, soft_wrap=True)
                self._wait_for_ctrl_c()
        return self._told_the_end(ended=ended)

    # --- what another story tells otherwise ---------------------------------------------------------------

    def _settings(self) -> str:
        """More of the configuration."""
        return ""

    def _launch(self, config: Path) -> None:
        self._processes.start("server", "serve", "--config", str(config))

    def _plot(self, issues: Sequence[Issue], writer: Person) -> Iterator[None]:  # noqa: ARG002
        """What happens besides, bit by bit."""
        yield from ()

    def _picture(self, lines: Sequence[Line], *, closing: bool) -> RenderableType:
        return table(lines, closing=closing, width=self._console.width)

    def _told_the_end(self, *, ended: bool) -> bool:
        self._console.print(text.demo_ended(ok=ended))
        return ended

    # --- the stage ----------------------------------------------------------------------------------------

    def _repository(self, forge: Standin, writer: Person) -> Repository:
        repo = forge.repository("ann/measures", files=FILES)
        repo.grant(writer, "write")
        repo.grant(forge.person("fleet-bot"), "admin")
        return repo

    def _start_server(self, forge: Standin, forge_url: str) -> str:
        port = free_port()
        server = f"http://127.0.0.1:{port}"
        signs_in = forge.oauth.register(1, "agent-fleet", f"{server}/login/callback")
        config = self._folder / "config.toml"
        config.touch(0o600)
        config.write_text(
            f'[server]\nbind = "127.0.0.1"\nport = {port}\nworkers = 1\nthreads = 32\npublic_url = "{server}"\n'
            f'[forgejo]\nurl = "{forge_url}"\ntoken = "{forge.person("fleet-bot").token}"\n'
            f'webhook_secret = "{self._hook_secret}"\n'
            f'[orchestrator]\ndb_path = "{self._folder / "fleet.db"}"\nhttp_pull_token = "{self._enrolment}"\n'
            "retry_backoff_secs = 1\ndisplay_min_interval_secs = 1\nheartbeat_interval_secs = 5\n"
            f'[dashboard]\nclient_id = "{signs_in.client_id}"\nclient_secret = "{signs_in.secret}"\nadmins = ["ann"]\n'
            + self._settings()
        )
        self._launch(config)
        self._processes.until(lambda: answers(f"{server}/healthz"), "server")
        self._processes.run("setup", "setup", "ann/measures", "--config", str(config))
        return server

    def _start_agents(self, forge_url: str, server: str) -> str:
        """Returns where everything is, in words."""
        token = self._folder / "enrolment-token"
        token.touch(0o600)
        token.write_text(self._enrolment)
        command = f"{sys.executable} -m bot.demo.fixer"
        for name, capabilities in (("py-1", ["python"]), ("math-1", ["math", "python"])):
            options = [x for capability in capabilities for x in ("--capability", capability)]
            self._processes.start(
                name,
                "agent",
                *("--server", server, "--token-file", str(token), "--type", "exec", "--id", name, *options),
                *("--work-dir", str(self._folder / name), "--command", command),
            )
        return text.demo_places(str(self._folder), forge_url, server)

    def _open_issues(self, repo: Repository, writer: Person, outsider: Person) -> list[Issue]:
        for told in self.story:
            if told.label not in {x.name for x in repo.labels}:
                repo.label(told.label, "#795548")
        return [
            repo.open_issue_by_web_form(outsider, x.title, x.body, [x.label])
            if x.by_outsider
            else repo.open_issue(writer, x.title, x.body, [x.label])
            for x in self.story
        ]

    def _watch(self, repo: Repository, issues: list[Issue], merger: Person, writer: Person) -> bool:
        lines: list[Line] = []
        plot = self._plot(issues, writer)
        began, over_since = time.monotonic(), 0.0
        with Live(console=self._console, refresh_per_second=8, transient=True) as live:
            while time.monotonic() - began < _LIMIT_SECS:
                self._processes.none_died()
                lines = [_look(repo, issue, told) for issue, told in zip(issues, self.story, strict=True)]
                live.update(self._picture(lines, closing=False))
                goes_on = next(plot, self) is not self
                if all(line.ended for line in lines) and not goes_on:
                    break
                over_since = (over_since or time.monotonic()) if all(line.over for line in lines) else 0.0
                if over_since and time.monotonic() - over_since > _LAST_WORDS_SECS:
                    break
                _merge_what_is_ready(repo, merger)
                time.sleep(_LOOK_EVERY_SECS)
        self._console.print(self._picture(lines, closing=True))
        for line in lines:
            if not line.ended:
                told = line.told
                self._console.print(
                    text.demo_otherwise(line.number, told.ends, told.attempts, line.state, line.attempts)
                )
        return all(line.ended for line in lines) and self._tests_pass(repo)

    def _tests_pass(self, repo: Repository) -> bool:
        """Those of the modules that issues were about, of the main branch, in a fresh clone."""
        clone = self._folder / "clone"
        subprocess.run(["git", "clone", "--quiet", str(repo.path), str(clone)], check=True, capture_output=True)
        names = re.findall(r"measures/(\w+)\.py", " ".join(told.body for told in self.story if told.ends == _DONE))
        words = [sys.executable, "-m", "unittest", *(f"tests.test_{name}" for name in sorted(set(names)))]
        return subprocess.run(words, cwd=clone, capture_output=True, check=False).returncode == 0

    def _leave_it_lively(self, repo: Repository, writer: Person, outsider: Person) -> None:
        """Work in every state, for the dashboard: some runs, some waits, and each for another reason."""
        for told in AFTERWARDS:
            if told.label not in {x.name for x in repo.labels}:
                repo.label(told.label, "#795548")
            if told.by_outsider:
                repo.open_issue_by_web_form(outsider, told.title, told.body, [told.label])
                continue
            issue = repo.open_issue(writer, told.title, told.body)
            if told.title == HELD:
                issue.comment(writer, "/fleet hold until the holidays are over")
            issue.add_label(writer, told.label)

    def _wait_for_ctrl_c(self) -> None:
        with contextlib.suppress(KeyboardInterrupt):
            while True:
                self._processes.none_died()
                time.sleep(1)


def _look(repo: Repository, issue: Issue, told: Told) -> Line:
    state = next((x.removeprefix("fleet/") for x in issue.label_names if x.startswith("fleet/")), "")
    comment = next((c.body for c in issue.comments if "fleet:v1:status:" in c.body), "")
    attempts = len(re.findall(r"^\d+\. .* attempt ", comment, re.MULTILINE))
    pull = next((p for p in repo.pulls if p.head.startswith(f"fleet/{issue.number}-")), None)
    says = next((x for x in comment.splitlines()[5:] if x and not x.startswith(("<", "|", "1."))), "")
    return Line(told, issue.number, state, attempts, pull.number if pull else 0, pull.head if pull else "", says)


def _merge_what_is_ready(repo: Repository, merger: Person) -> None:
    """As the owner would, once the bot says that it is ready: its commit status is green."""
    green = {s.sha for s in repo.statuses if s.context == "agent-fleet" and s.state == "success"}
    for pull in repo.pulls:
        if pull.state == "open" and pull.head_sha in green:
            pull.merge(merger, head_sha=pull.head_sha)
