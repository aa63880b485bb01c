"""A repository's own rules: `.forgejo/fleet.toml` on its default branch. One wrong value refuses the whole file."""

import tomllib
from typing import Annotated, Final, Literal

from pydantic import Field, ValidationError

from bot.core import policy_text as text
from bot.settings.limits import MergeStyle, NeedsApproval, ReworkDays, Reworks
from bot.settings.values import PathInRepository, Section
from bot.settings.values import Text as Words

#: As people write it.
PATH: Final = ".forgejo/fleet.toml"
_Few = Field(max_length=200)
#: 0 = no limit.
Cap = Annotated[int, Field(ge=0, le=10_000)]


class Policy(Section):
    """What a repository says about agents that work on it; all of it may be left out."""

    may_run: Literal["write", "admin"] = "write"
    """Rights that a person needs to start agents, approve requests and try again."""
    people: Annotated[list[Words], _Few] = Field(default_factory=list)
    """Logins of those who may do that; empty: everyone with the rights above."""
    agents: Annotated[list[Words], _Few] = Field(default_factory=list)
    """Ids or types of the agents that may work here; empty: all."""
    max_running: Cap = 0
    """Tasks that may run at once in this repository; 0: no limit."""
    max_open: Cap = 0
    """Tasks that may be unfinished at once in this repository; 0: no limit."""
    protected_paths: Annotated[list[PathInRepository], _Few] = Field(default_factory=list)
    """Paths that no agent may change, besides those of the configuration."""
    comments: bool = True
    """Whether the bot writes comments of its own about a task, besides the status comment and answers to commands."""
    max_rework: Reworks | None = None
    """How often a pull request goes back to its agent for each cause; left out: as the configuration says."""
    rework_days: ReworkDays | None = None
    """How many days after it was opened it goes back by itself; left out: as the configuration says."""
    show_other_reviews: bool | None = None
    """Whether agents are shown reviews by people who may not steer them; left out: as the configuration says."""
    auto_merge: bool | None = None
    """Whether what is approved and whose checks pass is merged by the forge; left out: as the configuration says."""
    merge_style: MergeStyle | None = None
    """How it is merged then; left out: as the configuration says."""
    needs_approval: NeedsApproval = NeedsApproval()
    """What waits for `/fleet approve` here, besides what the configuration says."""
    commands_per_hour: Cap = 0
    """Commands that one person may give within an hour; the configuration's counts where it is lower. 0: that."""
    starts_per_hour: Cap = 0
    """Tasks of this repository that one person may start, ask for or have tried again within an hour, likewise."""
    starts_per_day: Cap = 0
    """The same within 24 hours."""
    max_follow_ups: Cap | None = None
    """Follow-up issues that agents may open from one issue; left out, or more than that: as the configuration says."""
    track_time: bool | None = None
    """Whether agents' time is written on issues as tracked time; left out: as the configuration says."""


class BadPolicy(Exception):
    """The file cannot be used; its text says where and why, in one line."""


def read(content: str) -> Policy:
    """Raises BadPolicy."""
    try:
        found = tomllib.loads(content)
    except tomllib.TOMLDecodeError as problem:
        raise BadPolicy(text.not_toml(str(problem))) from problem
    try:
        return Policy(**found)
    except ValidationError as problem:
        first = problem.errors(include_url=False, include_input=False)[0]
        where = ".".join(
            str(x) for x in first["loc"] if isinstance(x, str) and not x.startswith(("list[", "constrained"))
        )
        if first["type"] == "extra_forbidden":
            raise BadPolicy(text.unknown_key(where, list(Policy.model_fields))) from problem
        raise BadPolicy(text.bad_value(where, first["msg"])) from problem


def default() -> Policy:
    return Policy()
