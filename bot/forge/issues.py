"""Issues: reading them and their history, their labels and our comments on them."""

import contextlib
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any, Final

from bot.core.errors import Refused
from bot.core.facts import Account, Blocker, Comment, Issue, LabelEntry
from bot.forge import decode
from bot.forge.api import PAGE, Api, Missing, RepoRef, quoted

#: How an assignment of the bot is told: it asks for any agent, as the label of that name does.
ASSIGNED: Final = "agent:any"


class Issues:
    """``me`` tells the bot's own account: only its comments count as ours."""

    def __init__(self, api: Api, me: Callable[[], Account]) -> None:
        self._api = api
        self._client = api.client.issue
        self._me = me

    def get(self, repo: RepoRef, number: int) -> Issue:
        """Raises Missing when it is gone."""
        data = self._api.within(
            repo, lambda o, r: self._api.call(f"read issue {number}", self._client.get_issue, o, r, number)
        )
        return decode.issue(data, repo.id)

    def changed_since(self, repo: RepoRef, since: float) -> Iterator[Issue]:
        """Issues and pull requests changed at or after ``since``, least recently changed first.

        Labels are not filtered by the forge: a label it does not know there would give every issue (Forgejo 15).
        """
        when = datetime.fromtimestamp(since, UTC)

        def read(page: int) -> Any:
            return self._api.within(
                repo,
                lambda o, r: self._api.call(
                    "list changed issues",
                    self._client.list_issues,
                    o,
                    r,
                    state="all",
                    sort="leastupdate",
                    since=when,
                    page=page,
                    limit=PAGE,
                ),
            )

        return (decode.issue(x, repo.id) for x in self._api.pages(read))

    def open(self, repo: RepoRef, title: str, body: str) -> Issue:
        data = self._api.within(
            repo,
            lambda o, r: self._api.call(
                "open an issue", self._client.create_issue, o, r, write=True, title=title, body=body
            ),
        )
        return decode.issue(data, repo.id)

    def label_entries(self, repo: RepoRef, number: int) -> list[LabelEntry]:
        """Who put on or took off which label, or assigned the bot (as the label ASSIGNED), oldest first.

        Read without pyforgejo, which fails on the ``null`` that Forgejo sends for an empty list or element.
        """
        entries: list[LabelEntry] = []
        page = 1
        while True:
            found = self._timeline_page(repo, number, page)
            entries += [decode.label_entry(x) for x in found if x and x.get("type") == "label" and x.get("label")]
            entries += [decode.assignment(x, ASSIGNED) for x in found if x and self._assigns_me(x)]
            if len(found) < PAGE:
                return sorted(entries, key=lambda x: x.id)
            page += 1

    def _assigns_me(self, line: Any) -> bool:
        return line.get("type") == "assignees" and decode.account(line.get("assignee")).id == self._me().id

    def set_state_label(self, repo: RepoRef, number: int, name: str) -> None:
        """Puts one label of an exclusive scope on; the forge takes the others of the scope off in the same step.

        An unknown name is silently ignored by the forge: the label must exist. Writes nothing when it is right.
        """
        scope = name.rpartition("/")[0] + "/"
        current = {x for x in self.get(repo, number).labels if x.startswith(scope)}
        if current == {name}:
            return
        self.add_label(repo, number, name)

    def add_label(self, repo: RepoRef, number: int, name: str) -> None:
        """Raises Missing when no label of that name exists in the repository."""
        after = self._api.within(
            repo,
            lambda o, r: self._api.call(
                f"label issue {number}", self._client.add_label, o, r, number, write=True, labels=[name]
            ),
        )
        if name not in {x["name"] for x in after}:
            raise Missing(f"The label {name} does not exist in {repo.full_name}.", "", 404, "no_label")

    def remove_label(self, repo: RepoRef, number: int, name: str) -> None:
        """Gone is gone: no error when it was not there."""
        try:
            self._api.within(
                repo,
                lambda o, r: self._api.call(
                    f"take a label off issue {number}",
                    self._client.remove_label,
                    o,
                    r,
                    number,
                    quoted(name),
                    write=True,
                ),
            )
        except Refused as refusal:
            if refusal.status not in (404, 422):
                raise

    def comments_changed_since(self, repo: RepoRef, since: float) -> Iterator[Comment]:
        """Comments of the whole repository written or edited at or after ``since``, oldest first."""
        when = datetime.fromtimestamp(since, UTC).isoformat().replace("+00:00", "Z")

        def read(page: int) -> Any:
            return self._api.raw_in(
                repo,
                "list changed comments",
                "GET",
                "/issues/comments",
                params={"since": when, "page": page, "limit": PAGE},
            )

        return (decode.comment(x) for x in self._api.pages(read) if x)

    def blockers(self, repo: RepoRef, number: int) -> list[Blocker]:
        """The issues that this one waits for; none where the repository has dependencies switched off."""
        try:
            found = self._api.raw_in(
                repo,
                f"read what issue {number} waits for",
                "GET",
                f"/issues/{number}/dependencies",
                params={"page": 1, "limit": PAGE},
            )
        except Missing:
            return []
        return [decode.blocker(x) for x in found or [] if x]

    def react(self, repo: RepoRef, number: int, comment_id: int, content: str) -> None:
        """Puts an emoji on a comment, or (``comment_id`` 0) on the issue; twice is once.

        Raises Refused (403) where the forge does not allow this one.
        """
        path = f"comments/{comment_id}" if comment_id else str(number)
        self._api.raw_in(repo, "react", "POST", f"/issues/{path}/reactions", write=True, json={"content": content})

    def find_ours(self, repo: RepoRef, number: int, marker: str) -> Comment | None:
        """Our newest comment that ends with ``marker``; somebody else's with the same text does not count."""
        found = self._api.within(
            repo, lambda o, r: self._api.call("list comments", self._client.get_comments, o, r, number)
        )
        ours = [
            c
            for x in found or []
            if (c := decode.comment(x)).author.id == self._me().id and c.body.rstrip().endswith(marker)
        ]
        return ours[-1] if ours else None

    def put_comment(self, repo: RepoRef, number: int, marker: str, body: str, known_id: int = 0) -> Comment:
        """Edits our comment that carries ``marker``, or writes it; asked twice, there is still one.

        ``known_id``: where it was the last time; it is looked for when that is gone or 0.
        """
        if known_id:
            with contextlib.suppress(Missing):  # deleted by somebody: write it again
                return self._edit(repo, known_id, body)
        found = self.find_ours(repo, number, marker)
        if found is None:
            return self._create(repo, number, body)
        return found if found.body == body else self._edit(repo, found.id, body)

    def attach(self, repo: RepoRef, number: int, name: str, content: bytes) -> str:
        """Puts a file at an issue, unless it has one of that name and size; returns its address.

        Who comes second finds the first one's: the forge itself would keep both. Forgejo tells of it by an ``edited``
        that changed nothing.
        """
        data = self._api.within(
            repo, lambda o, r: self._api.call(f"read issue {number}", self._client.get_issue, o, r, number)
        )
        for asset in data.get("assets") or []:
            if asset and asset.get("name") == name and asset.get("size") == len(content):
                return str(asset.get("browser_download_url") or "")
        made = self._api.within(
            repo,
            lambda o, r: self._api.call(
                f"attach a file to issue {number}",
                self._client.create_issue_attachment,
                o,
                r,
                number,
                write=True,
                attachment=(name, content),
                name=name,
            ),
        )
        return str(made.get("browser_download_url") or "")

    def track_time(self, repo: RepoRef, number: int, secs: int, at: int) -> bool:
        """Writes that the bot spent ``secs`` there until ``at`` (whole seconds), unless that is written already.

        False where the repository does not track time. The forge keeps every entry that it is sent: one is known
        again by its account, its moment and its length. Raises Refused when the bot may not.
        """
        path = f"/issues/{number}/times"
        when = datetime.fromtimestamp(at, UTC).isoformat().replace("+00:00", "Z")

        def read(page: int) -> Any:
            options = {"since": when, "page": page, "limit": PAGE}
            return self._api.raw_in(repo, "read tracked times", "GET", path, params=options)

        me = self._me().login
        try:
            for one in self._api.pages(read):
                mine = one.get("user_name") == me and one.get("time") == secs
                if mine and decode.moment(one.get("created")) == at:
                    return True
        except Missing:
            return False
        said = {"time": secs, "created": when}
        self._api.raw_in(repo, "track time", "POST", path, write=True, json=said)
        return True

    def _create(self, repo: RepoRef, number: int, body: str) -> Comment:
        data = self._api.within(
            repo,
            lambda o, r: self._api.call(
                f"comment on issue {number}", self._client.create_comment, o, r, number, write=True, body=body
            ),
        )
        return decode.comment(data)

    def _edit(self, repo: RepoRef, comment_id: int, body: str) -> Comment:
        data = self._api.within(
            repo,
            lambda o, r: self._api.call(
                "edit a comment", self._client.edit_comment, o, r, comment_id, write=True, body=body
            ),
        )
        return decode.comment(data)

    def _timeline_page(self, repo: RepoRef, number: int, page: int) -> list[Any]:
        found = self._api.raw_in(
            repo,
            f"read the history of issue {number}",
            "GET",
            f"/issues/{number}/timeline",
            params={"page": page, "limit": PAGE},
        )
        return list(found or [])
