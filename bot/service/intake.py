"""A webhook's way in: verified, stored, acknowledged; and later, out of the request, dealt with."""

from collections.abc import Callable, Mapping

import structlog

from bot import tracing
from bot.core.errors import Unavailable
from bot.core.retry import RetryPolicy, backoff
from bot.core.states import State
from bot.service import hearing, issues, missed, pulls, repo_files
from bot.service.fleet import Fleet
from bot.store import forge_facts, inbox, tasks
from bot.store.inbox import Delivery
from bot.webhooks import decode, read, verify
from bot.webhooks.hints import ChecksHint, Hint, IssueHint, PullHint, PushHint, Words

log = structlog.get_logger(__name__)

_AGAIN = RetryPolicy(backoff_secs=5, backoff_max_secs=300)
#: A delivery that makes our own code fail is looked at this often before it is put aside for a person.
_MAX_BUGS = 5


def receive(fleet: Fleet, headers: Mapping[str, str], body: bytes) -> tuple[int, bool]:
    """Checks the signature and stores the delivery; returns (its id, whether it is new).

    Raises Refused (403) before anything is read or stored, Unavailable when the database cannot be written.
    """
    forgejo = fleet.settings.forgejo
    secrets = [forgejo.webhook_secret.get_secret_value(), forgejo.webhook_secret_previous.get_secret_value()]
    signed = verify.check(headers, body, secrets)
    with tracing.span("webhook", signed.delivery, event=signed.event_type):
        return fleet.store.write(
            lambda sql: inbox.put(sql, signed.delivery, signed.event_type, signed.body, fleet.clock()), shared=True
        )


def work_off(fleet: Fleet, limit: int = 50, go_on: Callable[[], bool] = lambda: True) -> int:
    """Deals with deliveries that are due, in order; returns how many there were.

    ``go_on`` is asked before each. Raises Unavailable at the first that the world does not answer: that one is
    kept for later, the rest stays due.
    """
    found = fleet.read(lambda sql: inbox.due(sql, fleet.clock(), limit))
    for delivery in found:
        if not go_on():
            break
        with tracing.span("inbox", delivery.delivery, event=delivery.event_type, tries=delivery.tries):
            _deal_with(fleet, delivery)
    return len(found)


def _deal_with(fleet: Fleet, delivery: Delivery) -> None:
    try:
        payload = decode.payload(delivery.body)
        for hint in read(delivery.event_type, payload) if payload else ():
            follow(fleet, hint)
    except Unavailable as problem:
        at = fleet.clock() + (problem.retry_after or backoff(_AGAIN, delivery.tries + 1, fleet.chance()))
        said = str(problem)
        fleet.store.write(lambda sql: inbox.again(sql, delivery.id, at, said))
        log.info("webhook kept for later", delivery=delivery.delivery, reason=said)
        raise
    except Exception as problem:
        log.exception("webhook could not be dealt with", delivery=delivery.delivery)
        _put_aside(fleet, delivery, repr(problem))
    else:
        fleet.store.write(lambda sql: inbox.done(sql, delivery.id))


def _put_aside(fleet: Fleet, delivery: Delivery, error: str) -> None:
    if delivery.tries + 1 >= _MAX_BUGS:
        fleet.store.write(lambda sql: inbox.dead(sql, delivery.id, error))
        return
    at = fleet.clock() + backoff(_AGAIN, delivery.tries + 1, fleet.chance())
    fleet.store.write(lambda sql: inbox.again(sql, delivery.id, at, error))


def follow(fleet: Fleet, hint: Hint) -> None:
    """Looks where a hint points, unless it certainly has nothing to do with the fleet."""
    match hint:
        case PullHint():
            known = fleet.read(lambda sql: tasks.of_pull_request(sql, hint.repo_id, hint.number, hint.head_branch))
            closed = known is not None and known.state is State.CANCELLED and known.why == "pull_request_closed"
            if hint.new_head if known is None else not hint.is_open or known.state is State.REVIEW or closed:
                pulls.look(fleet, hint.repo_id, hint.number)
        case ChecksHint():
            for task in fleet.read(lambda sql: tasks.in_review_of(sql, hint.repo_id)):
                if task.pushed_sha == hint.sha and task.pull_request:
                    pulls.look(fleet, hint.repo_id, task.pull_request)
        case IssueHint():
            if not hint.is_open:
                missed.look_at_blocked(fleet)
            if _worth_a_look(fleet, hint):
                issues.look(fleet, hint.repo_id, hint.number, text_sha256=hint.text_sha256, text_at=hint.text_at)
        case Words():
            hearing.hear(fleet, hint)
        case PushHint():
            if fleet.read(lambda sql: forge_facts.repo(sql, hint.repo_id)) is not None:
                repo_files.refresh(fleet, hint.repo_id)


def _worth_a_look(fleet: Fleet, hint: IssueHint) -> bool:
    known = fleet.read(lambda sql: tasks.newest_of_issue(sql, hint.repo_id, hint.number))
    seen = fleet.read(lambda sql: forge_facts.issue(sql, hint.repo_id, hint.number))
    halted = seen is not None and issues.HALT in seen.labels
    if not halted and not issues.relevant(hint.labels, known):
        return False
    unchanged = seen is not None and hint.labels is not None and _asks(hint.labels) == _asks(seen.labels)
    ours = hint.sender_id == fleet.forge.me().id
    return not (ours and unchanged and seen is not None and seen.is_open == hint.is_open)


def _asks(labels: frozenset[str]) -> frozenset[str]:
    return frozenset(x for x in labels if not x.startswith("fleet/") or x in (issues.HOLD, issues.HALT))
