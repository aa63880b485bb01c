"""Everything a step needs, and how a step is taken."""

import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from bot.core.facts import Repository
from bot.core.retry import RetryPolicy
from bot.core.task import Task
from bot.execution import git
from bot.execution.bundle import BundleLimits, BundleRules
from bot.execution.gitmirror import GitMirror
from bot.forge import Forge, RepoRef
from bot.service.asking import Asking
from bot.settings import Settings
from bot.store import Sql, Store, forge_facts, tasks
from bot.store.forge_facts import KnownRepository

T = TypeVar("T")


@dataclass
class Fleet:
    """The running service as its steps see it. ``clock`` gives seconds since the epoch, ``chance`` jitter in [0, 1).

    ``looked_at`` is when this process last read an issue, by repository and number, before handing out its task.
    """

    settings: Settings
    store: Store
    forge: Forge
    clock: Callable[[], float] = time.time
    chance: Callable[[], float] = random.random
    end_traces: Callable[[], None] = lambda: None
    looked_at: dict[tuple[int, int], float] = field(default_factory=dict, repr=False)
    asking: Asking = field(default_factory=Asking, repr=False)

    def step(self, command: "Callable[[Step], T]", *, shared: bool = False) -> T:
        """Runs ``command`` in one transaction: events, projections and wanted effects, or nothing.

        ``shared`` as for ``Store.write``: it locks what it decides by.
        """
        steps: list[Step] = []

        def taken(sql: Sql) -> T:
            steps.append(Step(self, sql, self.clock()))
            return command(steps[-1])

        found = self.store.write(taken, shared=shared)
        for what in steps[-1].afterwards:
            what()
        return found

    def read(self, query: Callable[[Sql], T]) -> T:
        return self.store.read(query)

    @property
    def policy(self) -> RetryPolicy:
        o = self.settings.orchestrator
        secs = (o.retry_backoff_secs, o.retry_backoff_max_secs)
        return RetryPolicy(*secs, o.max_lost_runs, o.max_infrastructure_retries)

    @property
    def lease_secs(self) -> float:
        o = self.settings.orchestrator
        return float(o.heartbeat_interval_secs * o.heartbeat_timeout_threshold)

    @property
    def data_dir(self) -> Path:
        return self.settings.orchestrator.data_path

    def mirror(self, repo: KnownRepository) -> GitMirror:
        """The bare mirror of a repository, reached as the configuration says, with the bot's own access."""
        forgejo = self.settings.forgejo
        access = git.Access(forgejo.url, forgejo.token.get_secret_value(), forgejo.ca_file)
        root = self.data_dir / "mirrors"
        root.mkdir(parents=True, exist_ok=True, mode=0o700)
        return GitMirror(root, repo.id, f"{forgejo.url.rstrip('/')}/{repo.full_name}.git", access)

    def bundle_rules(self, protected: Sequence[str] = ()) -> BundleRules:
        """What a result must keep to; every secret of the configuration is looked for in it.

        ``protected`` are paths that the repository itself protects: no exception of the configuration frees them.
        """
        o = self.settings.orchestrator
        limits = BundleLimits(
            bundle_bytes=o.max_result_bytes,
            file_bytes=o.max_blob_bytes,
            commits=o.max_result_commits,
            files=o.max_result_files,
        )
        return BundleRules(
            limits=limits,
            protected=o.protected_paths,
            allowed=o.allowed_paths,
            secrets=self.settings.secrets(),
            strictly=tuple(protected),
        )

    def repo(self, repo_id: int) -> KnownRepository:
        """What is known of a repository, asked of the forge when nothing is."""
        known = self.read(lambda sql: forge_facts.repo(sql, repo_id))
        return known or self.remember(self.forge.repos.by_id(repo_id))

    def remember(self, repo: Repository, *, watch: bool | None = None) -> KnownRepository:
        def command(sql: Sql) -> KnownRepository:
            forge_facts.remember_repo(sql, repo, self.clock(), watch=watch)
            known = forge_facts.repo(sql, repo.id)
            assert known is not None  # noqa: S101 - written a line above
            return known

        return self.store.write(command)


def ref(repo: KnownRepository) -> RepoRef:
    return RepoRef(repo.id, repo.full_name)


class Step:
    """One transaction; ``now`` is the same throughout. ``afterwards`` is done once it is committed."""

    def __init__(self, fleet: Fleet, sql: Sql, now: float) -> None:
        self.fleet = fleet
        self.sql = sql
        self.now = now
        self.afterwards: list[Callable[[], None]] = []

    def task(self, task_id: str) -> Task:
        return tasks.get(self.sql, task_id)
