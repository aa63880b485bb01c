"""Organisations: labels and webhooks that count for all their repositories. What is changed needs an owner."""

from collections.abc import Sequence

from bot.core.facts import Hook, Repository
from bot.forge import decode
from bot.forge.api import PAGE, Api, quoted
from bot.forge.repos import HOOK_EVENTS, Label


class Organizations:
    """All raise Missing for one that is not there (or is a person), 403 where an owner is needed."""

    def __init__(self, api: Api) -> None:
        self._api = api
        self._client = api.client.organization

    def repositories(self, org: str) -> list[Repository]:
        """Those that the bot may see."""
        read = self._client.org_list_repos
        return [
            decode.repository(x)
            for x in self._api.pages(
                lambda page: self._api.call(f"list repositories of {org}", read, quoted(org), page=page, limit=PAGE)
            )
        ]

    def labels(self, org: str) -> list[Label]:
        read = self._client.org_list_labels
        return [
            Label(x["id"], x["name"], x["color"], x["description"] or "", bool(x["exclusive"]))
            for x in self._api.pages(
                lambda page: self._api.call(f"list labels of {org}", read, quoted(org), page=page, limit=PAGE)
            )
        ]

    def make_label(self, org: str, name: str, color: str, description: str, *, exclusive: bool) -> None:
        """Not idempotent on the forge (twice = two labels): list first."""
        self._api.call(
            f"make the label {name} of {org}",
            self._client.org_create_label,
            quoted(org),
            write=True,
            name=name,
            color=f"#{color}",
            description=description,
            exclusive=exclusive,
        )

    def edit_label(self, org: str, label_id: int, *, exclusive: bool) -> None:
        edit = self._client.org_edit_label
        self._api.call(f"edit a label of {org}", edit, quoted(org), label_id, write=True, exclusive=exclusive)

    def hooks(self, org: str) -> list[Hook]:
        read = self._client.org_list_hooks
        return [
            decode.hook(x)
            for x in self._api.pages(
                lambda page: self._api.call(f"list hooks of {org}", read, quoted(org), page=page, limit=PAGE)
            )
        ]

    def make_hook(self, org: str, url: str, secret: str, events: Sequence[str] = HOOK_EVENTS) -> Hook:
        """Type forgejo, JSON, active."""
        return decode.hook(
            self._api.call(
                f"make the webhook of {org}",
                self._client.org_create_hook,
                quoted(org),
                write=True,
                type="forgejo",
                config={"url": url, "content_type": "json", "secret": secret},
                events=list(events),
                active=True,
            )
        )

    def delete_hook(self, org: str, hook_id: int) -> None:
        delete = self._client.org_delete_hook
        self._api.call(f"delete a webhook of {org}", delete, quoted(org), hook_id, write=True)
