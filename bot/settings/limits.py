"""How often a pull request goes back to its agent, and what agents may cost."""

from typing import Annotated, Literal

from pydantic import Field

from bot.settings.values import CountOrNone, Section

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
