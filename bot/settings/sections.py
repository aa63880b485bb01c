"""Every setting there is: name, kind, default and what it is for. The reference is generated from here."""

import contextlib
import shlex
from pathlib import Path
from typing import Annotated, Final, Literal, Self
from urllib.parse import unquote

from pydantic import AfterValidator, Field, SecretStr, field_validator, model_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from bot.core import database_url, notice_text, usage
from bot.core import operator_text as text
from bot.core.errors import Refused
from bot.settings.actions import Actions
from bot.settings.dashboard import Dashboard
from bot.settings.hosts import HostEntry
from bot.settings.limits import Budget, FollowUps, NeedsApproval, RateLimits, Rework
from bot.settings.log import Log
from bot.settings.notify import NotifyEntry
from bot.settings.values import (
    REPOSITORY,
    BranchPrefix,
    Bytes,
    BytesOrNone,
    Count,
    CountOrNone,
    DatabaseUrl,
    Days,
    FilePath,
    Host,
    Identifier,
    PathInRepository,
    Phrase,
    Port,
    Repository,
    Seconds,
    SecondsOrNone,
    Section,
    Text,
    Token,
    Variable,
    WebAddress,
    impossible,
    once_each,
)

#: A shorter lease would make one late heartbeat look like a lost agent.
SHORTEST_LEASE_SECS: Final = 2

PROTECTED: Final = (
    ".forgejo/", ".gitea/", ".github/",
    ".claude/", ".codex/", ".cursor/", ".gemini/", ".opencode/", ".mcp.json",
    "AGENTS.md", "CLAUDE.md", "GEMINI.md", "QWEN.md", ".cursorrules", ".windsurfrules",
    "CODEOWNERS",
)  # fmt: skip


Dollars = Annotated[float, Field(ge=0, le=1_000_000, allow_inf_nan=False)]


class Server(Section):
    """Where this service listens, and how much it takes."""

    bind: Host = "127.0.0.1"
    """Address to listen on; `0.0.0.0` for every interface. Beyond loopback, put a proxy with TLS in front."""
    port: Port = 9090
    """TCP port to listen on."""
    public_url: WebAddress = ""
    """Where the forge and the agents reach this service. Empty: made from `bind` and `port`."""
    threads: Annotated[int, Field(ge=4, le=4096)] = 128
    """Threads per web process. A waiting agent or an open live view takes one."""
    workers: Annotated[int, Field(ge=1, le=64)] = 2
    """Web processes."""
    max_body_bytes: Bytes = 2 * 1024 * 1024
    """Largest webhook or API request body in bytes (result bundles: see `orchestrator.max_result_bytes`)."""
    public_metrics: bool = False
    """Answer `/metrics` without a token. Otherwise a scraper needs one made by `tokens create --role read`."""

    @property
    def listen(self) -> str:
        """``host:port``, with brackets around an IPv6 address."""
        return f"[{self.bind}]:{self.port}" if ":" in self.bind else f"{self.bind}:{self.port}"

    @property
    def url(self) -> str:
        """Where we are reached: ``public_url``, or the listening address (for every interface, loopback)."""
        if self.public_url:
            return self.public_url
        loopback = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - not bound to, replaced
        return "http://" + self.model_copy(update={"bind": loopback.get(self.bind, self.bind)}).listen


class Forgejo(Section):
    """The Forgejo this bot works on, and as whom."""

    url: WebAddress = ""
    """Address of the Forgejo, such as `https://git.example.org`. Needed by everything but the pull agent."""
    token: Token = SecretStr("")
    """Access token of the bot's account: write:repository, write:issue and read:user. Needed likewise."""
    webhook_secret: Phrase = SecretStr("")
    """Secret that signs the forge's webhooks. Needed likewise: unsigned webhooks are refused."""
    webhook_secret_previous: Phrase = SecretStr("")
    """The secret before, also accepted while you change the webhooks to the new one."""
    bot_login: str = ""
    """Login of the bot's account, for tokens limited to some repositories: those may not ask who they are."""
    bot_id: Annotated[int, Field(ge=0, le=2**63 - 1)] = 0
    """Id of the bot's account, beside `bot_login`. 0: ask the forge."""
    agent_accounts: list[Text] = Field(default_factory=list)
    """Accounts that agents use. They never start, approve or steer anything, whatever rights they have."""
    writers: dict[str, list[Text]] = Field(default_factory=dict)
    """People with write access per `owner/name` (or `*`), used where the forge will not tell the bot."""
    request_timeout_secs: Annotated[int, Field(ge=1, le=600)] = 30
    """How long one call to the forge may take."""
    ca_file: str = ""
    """File with the certificates to trust for the forge, when it has one of your own. Empty: the system's."""
    control_repo: Repository = ""
    """Repository (`owner/name`) whose issues steer the whole fleet. Empty: none."""

    @field_validator("writers")
    @classmethod
    def _keyed_by_repository(cls, value: dict[str, list[str]]) -> dict[str, list[str]]:
        if any(key != "*" and not REPOSITORY.fullmatch(key) for key in value):
            raise impossible(text.bad_writers_key())
        return value

    @model_validator(mode="after")
    def _rotation(self) -> Self:
        previous = self.webhook_secret_previous.get_secret_value()
        if previous and previous == self.webhook_secret.get_secret_value():
            raise impossible(text.same_secret(), text.leave_empty(), "webhook_secret_previous")
        return self


