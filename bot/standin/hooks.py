"""Webhooks as they are set up: which events they want, and the request each event becomes.

Read in Forgejo 15.0 `services/webhook/shared/payloader.go` and `routers/api/v1/utils/hook.go`, and recorded.
"""

import hashlib
import hmac
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Final
from urllib.parse import urlencode, urlsplit

from bot.standin.answers import Json, Refusal, go_json
from bot.standin.deliveries import Delivery

#: X-Forgejo-Event, the coarse name, where it differs from X-Forgejo-Event-Type.
COARSE: Final = {
    "issue_assign": "issues",
    "issue_label": "issues",
    "issue_milestone": "issues",
    "pull_request_assign": "pull_request",
    "pull_request_label": "pull_request",
    "pull_request_milestone": "pull_request",
    "pull_request_sync": "pull_request",
    "pull_request_review_request": "pull_request",
    "pull_request_comment": "issue_comment",
    "pull_request_review_approved": "pull_request_approved",
    "pull_request_review_rejected": "pull_request_rejected",
    "pull_request_review_comment": "pull_request_comment",
}

_ISSUES: Final = ("issues", "issue_assign", "issue_label", "issue_milestone", "issue_comment")
_PULLS: Final = (
    "pull_request",
    "pull_request_assign",
    "pull_request_label",
    "pull_request_milestone",
    "pull_request_comment",
    "pull_request_review_approved",
    "pull_request_review_rejected",
    "pull_request_review_comment",
    "pull_request_sync",
    "pull_request_review_request",
)

#: What one name in a hook's `events` switches on. Names not here are dropped without a word.
MEANS: Final[Mapping[str, Sequence[str]]] = {
    "create": ("create",),
    "delete": ("delete",),
    "fork": ("fork",),
    "push": ("push",),
    "issues": _ISSUES,
    "issues_only": ("issues",),
    "issue_assign": ("issue_assign",),
    "issue_label": ("issue_label",),
    "issue_milestone": ("issue_milestone",),
    "issue_comment": ("issue_comment",),
    "pull_request": _PULLS,
    "pull_request_only": ("pull_request",),
    "pull_request_assign": ("pull_request_assign",),
    "pull_request_label": ("pull_request_label",),
    "pull_request_milestone": ("pull_request_milestone",),
    # A review that only comments goes by this switch too, not by `pull_request_review`.
    "pull_request_comment": ("pull_request_comment", "pull_request_review_comment"),
    "pull_request_review": ("pull_request_review_approved", "pull_request_review_rejected"),
    "pull_request_sync": ("pull_request_sync",),
    "pull_request_review_request": ("pull_request_review_request",),
    "wiki": ("wiki",),
    "repository": ("repository",),
    "release": ("release",),
    "action_run_failure": ("action_run_failure",),
    "action_run_recover": ("action_run_recover",),
    "action_run_success": ("action_run_success",),
}

#: The order in which Forgejo lists a hook's events.
_LISTED: Final = ("create", "delete", "fork", "push", *_ISSUES, *_PULLS, "wiki", "repository", "release")


@dataclass(eq=False)
class Hook:
    """A webhook of a repository. ``events`` are precise event types."""

    id: int
    url: str
    created: float
    updated: float
    secret: str = ""
    content_type: str = "json"
    kind: str = "forgejo"
    events: frozenset[str] = frozenset({"push"})
    branch_filter: str = ""
    authorization: str = ""
    active: bool = False

    def wants(self, event_type: str, ref: str = "") -> bool:
        """True when this hook is to hear of such an event (on that branch)."""
        short = ref.removeprefix("refs/heads/")
        on_branch = not (ref and self.branch_filter) or fnmatchcase(short, self.branch_filter)
        return self.active and event_type in self.events and on_branch

    def listed_events(self) -> list[str]:
        """The events in Forgejo's order."""
        known = [name for name in _LISTED if name in self.events]
        return known + sorted(self.events.difference(known))


def meaning(events: Iterable[str]) -> frozenset[str]:
    """Event types that a hook's `events` stand for; none at all means push."""
    names = list(events)
    return frozenset(kind for name in names or ["push"] for kind in MEANS.get(name, ()))


def checked_url(url: str) -> str:
    """``url`` if Forgejo would take it for a hook, otherwise its refusal."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.netloc:
        raise Refusal(422, "Invalid url")
    return url


def deliveries_for(
    hooks: Iterable[Hook], event_type: str, payload: Mapping[str, Json], ref: str = ""
) -> Iterator[Delivery]:
    """One delivery for each hook that wants the event, with bytes that no longer change."""
    for hook in hooks:
        if hook.wants(event_type, ref):
            yield delivery(hook, event_type, payload)


def delivery(hook: Hook, event_type: str, payload: Mapping[str, Json]) -> Delivery:
    """The request that tells ``hook`` of an event, whether it asked for it or not (test deliveries)."""
    if hook.kind == "gitea" and event_type in ("create", "delete"):
        # Only this older type shortens the ref, and it writes without indentation (15.0, seen).
        short = str(payload["ref"]).removeprefix("refs/heads/").removeprefix("refs/tags/")
        said = go_json(dict(sorted({**payload, "ref": short}.items())))
    else:
        said = go_json(payload, indent=2)
    form = hook.content_type == "form"
    event = COARSE.get(event_type, event_type)
    sha256 = _signature(hook.secret, said, "sha256")
    headers = {"Content-Type": "application/x-www-form-urlencoded" if form else "application/json"}
    for brand in ("Forgejo", "GitHub", "Gitea", "Gogs"):
        headers[f"X-{brand}-Event"] = event
        headers[f"X-{brand}-Event-Type"] = event_type
        if brand != "GitHub":
            headers[f"X-{brand}-Signature"] = sha256
    headers["X-Hub-Signature"] = "sha1=" + _signature(hook.secret, said, "sha1")
    headers["X-Hub-Signature-256"] = "sha256=" + sha256
    if hook.authorization:
        headers["Authorization"] = hook.authorization
    body = urlencode({"payload": said.decode()}).encode() if form else said
    return Delivery(hook.id, hook.url, event, event_type, headers, body, said)


def _signature(secret: str, said: bytes, digest: str) -> str:
    """Hex HMAC over the JSON (also when a form carries it); empty without a secret."""
    return hmac.new(secret.encode(), said, digest).hexdigest() if secret else ""


def signature_is_right(secret: str, said: bytes, given: str) -> bool:
    """True when ``given`` is what Forgejo sends as X-Forgejo-Signature for ``said``."""
    return hmac.compare_digest(hmac.new(secret.encode(), said, hashlib.sha256).hexdigest(), given)
