"""Telling operators outside of the forge: what is worth telling, and sending it until it is sent.

Apart from the forge's outbox, so that neither waits for the other. A notice about sending notices does not exist: what
cannot be sent shows in `doctor` and the log only, so nothing can go round in circles.
"""

from collections.abc import Callable
from typing import Final

import structlog

from bot import tracing
from bot.core import events as e
from bot.core import notice_text as text
from bot.core.errors import Refused, Unavailable
from bot.core.events import Event
from bot.core.notices import Kind, Notice
from bot.core.reasons import Reason
from bot.core.retry import RetryPolicy, backoff
from bot.core.task import Task
from bot.notify import mail, ntfy, webhook
from bot.notify.message import Message
from bot.service import budgets
from bot.service.fleet import Fleet, Step
from bot.settings.notify import NotifyEntry
from bot.store import Sql, forge_facts, hosts
from bot.store import notices as kept
from bot.store.notices import Pending

logger = structlog.get_logger(__name__)

_AGAIN: Final = RetryPolicy(backoff_secs=15, backoff_max_secs=3600)
#: What could not be sent for so long is not news any more.
_STALE_SECS: Final = 3 * 86_400.0
#: A forge that is silent for less is being restarted.
FORGE_PATIENCE_SECS: Final = 180.0
_FORGE: Final = "forge_silent"
_DAY_SECS: Final = 86_400


def announce(fleet: Fleet, sql: Sql, notice: Notice, now: float) -> None:
    """Asks for it to be sent to everyone who wants it; a second time for the same cause does nothing."""
    for entry in fleet.settings.notify:
        if entry.wants(notice):
            kept.put(sql, entry.name, notice, now)


def of_event(step: Step, after: Task, event: Event) -> None:
    """Within the transaction of the event: what it means for people elsewhere."""
    if not step.fleet.settings.notify:
        return
    match event:
        case e.QuestionAsked():
            where, url = _place(step.sql, after)
            cause = f"question:{after.id}:{event.fence}"
            found = Notice(Kind.QUESTION, cause, text.asks_title(where), text.asks(where, event.until), url, after.id)
        case e.GaveUp(reason=Reason.BUDGET):
            where, url = _place(step.sql, after)
            cause = f"budget:{after.id}:{after.version}"
            found = Notice(Kind.BUDGET, cause, text.over_budget_title(where), text.over_budget(where), url, after.id)
        case e.GaveUp():
            where, url = _place(step.sql, after)
            said = text.failed(where, event.reason, event.fence)
            found = Notice(
                Kind.FAILED, f"failed:{after.id}:{after.version}", text.failed_title(where), said, url, after.id
            )
        case _:
            return
    announce(step.fleet, step.sql, found, step.now)


def begin(fleet: Fleet) -> None:
    """At start: what was seen for a moment before we stopped has not lasted until now, for all we know."""
    fleet.store.write(kept.not_told)


def look(fleet: Fleet) -> None:
    """What lasts rather than happens: hosts that get no work, budgets of the day, a forge that is silent.

    Asked again and again, told once for as long as it lasts, also over restarts.
    """
    if not fleet.settings.notify:
        return
    fleet.step(_hosts)
    fleet.step(_budgets)
    try:
        fleet.forge.version()
    except Unavailable:
        fleet.step(_forge_silent)
    except Refused as refused:  # it answers, if only to say no
        logger.info("the forge refuses to say its version", reason=refused.reason)
        fleet.step(_forge_answers)
    else:
        fleet.step(_forge_answers)


def work_off(fleet: Fleet, limit: int = 50, go_on: Callable[[], bool] = lambda: True) -> int:
    """Sends what is due; returns how much there was. Who does not answer keeps nobody else from being told."""
    due = fleet.read(lambda sql: kept.due(sql, fleet.clock(), limit))
    entries = {entry.name: entry for entry in fleet.settings.notify}
    silent: dict[str, float] = {}
    for one in due:
        if not go_on():
            break
        _deal_with(fleet, entries.get(one.destination), one, silent)
    return len(due)


def send(entry: NotifyEntry, notice_id: str, notice: Notice, made_at: float, now: float) -> str:
    """One try; returns who did not get it, in words, when others did. Raises Unavailable, Refused."""
    message = Message(notice_id, entry.name, notice, made_at)
    secret = entry.read_secret()
    match entry.kind:
        case "webhook":
            webhook.send(entry.url, secret, message, now, entry.ca_file)
        case "ntfy":
            ntfy.send(entry.url, secret, message, entry.ca_file)
        case "email":
            where = (entry.smtp_host, entry.smtp_port, entry.smtp_tls)
            server = mail.MailServer(*where, entry.smtp_user, secret, entry.ca_file)
            without = mail.send(server, entry.sender, entry.to, message)
            return text.some_not_taken(entry.smtp_host, without) if without else ""
    return ""