class Orchestrator(Section):
    """How tasks are kept, leased, tried again and published."""

    db_path: FilePath = Path("data/agent-fleet.db")
    """The SQLite database. Its folder is made when missing."""
    database_url: DatabaseUrl = SecretStr("")
    """`postgresql://…` to use a PostgreSQL instead of SQLite. Empty: SQLite."""
    data_dir: str = ""
    """Folder for mirrors, logs and artifacts. Empty: the folder of `db_path`."""
    heartbeat_interval_secs: Seconds = 60
    """How often agents are asked to say that they live."""
    heartbeat_timeout_threshold: Annotated[int, Field(ge=1, le=1000)] = 3
    """Missed heartbeats after which an agent is offline and its tasks go back to the queue."""
    task_timeout_secs: Seconds = 1800
    """Longest run of one attempt."""
    default_max_retries: Annotated[int, Field(ge=0, le=100)] = 2
    """How often a failed task is tried again by itself."""
    retry_backoff_secs: SecondsOrNone = 30
    """Pause before the first retry; doubled for each further one."""
    retry_backoff_max_secs: SecondsOrNone = 900
    """Longest pause before a retry."""
    dispatch_interval_secs: Seconds = 10
    """How often the queue is looked at when nothing woke the dispatcher."""
    http_pull_token: Token = SecretStr("")
    """Token with which pull agents enrol, and work unless `require_agent_tokens`. Empty: none."""
    require_agent_tokens: bool = False
    """Accept the enrolment token for registering only; every agent then uses its own token."""
    sweep_interval_secs: Seconds = 120
    """How often the forge is read for what webhooks missed."""
    track_time: bool = True
    """Whether agents' time is written on issues as tracked time where the forge has it enabled; a policy may differ."""
    label_grace_secs: SecondsOrNone = 10
    """How long after its last `agent:` label went a task is cancelled, so that labels can be exchanged."""
    display_min_interval_secs: SecondsOrNone = 10
    """Shortest time between two edits of one status comment."""
    max_lost_runs: Annotated[int, Field(ge=1, le=100)] = 3
    """Runs lost in a row (agent or host vanished) after which a task fails. Lost runs cost no retry."""
    max_infrastructure_retries: Annotated[int, Field(ge=0, le=100)] = 5
    """How often a task is tried again after failures that were not its fault. They cost none of its own retries."""
    max_running: CountOrNone = 0
    """Most tasks running at once, over all agents. 0: as many as there are slots."""
    max_running_per_repo: CountOrNone = 0
    """Most tasks running at once in one repository. 0: no limit of its own."""
    stall_timeout_secs: SecondsOrNone = 900
    """How long an agent on a host may print nothing before it is ended. 0: as long as it likes."""
    stop_grace_secs: SecondsOrNone = 10
    """How long a run on a host has to end itself when it is told to, before it is killed."""
    max_run_log_bytes: Bytes = 256 * 1024 * 1024
    """Most bytes one run on a host may print before it is ended; of these a part is kept."""
    keep_workspaces_days: Days = 7
    """How long a workspace on a host that nobody uses is kept, in days."""
    max_waiting_agents: Annotated[int, Field(ge=0, le=4096)] = 0
    """Agents per web process that may wait for work at once; below `server.threads`. 0: half of them."""
    max_result_bytes: Bytes = 64 * 1024 * 1024
    """Largest result bundle of an attempt in bytes."""
    max_result_files: Count = 2000
    """Most files an attempt may change."""
    max_result_commits: Count = 200
    """Most commits an attempt may add."""
    max_blob_bytes: Bytes = 10 * 1024 * 1024
    """Largest single file an attempt may add, in bytes."""
    protected_paths: list[PathInRepository] = Field(default_factory=lambda: list(PROTECTED))
    """Paths no agent may change: `dir/` is all below it, a bare name counts in any folder."""
    allowed_paths: list[PathInRepository] = Field(default_factory=list)
    """Exceptions from `protected_paths`, written the same way."""
    branch_prefix: BranchPrefix = "fleet/"
    """Beginning of the branches the bot pushes."""
    max_classes: Count = 2000
    """Most different combinations of requirements among the waiting tasks."""
    receipt_checks: Literal["wait", "require", "ignore"] = "wait"
    """CI before a receipt is signed: `wait` for contexts the base branch requires, `require` all, or `ignore` it."""
    receipt_wait_secs: SecondsOrNone = 3600
    """How long after an attempt's end a receipt waits for CI; then it is signed as unverified."""
    max_artifact_bytes: Bytes = 20 * 1024 * 1024
    """Largest file an agent may hand in beside its commits, in bytes."""
    max_artifacts: Annotated[int, Field(ge=0, le=1000)] = 20
    """Most such files of one attempt."""
    keep_payloads_days: Days = 14
    """How long webhooks that were dealt with are kept, in days."""
    keep_logs_days: Days = 90
    """How long what an agent was told and printed, and files it handed in, are kept after its attempt, in days."""
    max_payloads_bytes: BytesOrNone = 0
    """Most bytes of webhooks kept; over it the oldest that were dealt with go before their time. 0: no limit."""
    max_logs_bytes: BytesOrNone = 0
    """Most bytes of what agents printed; over it that of tasks that are over goes, the oldest first. 0: no limit."""
    max_artifacts_bytes: BytesOrNone = 0
    """Most bytes of files that agents handed in, likewise. 0: no limit."""
    max_receipts_bytes: BytesOrNone = 0
    """Most bytes of what agents claimed, likewise; signed receipts are never deleted. 0: no limit."""

    @property
    def lease_secs(self) -> int:
        """How long an agent may be silent before its tasks go back to the queue."""
        return self.heartbeat_interval_secs * self.heartbeat_timeout_threshold

    @property
    def database(self) -> Path | str:
        """The file of an SQLite, or the URL of a PostgreSQL."""
        return self.database_url.get_secret_value() or self.db_path

    @property
    def data_path(self) -> Path:
        return Path(self.data_dir) if self.data_dir else self.db_path.parent

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.lease_secs < SHORTEST_LEASE_SECS:
            raise impossible(
                text.lease_too_short(self.lease_secs, SHORTEST_LEASE_SECS),
                text.raise_either("heartbeat_interval_secs", "heartbeat_timeout_threshold"),
                "heartbeat_timeout_threshold",
            )
        if self.retry_backoff_max_secs < self.retry_backoff_secs:
            raise impossible(
                text.below_other("retry_backoff_secs", self.retry_backoff_secs), "", "retry_backoff_max_secs"
            )
        if str(self.db_path) in ("", "."):
            raise impossible(text.may_not_be_empty(), "", "db_path")
        return self


