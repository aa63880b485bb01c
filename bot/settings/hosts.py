"""The settings of ``[[hosts]]``: machines the bot starts agents on, and runners of Forgejo Actions."""

from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, field_validator, model_validator

from bot.core import actions_text
from bot.core import operator_text as text
from bot.settings.values import (
    AbsolutePath,
    CountOrNone,
    HostKey,
    Identifier,
    Port,
    Repository,
    Seconds,
    Section,
    Text,
    Variable,
    absolute_path,
    host,
    identifier,
    impossible,
    once_each,
)


def _host(value: str) -> str:
    return host(value) if value else ""


def _user(value: str) -> str:
    return identifier(value) if value else ""


def _folder(value: str) -> str:
    return absolute_path(value) if value else ""


class HostAgent(Section):
    """One agent CLI on a host."""

    agent_type: Identifier
    """Which agent CLI: the name of an adapter, such as `codex-cli`."""
    max_concurrency: Annotated[int, Field(ge=1, le=1000)] = 1
    """How many tasks it runs at once."""
    model: str = ""
    """Model to ask for, in the CLI's own words. Empty: its default."""
    capabilities: Annotated[list[Text], AfterValidator(once_each)] = Field(default_factory=list)
    """What it can do: `code:rust` meets the label `agent:code:rust`."""
    env: Annotated[list[Variable], AfterValidator(once_each)] = Field(default_factory=list)
    """Names of variables of the host's login environment passed through to it, besides PATH, LANG and TZ."""
    env_files: dict[Variable, AbsolutePath] = Field(default_factory=dict)
    """Variables whose value is read from a file on the host, such as `{ OPENAI_API_KEY = "/home/deploy/key" }`."""


class HostHooks(Section):
    """Shell commands run in a task's tree on the host, as `ssh_user`."""

    after_create: str = ""
    """After a workspace was made, once."""
    before_run: str = ""
    """Before each attempt."""
    after_run: str = ""
    """After each attempt, before its work is collected."""
    before_remove: str = ""
    """Before a workspace is removed."""
    timeout_secs: Seconds = 300
    """How long each may take."""


class HostEntry(Section):
    """A machine the bot starts agents on, over SSH or (hostname `localhost`) directly; or (mode `actions`) runners."""

    host_id: Identifier
    """Name of the host; unique."""
    hostname: Annotated[str, AfterValidator(_host)] = ""
    """Address to connect to; `localhost` runs on this machine without SSH. Needed but for mode `actions`."""
    ssh_user: Annotated[str, AfterValidator(_user)] = ""
    """User the agents run as. Needed likewise."""
    ssh_port: Port = 22
    """Port of the SSH server."""
    ssh_key_path: str = ""
    """Private key to log in with; needed unless the host is `localhost` or `ssh_agent` is set."""
    ssh_key_passphrase_file: str = ""
    """File with the passphrase of that key. Empty: it has none."""
    ssh_agent: bool = False
    """Also offer the keys of the SSH agent of the user who runs the orchestrator."""
    host_key: HostKey = ""
    """The host's key: `SHA256:…` or `ssh-ed25519 AAAA…`. Empty: as pinned in `known_hosts`."""
    known_hosts: str = ""
    """File with pinned host keys. Empty: `known_hosts` in the data folder, written by `hosts add`."""
    max_sessions: Annotated[int, Field(ge=1, le=1000)] = 8
    """Commands at once over one connection, below the server's MaxSessions; then another is made."""
    allow_same_user: bool = False
    """On `localhost`: let agents run as the user who runs the orchestrator, whose secrets they can then read."""
    run_as: Literal["sudo", "systemd-run"] = "sudo"
    """On `localhost`: what changes to `ssh_user`. A root orchestrator needs no sudo."""
    work_dir: Annotated[str, AfterValidator(_folder)] = ""
    """Folder on the host for workspaces, owned by `ssh_user`; of A-Z a-z 0-9 . _ @ + - and /. Needed likewise."""
    hooks: HostHooks = HostHooks()
    """Commands run around attempts; a table."""
    mode: Literal["ssh_cli", "actions"] = "ssh_cli"
    """How agents are started: `ssh_cli` on this machine, `actions` by starting a workflow, which a runner takes."""
    workflow: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,99}\.ya?ml$")] = "fleet-agent.yml"
    """Mode `actions`: file in `.forgejo/workflows/` that is started."""
    repository: Repository = ""
    """Mode `actions`: `owner/name` that the workflow lies in. Empty: the task's own repository."""
    ref: str = ""
    """Mode `actions`: branch to start the workflow on. Empty: the default branch."""
    start_timeout_secs: Seconds = 1800
    """Mode `actions`: how long a run may wait for approval, for a runner, or for the first word of its job."""
    max_concurrency: CountOrNone = 0
    """Most tasks at once on this host, over all its agents. 0: as many as they may have together."""
    min_free_mib: CountOrNone = 2048
    """Free space in `work_dir` (MiB) below which unused workspaces go before their time."""
    agents: Annotated[list[HostAgent], Field(min_length=1)]
    """The agent CLIs of this host."""

    @field_validator("agents")
    @classmethod
    def _one_of_each(cls, value: list[HostAgent]) -> list[HostAgent]:
        once_each([agent.agent_type for agent in value])
        return value

    def agent_id(self, agent: HostAgent) -> str:
        """The name of an agent of this host, in the whole fleet."""
        return f"{self.host_id}.{agent.agent_type}"

    @property
    def is_local(self) -> bool:
        return self.hostname == "localhost"

    @model_validator(mode="after")
    def _whole(self) -> Self:
        for name in ("hostname", "ssh_user", "work_dir"):
            if self.mode == "ssh_cli" and not getattr(self, name):
                raise impossible(actions_text.machine_needs(), text.add_the_key(name), name)
            if self.mode == "actions" and getattr(self, name):
                raise impossible(actions_text.not_with_actions(), actions_text.leave_it_out(), name)
        return self

    @model_validator(mode="after")
    def _can_log_in(self) -> Self:
        if self.mode == "ssh_cli" and not self.is_local and not self.ssh_key_path and not self.ssh_agent:
            raise impossible(text.key_needed(self.hostname), text.add_the_key("ssh_key_path"), "ssh_key_path")
        for agent in self.agents:
            identifier(self.agent_id(agent))
        return self
