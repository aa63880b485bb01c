"""Repository objects and what belongs to a repository: labels, hooks, protections."""

from typing import TYPE_CHECKING

from bot.standin.answers import Json
from bot.standin.hooks import Hook
from bot.standin.labels import Label
from bot.standin.people import Person, Right
from bot.standin.render.people import EPOCH, NEVER, user, when
from bot.standin.statuses import Protection

if TYPE_CHECKING:
    from bot.standin.repositories import Repository

#: What Forgejo says about a fresh repository and the stand-in never changes.
_SETTINGS: dict[str, Json] = {
    "has_issues": True,
    "internal_tracker": {
        "enable_time_tracker": True,
        "allow_only_contributors_to_track_time": True,
        "enable_issue_dependencies": True,
    },
    "has_wiki": True,
    "has_wiki_contents": False,
    "wiki_branch": "main",
}
_MORE_SETTINGS: dict[str, Json] = {
    "globally_editable_wiki": False,
    "has_pull_requests": True,
    "has_projects": True,
    "has_releases": True,
    "has_packages": True,
    "has_actions": True,
    "ignore_whitespace_conflicts": False,
    "allow_merge_commits": True,
    "allow_rebase": True,
    "allow_rebase_explicit": True,
    "allow_squash_merge": True,
    "allow_fast_forward_only_merge": True,
    "allow_rebase_update": True,
    "default_delete_branch_after_merge": False,
    "default_merge_style": "merge",
    "default_allow_maintainer_edit": False,
    "default_update_style": "merge",
    "avatar_url": "",
    "internal": False,
    "mirror_interval": "",
    "object_format_name": "sha1",
    "mirror_updated": NEVER,
    "repo_transfer": None,
    "topics": [],
}


def permissions(right: Right) -> dict[str, bool]:
    """The three flags of a repository object."""
    return {"admin": right >= Right.ADMIN, "push": right >= Right.WRITE, "pull": right >= Right.READ}


def repository(repo: "Repository", right: Right, viewer: Person | None = None) -> dict[str, Json]:
    """A repository with the flags of somebody who has ``right`` in it."""
    html = f"{repo.forge.url}/{repo.full_name}"
    api = f"{repo.forge.url}/api/v1/repos/{repo.full_name}"
    still_open = [issue for issue in repo.issues.values() if issue.state == "open"]
    return {
        "id": repo.id,
        "owner": user(repo.forge, repo.owner, viewer),
        "name": repo.name,
        "full_name": repo.full_name,
        "description": repo.description,
        "empty": repo.empty,
        "private": repo.private,
        "fork": False,
        "template": False,
        "parent": None,
        "mirror": False,
        "size": 24,
        "language": "",
        "languages_url": f"{api}/languages",
        "html_url": html,
        "url": api,
        "link": "",
        "ssh_url": f"ssh://git@127.0.0.1/{repo.full_name}.git",
        "clone_url": f"{html}.git",
        "original_url": "",
        "website": "",
        "stars_count": 0,
        "forks_count": 0,
        "watchers_count": 1,
        "open_issues_count": sum(not issue.is_pull for issue in still_open),
        "open_pr_counter": sum(issue.is_pull for issue in still_open),
        "release_counter": 0,
        "default_branch": repo.default_branch,
        "archived": repo.archived,
        "created_at": when(repo.created),
        "updated_at": when(repo.updated),
        "archived_at": when(repo.updated) if repo.archived else EPOCH,
        "permissions": permissions(right),
        **_SETTINGS,
        "wiki_ssh_url": f"ssh://git@127.0.0.1/{repo.full_name}.wiki.git",
        "wiki_clone_url": f"{html}.wiki.git",
        **_MORE_SETTINGS,
    }


def label(repo: "Repository", made: Label) -> dict[str, Json]:
    """A label of a repository, or one of its organisation's that is on an issue there."""
    owner = f"repos/{repo.full_name}" if made in repo.labels else f"orgs/{repo.owner.login}"
    return label_at(f"{repo.forge.url}/api/v1/{owner}", made)


def label_at(place: str, made: Label) -> dict[str, Json]:
    """A label; ``place`` is the address of what it belongs to."""
    return {
        "id": made.id,
        "name": made.name,
        "exclusive": made.exclusive,
        "is_archived": made.is_archived,
        "color": made.color,
        "description": made.description,
        "url": f"{place}/labels/{made.id}",
    }


def hook(made: Hook) -> dict[str, Json]:
    """A webhook: never its secret, but its Authorization header in clear."""
    return {
        "id": made.id,
        "type": made.kind,
        "branch_filter": made.branch_filter,
        "url": made.url,
        "config": {"content_type": made.content_type, "url": made.url},
        "events": made.listed_events(),
        "authorization_header": made.authorization,
        "content_type": made.content_type,
        "metadata": None,
        "active": made.active,
        "updated_at": when(made.updated),
        "created_at": when(made.created),
    }


def protection(rule: Protection) -> dict[str, Json]:
    """A branch protection."""
    return {
        "branch_name": rule.rule_name,
        "rule_name": rule.rule_name,
        "enable_push": rule.enable_push,
        "enable_push_whitelist": False,
        "push_whitelist_usernames": [],
        "push_whitelist_teams": [],
        "push_whitelist_deploy_keys": False,
        "enable_merge_whitelist": False,
        "merge_whitelist_usernames": [],
        "merge_whitelist_teams": [],
        "enable_status_check": rule.enable_status_check,
        "status_check_contexts": list(rule.status_check_contexts),
        "required_approvals": rule.required_approvals,
        "enable_approvals_whitelist": False,
        "approvals_whitelist_username": [],
        "approvals_whitelist_teams": [],
        "block_on_rejected_reviews": False,
        "block_on_official_review_requests": False,
        "block_on_outdated_branch": False,
        "dismiss_stale_approvals": False,
        "ignore_stale_approvals": False,
        "require_signed_commits": False,
        "protected_file_patterns": "",
        "unprotected_file_patterns": "",
        "apply_to_admins": rule.apply_to_admins,
        "created_at": when(rule.created),
        "updated_at": when(rule.created),
    }