class Adapter(Section):
    """An agent command of your own; its table's name is the agent type."""

    command: Annotated[list[Text], Field(min_length=1)] | Text
    """The command: a list of arguments, or one line split as a shell would, without running a shell."""
    prompt: Literal["stdin", "argument", "file"] = "stdin"
    """How it gets the prompt: on standard input, as last argument, or in a file named by that."""
    env: Annotated[list[Variable], AfterValidator(once_each)] = Field(default_factory=list)
    """Names of environment variables passed through to it; it gets nothing else of ours."""

    @property
    def argv(self) -> list[str]:
        return shlex.split(self.command) if isinstance(self.command, str) else list(self.command)

    @field_validator("command")
    @classmethod
    def _splits(cls, value: list[str] | str) -> list[str] | str:
        if isinstance(value, str):
            try:
                words = shlex.split(value)
            except ValueError:
                raise impossible(text.command_not_split()) from None
            if not words:
                raise impossible(text.may_not_be_empty())
        return value


class Price(Section):
    """What a model costs, for estimates; its table's name is the model as the agent CLI calls it."""

    input_per_mtok: Dollars
    """US dollars for a million input tokens."""
    output_per_mtok: Dollars
    """US dollars for a million output tokens."""
    cached_per_mtok: Dollars = 0
    """US dollars for a million input tokens that came from the provider's cache."""


