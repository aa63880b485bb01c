"""Every sentence that answers a slash-command: what happened to the command, why, and what to type instead.

Commands stand in code marks and never at the start of a line; whatever somebody typed goes through ``cleaning``.
"""

import re
from collections.abc import Sequence
from typing import Final

from bot.core import cleaning
from bot.core.text import clock, names

#: What we write of issues that wait for others holds nothing else; a person's note stands in code marks.
_OURS: Final = re.compile(r"(?:it waits for|these issues wait for each other:) [\w#/., …→-]+")

# --- values of options ------------------------------------------------------------------------------------


def one_of(words: Sequence[str]) -> str:
    marked = [cleaning.code(x, 60) for x in words]
    return marked[0] if len(marked) == 1 else f"{', '.join(marked[:-1])} or {marked[-1]}"


def use_one_of(words: Sequence[str]) -> str:
    return f"use {one_of(words)}"


def use_a_number(least: int, most: int) -> str:
    return f"use a whole number from {least} to {most}"


def use_a_span() -> str:
    return "use a time such as `30m`, `2h` or `1d`"


def use_a_branch() -> str:
    return "use the name of a branch"


def use_an_agent(value: str, known: Sequence[str]) -> str:
    if not known:
        return f"no agent is called {cleaning.code(value, 60)}, none has registered yet"
    more = ", …" if len(known) > 12 else ""
    return f"no agent is called that; use {one_of(known[:12])}{more}"


# --- what is wrong with a line ----------------------------------------------------------------------------


def at_line(line: int, said: str) -> str:
    return f"Line {line}: {said}"


def nothing_run() -> str:
    return "Nothing was run."


def unknown(word: str, near: Sequence[str]) -> str:
    typed = cleaning.code(f"/fleet {word}", 80)
    meant = f" Did you mean {' or '.join(f'`/fleet {x}`' for x in near)}?" if near else ""
    return f"{typed} is not a command.{meant} All commands: `/fleet help`."


def bad_value(name: str, value: str, use: str) -> str:
    return f"{cleaning.code(f'{name}={value}', 120)} - {use}."


def bad_option(name: str, usable: Sequence[str], near: Sequence[str]) -> str:
    shown = cleaning.code(f"{name}=", 60)
    if not usable:
        return f"{shown} - this command has no options."
    meant = f" Did you mean `{near[0]}=`?" if near else ""
    return f"{shown} is not an option here; there is {names([f'{x}=' for x in usable])}.{meant}"


def option_twice(name: str) -> str:
    return f"{cleaning.code(f'{name}=', 60)} is given twice - keep one."


def unclosed(name: str) -> str:
    return f"the quotation mark after {cleaning.code(f'{name}=', 60)} is not closed - add one behind the value."


def takes_no_text(command: str, instead: str, options: Sequence[str]) -> str:
    if options:
        return f"`/fleet {command}` takes no text, only options such as {one_of([f'{x}=…' for x in options])}."
    meant = f"; did you mean {cleaning.code(instead, 60)}?" if instead else "."
    return f"`/fleet {command}` takes no text{meant}"


def lone_option(name: str, value: str) -> str:
    return f"{cleaning.code(name, 60)} - an option needs a value, such as {cleaning.code(f'{name}={value}', 60)}."


def needs_text(command: str, what: str, example: str) -> str:
    return f"`/fleet {command}` needs a {what.lower()} behind it, such as {cleaning.code(example, 100)}."


def dashes(name: str) -> str:
    return f"{cleaning.code(f'--{name}', 60)} - write options without dashes, as {cleaning.code(f'{name}=…', 60)}."


def too_many(most: int) -> str:
    return f"There are more than {most} commands in this comment. Nothing was run; post fewer at a time."


# --- who may ----------------------------------------------------------------------------------------------


def role(command: str, needs: str, has: str, who: Sequence[str]) -> str:
    listed = ", ".join(cleaning.name(x) for x in who)
    people = {"admin": "Admins", "write": "People with write access"}.get(needs, "People")
    return f"`/fleet {command}` needs {needs} rights here; you have {has}." + (f" {people}: {listed}." if who else "")


def unchecked(why: str) -> str:
    return f"I could not check your rights: {why}. Nothing was run; please comment again."


def forge_answered(said: str) -> str:
    """A sentence of ours about the forge without its full stop and details."""
    return cleaning.one_line(said.split(" (")[0].rstrip("."), 200)


def rights_unknown() -> str:
    return (
        "I could not check your rights: Forgejo does not tell them to the bot. Nothing was run; give the bot's account "
        "admin rights here, or list who may steer under `[forgejo] writers`."
    )


def request() -> str:
    return "Noted. You cannot start agents in this repository; someone with write access can, with `/fleet approve`."


def not_among(command: str) -> str:
    return (
        f"`/fleet {command}` is not for you here: this repository's `.forgejo/fleet.toml` lists who may start agents."
    )


def agent_not_allowed(agent: str, allowed: Sequence[str]) -> str:
    return (
        f"This repository does not let {cleaning.code(agent, 60)} work on it (`.forgejo/fleet.toml`); "
        f"use {one_of(allowed)}."
    )


# --- in the wrong state -----------------------------------------------------------------------------------


