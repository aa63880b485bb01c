"""The forge: does it answer, is it new enough, do the clocks agree, and whose token do we have?"""

import re
from collections.abc import Iterator
from typing import Final

from bot.core import doctor_text as text
from bot.core.errors import Refused, Unavailable
from bot.doctor.finding import Finding, fail, ok, warn
from bot.forge import Missing
from bot.service.fleet import Fleet

OLDEST: Final = 15
_SKEW_SECS: Final = 30.0


def reached(fleet: Fleet) -> Iterator[Finding]:
    """Version and clock; only fails when the forge cannot be worked with at all."""
    url = fleet.settings.forgejo.url.rstrip("/")
    try:
        version, now = fleet.forge.version(), fleet.forge.api.time()
    except (Refused, Unavailable) as problem:
        if _bad_token(problem):  # some forges ask for a log-in even there
            yield fail("forge.token", text.token_refused(), text.new_token(url))
        else:
            said = text.no_forge(url) if isinstance(problem, Missing) else text.forge_silent(str(problem))
            yield fail("forge", said, text.check_forge(url))
        return
    number = re.match(r"\d+", version)
    if number is None or int(number[0]) < OLDEST:
        yield fail("forge", text.forge_old(version, OLDEST), text.upgrade_forge(OLDEST))
    else:
        yield ok("forge", text.forge_version(version))
    if now is None:
        return
    skew = fleet.clock() - now
    if abs(skew) > _SKEW_SECS:
        yield warn("forge.clock", text.clock_off(skew), text.set_clock())
    else:
        yield ok("forge.clock", text.clock_good(skew))


def token(fleet: Fleet) -> Iterator[Finding]:
    """Whose it is, and whether that account is a good one for a bot."""
    forgejo = fleet.settings.forgejo
    url = forgejo.url.rstrip("/")
    try:
        found = fleet.forge.api.raw("read the bot's own account", "GET", "/user") or {}
    except Unavailable as problem:
        fix = text.new_token(url) if _bad_token(problem) else text.check_forge(url)
        yield fail("forge.token", text.token_refused() if _bad_token(problem) else str(problem), fix)
        return
    except Refused as refused:
        if forgejo.bot_id and forgejo.bot_login:  # limited to some repositories: it may not ask who it is
            yield ok("forge.token", text.token_good(forgejo.bot_login))
        else:
            yield fail("forge.token", scope_of(refused) or refused.reason, text.new_token(url))
        return
    login = str(found.get("login"))
    if (forgejo.bot_login and forgejo.bot_login.lower() != login.lower()) or (
        forgejo.bot_id and forgejo.bot_id != found.get("id")
    ):
        wanted = forgejo.bot_login or str(forgejo.bot_id)
        yield fail("forge.token", text.other_account(login, wanted), text.set_bot_login(login))
    else:
        yield ok("forge.token", text.token_good(login))
    if found.get("is_admin"):
        yield warn("forge.account", text.is_site_admin(login), text.no_site_admin(login))
    if login.lower() in {name.lower() for name in forgejo.agent_accounts}:
        yield fail("forge.account", text.is_agent_account(login), text.not_agent_account(login))


def scope_of(refused: Refused) -> str:
    """The sentence about the scope that a refusal names, "" when it is about something else."""
    named = re.search(r"scope\(s\)[^\[]*\[?([\w:]+)", refused.reason)
    return text.scope_missing(named[1]) if named else ""


def _bad_token(problem: Refused | Unavailable) -> bool:
    return isinstance(problem, Unavailable) and "does not accept the bot's token" in problem.what