class Settings(BaseSettings):
    """All settings. Made by ``load``; made directly (tests) it takes its arguments and nothing else."""

    model_config = SettingsConfigDict(
        extra="forbid", frozen=True, strict=True, use_attribute_docstrings=True, hide_input_in_errors=True
    )

    server: Server = Server()
    forgejo: Forgejo = Forgejo()
    orchestrator: Orchestrator = Orchestrator()
    rework: Rework = Rework()
    budget: Budget = Budget()
    needs_approval: NeedsApproval = NeedsApproval()
    rate_limits: RateLimits = RateLimits()
    follow_ups: FollowUps = FollowUps()
    hosts: list[HostEntry] = Field(default_factory=list)
    """The machines the bot starts agents on; none when all agents pull."""
    adapters: dict[Identifier, Adapter] = Field(default_factory=dict)
    """Agent commands of your own, by agent type."""
    prices: dict[Text, Price] = Field(default_factory=dict)
    """Prices by model, for estimates beside the cost that an agent CLI reports. None: no estimates."""
    notify: list[NotifyEntry] = Field(default_factory=list)
    """Who is told outside of the forge when something needs a person; none: nobody."""
    log: Log = Log()
    actions: Actions = Actions()
    dashboard: Dashboard = Dashboard()

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],  # noqa: ARG003 - the library's signature
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Nothing global: the process's environment is read by ``load``, which is given it."""
        return (init_settings,)

    @field_validator("hosts")
    @classmethod
    def _one_of_each(cls, value: list[HostEntry]) -> list[HostEntry]:
        once_each([entry.host_id for entry in value])
        return value

    @field_validator("notify")
    @classmethod
    def _one_of_each_name(cls, value: list[NotifyEntry]) -> list[NotifyEntry]:
        once_each([entry.name for entry in value])
        return value

    @model_validator(mode="after")
    def _never_to_ourselves(self) -> Self:
        ours = [self.server.url.lower() + "/", f"http://{self.server.listen}/"]
        for at, entry in enumerate(self.notify):
            if f"{entry.url.lower()}/".startswith(tuple(ours)):
                raise impossible(notice_text.to_ourselves(), "", f"notify[{at}].url")
        return self

    @model_validator(mode="after")
    def _threads_left(self) -> Self:
        if self.orchestrator.max_waiting_agents >= self.server.threads:
            reason = text.must_be_below("server.threads", self.server.threads)
            raise impossible(reason, "", "orchestrator.max_waiting_agents")
        return self

    @property
    def machines(self) -> list[HostEntry]:
        """The hosts that agents are started on over SSH, or here."""
        return [entry for entry in self.hosts if entry.mode == "ssh_cli"]

    @property
    def workflow_hosts(self) -> list[HostEntry]:
        """The hosts whose agents are jobs of Forgejo Actions."""
        return [entry for entry in self.hosts if entry.mode == "actions"]

    @property
    def actions_issuer(self) -> str:
        """Who signs the id tokens of jobs."""
        return self.actions.issuer or f"{self.forgejo.url}/api/actions"

    @property
    def waiting_agents(self) -> int:
        """Agents that may wait for work at once in one web process."""
        return self.orchestrator.max_waiting_agents or self.server.threads // 2

    def price_table(self) -> dict[str, usage.Price]:
        """The prices as estimates take them."""
        return {
            model: usage.Price(price.input_per_mtok, price.output_per_mtok, price.cached_per_mtok)
            for model, price in self.prices.items()
        }

    def secrets(self) -> tuple[str, ...]:
        """Every secret value that is set, for masking logs and checking what agents send."""
        found = [
            value.get_secret_value()
            for section in (self.server, self.forgejo, self.orchestrator, self.log, self.dashboard)
            for value in section.__dict__.values()
            if isinstance(value, SecretStr) and value.get_secret_value()
        ]
        for entry in self.notify:
            with contextlib.suppress(Refused):  # doctor, and the sending itself, say that it cannot be read
                found += [secret] if (secret := entry.read_secret()) else []
        password = database_url.password(self.orchestrator.database_url.get_secret_value())
        return (*found, password, unquote(password)) if password else tuple(found)