def a_test(at: float) -> Notice:
    return Notice(Kind.TEST, f"test:{at}", text.test_title(), text.test())


def _deal_with(fleet: Fleet, entry: NotifyEntry | None, one: Pending, silent: dict[str, float]) -> None:
    now = fleet.clock()
    if entry is None or now - one.made_at > _STALE_SECS:
        why = text.too_old() if entry else text.not_configured_any_more()
        logger.warning("a notification was given up", destination=one.destination, reason=why)
        fleet.store.write(lambda sql: kept.dropped(sql, one.id, why))
        return
    later = _not_before(entry, one.notice, now, silent.get(entry.name, now))
    if later > now:
        fleet.store.write(lambda sql: kept.put_off(sql, one.id, later))
        return
    try:
        with tracing.span("notice", one.notice.task_id or one.id, kind=one.notice.kind.value, destination=entry.name):
            without = send(entry, one.id, one.notice, one.made_at, now)
    except Unavailable as problem:
        wait = backoff(_AGAIN, one.tries + 1, fleet.chance())
        silent[entry.name] = fleet.clock() + max(wait, problem.retry_after or 0.0)
        _again(fleet, one, silent[entry.name], str(problem))
    except Refused as problem:  # perhaps of this one only, and perhaps until the settings are mended
        _again(fleet, one, fleet.clock() + backoff(_AGAIN, one.tries + 1, fleet.chance()), problem.reason)
    except Exception as problem:
        logger.exception("a notification could not be sent", destination=entry.name)
        name = type(problem).__name__  # its text may hold what was to be sent with it
        _again(fleet, one, fleet.clock() + _AGAIN.backoff_max_secs, name)
    else:
        if without:
            logger.warning("a notification did not reach everyone", destination=entry.name, reason=without)
        fleet.store.write(lambda sql: kept.sent(sql, one.id, fleet.clock()))


def _again(fleet: Fleet, one: Pending, at: float, error: str) -> None:
    logger.info("a notification is kept for later", destination=one.destination, reason=error)
    fleet.store.write(lambda sql: kept.again(sql, one.id, at, error))


def _not_before(entry: NotifyEntry, notice: Notice, now: float, silent_until: float) -> float:
    quiet = entry.quiet_hours
    return max(silent_until, quiet.until(notice.severity, now) if quiet else now)


def _hosts(step: Step) -> None:
    """Until a host is up again it is one trouble: after a restart of ours it only fails anew."""
    for host in hosts.listed(step.sql):
        name = f"host:{host.host}"
        if host.state == hosts.UP:
            kept.over(step.sql, name)
        elif host.state == hosts.QUARANTINED:
            since, told = kept.lasts(step.sql, name, step.now)
            if told:
                continue
            kept.told(step.sql, name)
            said = Notice(Kind.HOST, f"{name}:{since}", text.host_title(host.host), text.host_quarantined(host.host))
            announce(step.fleet, step.sql, said, step.now)


def _budgets(step: Step) -> None:
    used, day = budgets.used_up(step.fleet, step.sql), int(step.now // _DAY_SECS)
    found = {0: text.whole_fleet()} if used is None else {}
    for repo_id in used or ():
        known = forge_facts.repo(step.sql, repo_id)
        found[repo_id] = known.full_name if known else str(repo_id)
    for repo_id, where in found.items():
        said = Notice(Kind.BUDGET, f"budget:{repo_id}:{day}", text.day_over_title(where), text.day_over(where))
        announce(step.fleet, step.sql, said, step.now)


def _forge_silent(step: Step) -> None:
    since, told = kept.lasts(step.sql, _FORGE, step.now)
    if told or step.now - since < FORGE_PATIENCE_SECS:
        return
    kept.told(step.sql, _FORGE)
    said = text.forge_silent(step.fleet.settings.forgejo.url, since)
    announce(step.fleet, step.sql, Notice(Kind.FORGE, f"forge:{since}", text.forge_silent_title(), said), step.now)


def _forge_answers(step: Step) -> None:
    ended = kept.over(step.sql, _FORGE)
    if ended is None or not ended[1]:
        return
    said = text.forge_back(step.fleet.settings.forgejo.url, step.now - ended[0])
    cause = f"recovered:{ended[0]}"
    announce(step.fleet, step.sql, Notice(Kind.RECOVERED, cause, text.forge_back_title(), said), step.now)


def _place(sql: Sql, task: Task) -> tuple[str, str]:
    """``owner/name#7`` and the address of that page; neither holds a word of anybody's."""
    known = forge_facts.repo(sql, task.repo_id)
    name, page = (known.full_name, known.html_url) if known else (str(task.repo_id), "")
    return f"{name}#{task.issue}", f"{page}/issues/{task.issue}" if page else ""
