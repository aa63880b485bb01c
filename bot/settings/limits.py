"""How often pull requests go back to their agents, what agents may cost, what waits for people, what they may ask."""

from typing import Annotated, Literal

from pydantic import Field, field_validator

from bot.core import gate_text
from bot.core.gates import Gates
from bot.settings.values import CountOrNone, PathInRepository, Section, Text

#: US dollars; 0 = no limit. Not strict: a variable's text becomes a number.
DollarsOrNone = Annotated[float, Field(strict=False, ge=0, le=1_000_000, allow_inf_nan=False)]
#: 0 = no limit.
TokensOrNone = Annotated[int, Field(ge=0, le=2**53)]


Reworks = Annotated[int, Field(ge=0, le=100)]
ReworkDays = Annotated[int, Field(ge=0, le=3650)]
MergeStyle = Literal["merge", "rebase", "rebase-merge", "squash", "fast-forward-only"]


class Rework(Section):
    """Pull requests that go back to the agent that made them. A repository's own file may say otherwise."""

    max_rework: Reworks = 3
    """How often it goes back because of reviews, because of red checks, because of conflicts; each counted apart."""
    rework_days: ReworkDays = 14
    """How long after it was opened it goes back by itself. 0: as long as it is open."""
    checks_wait_secs: Annotated[int, Field(ge=0, le=604_800)] = 3600
    """How long red checks wait for those that still run."""
    show_other_reviews: bool = True
    """Whether agents are shown reviews by people who may not steer them, marked as that."""
    log_tail_chars: Annotated[int, Field(ge=0, le=200_000)] = 8000
    """How much of the end of a failed job's log its agent is shown."""
    auto_merge: bool = False
    """Whether the forge is told to merge what a person with write access approved and whose checks pass."""
    merge_style: MergeStyle = "merge"
    """How it is merged then."""


class Budget(Section):
    """What agents may take: cost as the agent CLI reports it, else by `prices`. 0: no limit. Over it, runs end."""

    run_usd: DollarsOrNone = 0
    """US dollars for one attempt."""
    run_tokens: TokensOrNone = 0
    """Tokens, in and out, for one attempt."""
    task_usd: DollarsOrNone = 0
    """US dollars for all attempts of one task."""
    task_tokens: TokensOrNone = 0
    """Tokens for all attempts of one task."""
    task_attempts: CountOrNone = 0
    """Attempts of one task, whatever became of them."""
    task_secs: Annotated[int, Field(ge=0, le=31_536_000)] = 0
    """Seconds that all attempts of one task may run together."""
    repo_day_usd: DollarsOrNone = 0
    """US dollars for one repository and day (UTC)."""
    repo_day_tokens: TokensOrNone = 0
    """Tokens for one repository and day (UTC)."""
    day_usd: DollarsOrNone = 0
    """US dollars for the whole fleet and day (UTC)."""
    day_tokens: TokensOrNone = 0
    """Tokens for the whole fleet and day (UTC)."""


_Few = Field(max_length=200)


class NeedsApproval(Section):
    """What waits for `/fleet approve`. A repository's own file may add to it, never take away."""

    labels: Annotated[list[Text], _Few] = Field(default_factory=list)
    """Labels of issues on which no agent starts before somebody has approved the issue's text."""
    paths: Annotated[list[PathInRepository], _Few] = Field(default_factory=list)
    """Paths: a result that changes one is not published before somebody has approved that commit."""
    usd: DollarsOrNone = 0
    """US dollars: a task that has cost more stops until somebody approves as much again. 0: no such limit."""

    @field_validator("labels")
    @classmethod
    def _no_label_of_ours(cls, labels: list[str]) -> list[str]:
        if any(x.lower().startswith("fleet/") for x in labels):
            raise ValueError(gate_text.label_of_ours())
        return labels

    def gates(self) -> Gates:
        return Gates(tuple(self.labels), tuple(self.paths), float(self.usd))


class RateLimits(Section):
    """How much one person may ask for. A repository's own file may be stricter. 0: no limit."""

    commands_per_hour: CountOrNone = 60
    """Commands of one person within an hour, in all repositories together."""
    starts_per_hour: CountOrNone = 0
    """Tasks that one person may start, ask for or have tried again within an hour, by label or by command."""
    starts_per_day: CountOrNone = 0
    """The same within 24 hours."""
    admins_exempt: bool = True
    """Whether people with admin rights in the repository are not limited."""


class FollowUps(Section):
    """Issues that agents open for work they came across; no agent starts on one before a person approves it."""

    max_per_issue: CountOrNone = 3
    """How many may be opened from one issue. 0: none. A repository's own file may say less."""
    max_depth: CountOrNone = 1
    """How long a chain may get: 1 = an issue of a person has follow-ups, these have none."""
