"""How much one person may ask for: counted in rows, so restarts forget nothing; told once, not again and again."""

from dataclasses import dataclass
from typing import Final

from bot.core import limit_text as text
from bot.core import view
from bot.core.facts import Account, Right
from bot.service import answers, policies
from bot.service.fleet import Step
from bot.store import commands, outbox, started

HOUR_SECS: Final = 3600.0
_DAY_SECS: Final = 86_400.0
#: Commands that start work; an approval only lets go on what somebody else has started.
STARTING: Final = frozenset({"run", "retry"})
#: What became of a command or a label that was too much.
OUTCOME: Final = "limited"


@dataclass(frozen=True)
class Refusal:
    """``told``: the person has read that within the same span, so nothing is said again."""

    said: str
    told: bool


def commands_over(step: Step, repo_id: int, person: Account, right: Right, more: int) -> Refusal | None:
    """Whether ``more`` commands are too many for the person now."""
    if _exempt(step, right):
        return None
    since, own = step.now - HOUR_SECS, policies.of(step.sql, repo_id).commands_per_hour
    everywhere = step.fleet.settings.rate_limits.commands_per_hour
    for most, where in ((everywhere, 0), (own, repo_id)):
        if most and commands.given_since(step.sql, person.id, since, where) + more > most:
            return Refusal(text.too_many_commands(most), commands.limited_since(step.sql, person.id, since))
    return None


def starts_over(step: Step, repo_id: int, person: Account, right: Right, more: int) -> Refusal | None:
    """Whether starting ``more`` tasks is too much for the person now."""
    if _exempt(step, right) or not person.id or not more:
        return None
    rules, own = step.fleet.settings.rate_limits, policies.of(step.sql, repo_id)
    for most, where, secs, span in (
        (rules.starts_per_hour, 0, HOUR_SECS, "an hour"),
        (own.starts_per_hour, repo_id, HOUR_SECS, "an hour"),
        (rules.starts_per_day, 0, _DAY_SECS, "24 hours"),
        (own.starts_per_day, repo_id, _DAY_SECS, "24 hours"),
    ):
        since = step.now - secs
        if most and started.since(step.sql, person.id, since, where) + more > most:
            return Refusal(text.too_many_starts(most, span), commands.limited_since(step.sql, person.id, since))
    return None


def label_refused(step: Step, repo_id: int, issue: int, by: Account, right: Right, cause: str) -> bool:
    """Whether this label starts nothing because its person has started too much; once so, it stays so."""
    if commands.known(step.sql, cause):
        return True
    over = starts_over(step, repo_id, by, right, 1)
    if over is None:
        return False
    commands.remember(
        step.sql,
        cause,
        repo_id=repo_id,
        number=issue,
        person_id=by.id,
        person=by.login,
        words="label",
        at=step.now,
        outcome=OUTCOME,
    )
    if not over.told and policies.of(step.sql, repo_id).comments:
        target = f"limited:{repo_id}#{issue}:{cause}"
        marker = view.marker("limited", repo_id, int(cause.rpartition(":")[2]))
        body = f"{text.label_starts_nothing(by.login, over.said)}\n\n{marker}"
        wish = {"repo_id": repo_id, "issue": issue, "body": body, "marker": marker}
        if answers.count_notice(step, repo_id, issue, target, marker):
            outbox.wish(step.sql, target, "notice", "", wish, at=step.now)
    return True


def _exempt(step: Step, right: Right) -> bool:
    return right is Right.ADMIN and step.fleet.settings.rate_limits.admins_exempt
