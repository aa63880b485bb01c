"""Repositories: what they are, who may what, labels, hooks."""

import contextlib
import fnmatch
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from bot.core.errors import Refused
from bot.core.facts import Account, Hook, Repository, Right
from bot.forge import decode
from bot.forge.api import PAGE, Api, Missing, RepoRef, quoted

#: `issues` covers labels, assignees, milestones, comments; `pull_request` covers reviews, pushes, comments.
HOOK_EVENTS: Final = ("issues", "pull_request", "push", "action_run_success", "action_run_failure")


@dataclass(frozen=True)
class Label:
    """``color`` rrggbb; ``exclusive`` works within the scope before the last ``/`` of the name."""

    id: int
    name: str
    color: str
    description: str
    exclusive: bool


class Repos:
    def __init__(self, api: Api) -> None:
        self._api = api
        self._client = api.client.repository

    def named(self, full_name: str) -> Repository:
        """Follows a rename. Raises Missing."""
        return self._api.within(
            RepoRef(0, full_name),
            lambda o, r: decode.repository(self._api.call(f"read {full_name}", self._client.repo_get, o, r)),
        )

    def by_id(self, repo_id: int) -> Repository:
        """As it is now, whatever name it had. Raises Missing."""
        found = decode.repository(self._api.call(f"read repository {repo_id}", self._client.repo_get_by_id, repo_id))
        self._api.named(found.id, found.full_name)
        return found

    def is_public(self, repo_id: int) -> bool:
        """Whether the forge shows this repository to people who are not signed in. Raises Unavailable."""
        status, _ = self._api.page("look at a repository as a stranger", "GET", f"/api/v1/repositories/{repo_id}")
        return status == 200

    def right_of(self, repo: RepoRef, person: Account) -> Right:
        """What ``person`` may do, as the forge says now; UNKNOWN when it will not tell this token (403).

        Accounts without a row of their own (Ghost, the Actions user: ids below 0) have no right.
        """
        if person.id <= 0:
            return Right.NONE
        try:
            found = self._api.within(
                repo,
                lambda o, r: self._api.call(
                    f"read the rights of {person.login}",
                    self._client.repo_get_repo_permissions,
                    o,
                    r,
                    quoted(person.login),
                ),
            )
        except Missing:
            return Right.NONE
        except Refused as refusal:
            if refusal.status == 403:
                return Right.UNKNOWN
            raise
        asked = decode.account(found.get("user"))
        if asked.id != person.id:  # the name belongs to somebody else by now
            return Right.NONE
        return decode.right(found.get("permission"))

    def people_with(self, repo: RepoRef, right: Right, most: int = 10) -> list[str]:
        """Logins of collaborators and the owner who have at least ``right``; looks at no more than ``most``.

        Empty where the forge does not tell.
        """
        try:
            found = self._api.raw_in(
                repo, "list collaborators", "GET", "/collaborators", params={"page": 1, "limit": most}
            )
        except Refused:
            return []
        listed = [decode.account(x) for x in found or [] if x]
        wanted = {Right.WRITE: (Right.WRITE, Right.ADMIN)}.get(right, (right,))
        able = [x.login for x in listed if self.right_of(repo, x) in wanted]
        owner = repo.full_name.partition("/")[0]
        return sorted({owner, *able}, key=str.lower)

    def labels(self, repo: RepoRef) -> list[Label]:
        """The repository's own labels; names are not unique on a Forgejo."""
        client = self._api.client.issue
        return self._api.within(
            repo,
            lambda o, r: [
                Label(x["id"], x["name"], x["color"], x["description"] or "", bool(x["exclusive"]))
                for x in self._api.pages(
                    lambda page: self._api.call("list labels", client.list_labels, o, r, page=page, limit=PAGE)
                )
            ],
        )

    def make_label(self, repo: RepoRef, name: str, color: str, description: str, *, exclusive: bool) -> None:
        """Not idempotent on the forge (twice = two labels): list first."""
        make = self._api.client.issue.create_label
        self._api.within(
            repo,
            lambda o, r: self._api.call(
                f"make the label {name}",
                make,
                o,
                r,
                write=True,
                name=name,
                color=f"#{color}",
                description=description,
                exclusive=exclusive,
            ),
        )

    def edit_label(self, repo: RepoRef, label_id: int, *, exclusive: bool) -> None:
        edit = self._api.client.issue.edit_label
        self._api.within(
            repo, lambda o, r: self._api.call("edit a label", edit, o, r, label_id, write=True, exclusive=exclusive)
        )

    def try_labelling(self, repo: RepoRef) -> None:
        """Raises the Refused that a change of a label would meet; changes nothing, as no label has the number 0."""
        with contextlib.suppress(Missing):
            self._api.raw_in(repo, "change labels", "DELETE", "/labels/0", write=True)

    def hooks(self, repo: RepoRef) -> list[Hook]:
        """Needs repository admin (403 otherwise)."""
        return self._api.within(
            repo,
            lambda o, r: [
                decode.hook(x)
                for x in self._api.pages(
                    lambda page: self._api.call("list hooks", self._client.repo_list_hooks, o, r, page=page, limit=PAGE)
                )
            ],
        )

    def make_hook(self, repo: RepoRef, url: str, secret: str, events: Sequence[str] = HOOK_EVENTS) -> Hook:
        """Type forgejo, JSON, active (the API's default is inactive, and no events = push only)."""
        config = {"url": url, "content_type": "json", "secret": secret}
        return self._api.within(
            repo,
            lambda o, r: decode.hook(
                self._api.call(
                    "make the webhook",
                    self._client.repo_create_hook,
                    o,
                    r,
                    write=True,
                    type="forgejo",
                    config=config,
                    events=list(events),
                    active=True,
                )
            ),
        )

    def delete_hook(self, repo: RepoRef, hook_id: int) -> None:
        self._api.within(
            repo,
            lambda o, r: self._api.call("delete a webhook", self._client.repo_delete_hook, o, r, hook_id, write=True),
        )

    def test_hook(self, repo: RepoRef, hook_id: int) -> None:
        """Makes the forge deliver a fake push; Missing for an empty repository."""
        self._api.within(
            repo,
            lambda o, r: self._api.call("test the webhook", self._client.repo_test_hook, o, r, hook_id, write=True),
        )

    def required_contexts(self, repo: RepoRef, branch: str) -> tuple[str, ...] | None:
        """The contexts (globs) that a protection of ``branch`` waits for; None when it cannot be read."""
        try:
            found = self._api.within(
                repo,
                lambda o, r: self._api.call("read branch protections", self._client.repo_list_branch_protection, o, r),
            )
        except Refused:
            return None
        covering = [
            rule
            for rule in found
            if rule.get("enable_status_check")
            and fnmatch.fnmatchcase(branch, rule.get("rule_name") or rule.get("branch_name") or "")
        ]
        return tuple(dict.fromkeys(str(g) for rule in covering for g in rule.get("status_check_contexts") or ()))

    def requires(self, repo: RepoRef, branch: str, context: str) -> bool:
        """Whether a protection of ``branch`` waits for the commit status ``context``; True when it cannot be read."""
        found = self.required_contexts(repo, branch)
        return found is None or any(fnmatch.fnmatchcase(context, glob) for glob in found)

    def put_status(self, repo: RepoRef, sha: str, *, context: str, state: str, description: str, url: str) -> None:
        """Twice = two lines in the history, the newest counts; posted to the base repository."""
        self._api.within(
            repo,
            lambda o, r: self._api.call(
                "set a commit status",
                self._client.repo_create_status,
                o,
                r,
                quoted(sha),
                write=True,
                context=context,
                state=state,
                description=description,
                target_url=url,
            ),
        )

    def statuses(self, repo: RepoRef, sha: str) -> dict[str, tuple[str, str]]:
        """The newest (state, description) by context."""
        found = self._api.raw_in(
            repo, "read commit statuses", "GET", f"/commits/{quoted(sha)}/status", params={"page": 1, "limit": PAGE}
        )
        return {x["context"]: (x["status"], x["description"]) for x in found.get("statuses") or []}