def nothing_to(begin: str, situation: str, instead: str) -> str:
    """There is nothing to retry: attempt 2 (codex) has been running since 11:02 UTC. To stop it: `/fleet cancel`."""
    return f"{begin}: {situation}.{f' {instead}' if instead else ''}"


def running_since(attempt: int, agent_type: str, at: float) -> str:
    return f"attempt {attempt} ({cleaning.name(agent_type)}) has been running since {clock(at)}"


STATE_IS = {
    "none": "there is no task for this issue",
    "requested": "the task waits for someone with write access",
    "queued": "the task waits in the queue",
    "held": "the task is held",
    "waiting": "the agent waits for an answer",
    "review": "the pull request is open",
    "done": "the task is done",
    "failed": "the task has failed",
    "cancelled": "the task was cancelled",
}

INSTEAD = {
    "none": "To start one: `/fleet run`.",
    "requested": "To release it: `/fleet approve`.",
    "queued": "To stop it: `/fleet cancel`.",
    "held": "To see what for: `/fleet why`.",
    "assigned": "To stop it: `/fleet cancel`.",
    "running": "To stop it: `/fleet cancel`.",
    "waiting": "To answer it: `/fleet say …`.",
    "review": "To have it done again: `/fleet retry`.",
    "done": "To have it done again: `/fleet retry`.",
    "failed": "To try again: `/fleet retry`.",
    "cancelled": "To try again: `/fleet retry`.",
}


def no_task() -> str:
    return f"There is no task for this issue. {INSTEAD['none']}"


def pull_without_task() -> str:
    return "This pull request does not belong to a task. Post the command on an issue."


def issue_closed(command: str) -> str:
    return f"The issue is closed. Reopen it, then: `/fleet {command}`."


def no_such_branch(name: str) -> str:
    return f"{cleaning.code(f'base={name}', 120)} - this repository has no branch of that name."


def say_what_to_change() -> str:
    return "There is nothing to change. Say what: `/fleet set priority=high` or `/fleet set agent=NAME`."


def done_now() -> str:
    return "Done now: Forgejo answers again."


def waits_for(blockers: Sequence[str]) -> str:
    shown = ", ".join(blockers[:10]) + (", …" if len(blockers) > 10 else "")
    return f"it waits for {shown} and starts when the last of them is closed."


def waits_in_a_circle(chain: Sequence[str]) -> str:
    return f"these issues wait for each other: {' → '.join(chain)}. Remove one of the dependencies."


def not_held(others: Sequence[str]) -> str:
    if "label" in others:
        return "It is held by the label `fleet/hold`. To let it go, take the label off."
    if "blocked" in others:
        return "It is held by the issues that it waits for, not by a command. Close those, or remove the dependency."
    return "This issue is not held."


def issue_busy() -> str:
    return "There is an unfinished task for this issue already. To see it: `/fleet status`."


def changed_before_approval() -> str:
    return (
        "The issue text was changed, so it is not certain which one you read (diff in its history). "
        "Please look again: `/fleet approve`."
    )


def changed_while_asked() -> str:
    return "The issue text was changed after you wrote this. Please look again: `/fleet run`."


def void(by: str) -> str:
    return (
        f"The issue text changed after {cleaning.name(by)} approved it (diff in its history). "
        "Please look again: `/fleet approve`."
    )


# --- what happened ----------------------------------------------------------------------------------------


def told(agent: str) -> str:
    return (
        f"{cleaning.name(agent)} is told with its next sign of life, and again with the next attempt: not every agent "
        "can listen while it works."
    )


def kept_out() -> str:
    return "This issue is kept out of the queue until `/fleet unhold`."


def held(holds: Sequence[str], note: str) -> str:
    """Why a task is held; what a person wrote in code marks."""
    if tuple(holds) == ("blocked",) and _OURS.fullmatch(note):
        return f"Held: {note}"
    named = {"manual": "`/fleet hold`", "label": "the label `fleet/hold`", "blocked": "issues that it waits for"}
    why = ", ".join(named.get(x, cleaning.code(x, 60)) for x in holds)
    return f"Held by {why}{f': {cleaning.code(note, 300)}' if note else ''}."


def asked_again(by: str, at: float, url: str) -> str:
    where = f" ([comment]({url}))" if url else ""
    return f"Asked again by {cleaning.code(by, 60)} at {clock(at)}{where}."


def no_edits() -> str:
    return "Edited comments do not run commands; please post it as a new comment."


def no_reviews() -> str:
    return "Reviews do not run commands; please post it as a normal comment."


def muted(most: int, reference: str) -> str:
    return (
        f"I have posted {most} comments here within an hour and stop now. `/fleet status` still works for admins. "
        f"Reference {reference}."
    )


def internal(why: str, until: float, reference: str) -> str:
    return (
        f"I could not do this: {why}. Your command is kept and will be tried until {clock(until)}; "
        f"no need to repeat it. Reference {reference}."
    )


def given_up(why: str, reference: str) -> str:
    return f"I could not do this: {why}. Nothing was run; please comment again. Reference {reference}."


def refreshed(link: str) -> str:
    return f"It shows what is known now: [status]({link})." if link else no_task()
