"""The settings of ``[actions]``: what jobs of Forgejo Actions may do without any stored secret."""

import re
from typing import Annotated, Final, Literal

from pydantic import AfterValidator, Field

from bot.core import actions_text as text
from bot.core import oidc
from bot.settings.values import Seconds, Section, Text, WebAddress, impossible, once_each

_GLOB: Final = re.compile(r"[A-Za-z0-9._*-]{1,100}/[A-Za-z0-9._*-]{1,100}")


def _repository_glob(value: str) -> str:
    if not _GLOB.fullmatch(value):
        raise impossible(text.bad_glob())
    return value


def _full_ref(value: str) -> str:
    if not value.startswith(("refs/heads/", "refs/tags/")):
        raise impossible(text.ref_not_full())
    return value


class ActionsRule(Section):
    """What jobs of a repository may do: the first entry that fits counts."""

    repository: Annotated[str, AfterValidator(_repository_glob)]
    """`owner/name`; `*` stands for any part of one of both."""
    role: Literal["read", "write", "agent"] = "write"
    """`read` looks, `write` starts and steers tasks, `agent` works on tasks; always in its own repository only."""
    repository_id: Annotated[int, Field(ge=0, le=2**63 - 1)] = 0
    """The repository's id, which outlasts renaming; only Forgejo 16 or newer says it. 0: any."""
    refs: Annotated[list[Annotated[str, AfterValidator(_full_ref)]], AfterValidator(once_each)] = Field(
        default_factory=list
    )
    """Full refs, such as `refs/heads/main` or `refs/tags/v*`. Empty: protected branches and tags."""
    events: Annotated[list[Text], AfterValidator(once_each)] = Field(default_factory=list)
    """Events of the workflow, such as `schedule`. Empty: all but those of pull requests, which never count."""
    actors: Annotated[list[Text], AfterValidator(once_each)] = Field(default_factory=list)
    """Who may have caused the run. Empty: anyone but `forgejo.agent_accounts`, which never count."""
    workflows: Annotated[list[Text], AfterValidator(once_each)] = Field(default_factory=list)
    """Files, such as `.forgejo/workflows/nightly.yml`. Empty: any."""

    def rule(self) -> oidc.Rule:
        return oidc.Rule(
            repository=self.repository,
            role=self.role,
            repository_id=self.repository_id,
            refs=tuple(self.refs),
            events=tuple(self.events),
            actors=tuple(self.actors),
            workflows=tuple(self.workflows),
        )


class Actions(Section):
    """Jobs of Forgejo Actions that show who they are by their id token (OIDC)."""

    audience: Annotated[str, Field(min_length=1, max_length=200)] = "agent-fleet"
    """Whom their id tokens must be made for. Give each orchestrator of a forge its own."""
    issuer: WebAddress = ""
    """What the forge calls itself in id tokens: its ROOT_URL and `/api/actions`. Empty: made from `forgejo.url`."""
    session_secs: Annotated[Seconds, Field(ge=60, le=3600)] = 900
    """How long a job may act after it has shown its id token; then it shows a new one."""
    poll_secs: Seconds = 5
    """How often workflow runs are looked at that were started, or are followed."""
    gates: list[Text] = Field(default_factory=lambda: ["fleet-gate / *", "fleet-gate.yml / *"])
    """Commit statuses (globs) that wait for our receipt: it waits for none of them, and a red one is no work."""
    allow: list[ActionsRule] = Field(default_factory=list)
    """Which repositories' jobs may do what. None: no job without an operator token."""
