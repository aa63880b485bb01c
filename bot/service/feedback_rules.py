"""What a repository says about pull requests of agents, over what the configuration says."""

import tomllib
from typing import Any, Final

import structlog
from pydantic import ValidationError

from bot.service.fleet import Fleet
from bot.settings.limits import Rework
from bot.store import Sql, repo_files

log = structlog.get_logger(__name__)

#: The repository's own file, and what in it is about rework.
POLICY: Final = ".forgejo/fleet.toml"
NAMES: Final = ("max_rework", "rework_days", "auto_merge", "merge_style", "show_other_reviews")


def of(fleet: Fleet, sql: Sql, repo_id: int) -> Rework:
    """The rules in force. A file that cannot be understood changes nothing, but nothing is merged by itself then."""
    general = fleet.settings.rework
    file = repo_files.get(sql, repo_id, POLICY)
    if file is None or (file.text is None and not file.error):
        return general
    try:
        said: dict[str, Any] = tomllib.loads(file.text or "") if not file.error else {}
        own = {name: said[name] for name in NAMES if name in said}
        if file.error:
            raise ValueError(file.error)
        both: dict[str, Any] = general.model_dump() | own
        return Rework(**both)
    except (ValueError, ValidationError) as problem:
        log.warning("a repository's rules are not understood", repo=repo_id, reason=str(problem))
        return general.model_copy(update={"auto_merge": False})
