"""Pull requests."""

import contextlib
from typing import Any

from bot.core import feedback_text as text
from bot.core.errors import Refused
from bot.core.facts import PullRequest
from bot.forge import decode
from bot.forge.api import Api, Missing, RepoRef, quoted


class Pulls:
    def __init__(self, api: Api) -> None:
        self._api = api
        self._client = api.client.repository

    def get(self, repo: RepoRef, number: int) -> PullRequest:
        data = self._api.within(
            repo,
            lambda o, r: self._api.call(
                f"read pull request {number}", self._client.repo_get_pull_request, o, r, number
            ),
        )
        return decode.pull_request(data)

    def of_branch(self, repo: RepoRef, base: str, head: str) -> PullRequest | None:
        """The pull request from ``head`` into ``base``, None when there is none."""
        try:
            data = self._api.within(
                repo,
                lambda o, r: self._api.call(
                    f"look for a pull request of {head}",
                    self._client.repo_get_pull_request_by_base_head,
                    o,
                    r,
                    quoted(base),
                    quoted(head),
                ),
            )
        except Missing:
            return None
        return decode.pull_request(data)

    def open(self, repo: RepoRef, *, head: str, base: str, title: str, body: str) -> PullRequest:
        """The open pull request of ``head`` into ``base``: the one that is there, or a new one.

        Forgejo answers 409 when it exists already, also after a first POST whose answer was lost.
        """
        found = self.of_branch(repo, base, head)
        if found is not None and found.is_open:
            return found
        try:
            return decode.pull_request(self._create(repo, head=head, base=base, title=title, body=body))
        except Refused as refusal:
            if refusal.status != 409:
                raise
            found = self.of_branch(repo, base, head)
            if found is None:
                raise
            return found

    def close(self, repo: RepoRef, number: int) -> None:
        """Closed is closed: no error for one that is merged or closed already."""
        pull = self.get(repo, number)
        if pull.is_open:
            self._api.within(
                repo,
                lambda o, r: self._api.call(
                    f"close pull request {number}",
                    self._client.repo_edit_pull_request,
                    o,
                    r,
                    number,
                    write=True,
                    state="closed",
                ),
            )

    def merge_when_checks_succeed(self, repo: RepoRef, number: int, head_sha: str, style: str) -> None:
        """The forge's own scheduled merge, of this head and no other; done at once when nothing is waited for.

        Scheduled or merged is scheduled or merged: no error. Raises Refused when the forge does not let us, or the
        head is another one by now.
        """
        pull = self.get(repo, number)
        if pull.merged:
            return
        if pull.head_sha != head_sha or not pull.is_open:
            raise Refused(text.head_moved(number), "", 409, "head_moved")
        try:
            self._api.raw_in(
                repo,
                f"have pull request {number} merged",
                "POST",
                f"/pulls/{number}/merge",
                write=True,
                json={"Do": style, "head_commit_id": head_sha, "merge_when_checks_succeed": True},
            )
        except Refused as refusal:
            if refusal.status != 409 or self.get(repo, number).head_sha != head_sha:
                raise

    def cancel_merge(self, repo: RepoRef, number: int) -> None:
        """Takes a scheduled merge back: the forge would merge whatever the head is by then. None is no error."""
        with contextlib.suppress(Missing):
            self._api.raw_in(
                repo, f"have pull request {number} not merged", "DELETE", f"/pulls/{number}/merge", write=True
            )

    def _create(self, repo: RepoRef, *, head: str, base: str, title: str, body: str) -> Any:
        return self._api.within(
            repo,
            lambda o, r: self._api.call(
                "open a pull request",
                self._client.repo_create_pull_request,
                o,
                r,
                write=True,
                head=head,
                base=base,
                title=title,
                body=body,
            ),
        )
