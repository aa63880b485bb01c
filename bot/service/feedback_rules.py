"""What a repository says about pull requests of agents, over what the configuration says."""

from typing import Final

from bot.service import policies
from bot.service.fleet import Fleet
from bot.settings.limits import Rework
from bot.store import Sql

#: What of a repository's policy is about rework.
NAMES: Final = ("max_rework", "rework_days", "auto_merge", "merge_style", "show_other_reviews")


def of(fleet: Fleet, sql: Sql, repo_id: int) -> Rework:
    """The rules in force. While the repository's file cannot be understood, nothing is merged by itself."""
    rules = policies.of(sql, repo_id)
    own = {name: value for name in NAMES if (value := getattr(rules, name)) is not None}
    found = fleet.settings.rework.model_copy(update=own)
    return found.model_copy(update={"auto_merge": False}) if policies.is_broken(sql, repo_id) else found
