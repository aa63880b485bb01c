"""Reviews of pull requests, their comments on lines, and our answers in those threads."""

from collections.abc import Callable
from typing import Any

from bot.core.facts import Account, LineComment, Review
from bot.forge import decode
from bot.forge.api import PAGE, Api, RepoRef


class Reviews:
    """Read without pyforgejo, which fails on the ``null`` that Forgejo sends for an empty list."""

    def __init__(self, api: Api, me: Callable[[], Account]) -> None:
        self._api = api
        self._me = me

    def of_pull(self, repo: RepoRef, number: int) -> list[Review]:
        """Submitted reviews, oldest first."""

        def read(page: int) -> list[Any] | None:
            return self._get(repo, f"read the reviews of {number}", f"/pulls/{number}/reviews", page)

        found = (decode.review(x) for x in self._api.pages(read))
        return sorted((x for x in found if x is not None), key=lambda x: x.id)

    def comments(self, repo: RepoRef, number: int, review_id: int) -> list[LineComment]:
        """A review's comments on lines; no webhook tells of them (Forgejo 15)."""
        found = self._get(repo, f"read a review of {number}", f"/pulls/{number}/reviews/{review_id}/comments", 1)
        return [decode.line_comment(x) for x in found or []]

    def answer(self, repo: RepoRef, number: int, review_id: int, marker: str, body: str) -> int:
        """Answers each thread of a review once; returns how many answers were new.

        What is on the same line of the same file is one thread to the forge. Ours are known by ``marker`` at the end.
        """
        known = self.comments(repo, number, review_id)
        ours = {(c.path, c.line) for c in known if c.author.id == self._me().id and c.body.rstrip().endswith(marker)}
        threads = dict.fromkeys((c.path, c.line) for c in known if c.line and c.author.id != self._me().id)
        new = [thread for thread in threads if thread not in ours]
        for path, line in new:
            self._api.raw_in(
                repo,
                f"answer a review of {number}",
                "POST",
                f"/pulls/{number}/reviews/{review_id}/comments",
                write=True,
                json={"path": path, "new_position": line, "body": f"{body}\n\n{marker}"},
            )
        return len(new)

    def _get(self, repo: RepoRef, what: str, path: str, page: int) -> list[Any] | None:
        params = {"page": page, "limit": PAGE}
        found: list[Any] | None = self._api.raw_in(repo, what, "GET", path, params=params)
        return found
