"""From words with a command in them to what is done and answered: once, whoever brings them and however often.

Everything is parsed, permitted and checked before the first command runs; if one is wrong, none runs. The comment's
commands, their events and the answer are one transaction.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import structlog

from bot.commands import Context, check, grammar, registry
from bot.commands.check import Ready, Wrong
from bot.commands.context import Outcome
from bot.commands.registry import Command
from bot.core import cleaning, triggers
from bot.core import command_text as text
from bot.core.errors import Refused, Unavailable
from bot.core.facts import Right
from bot.core.task import Task
from bot.forge import Missing
from bot.service import answers, blocking, policies, rate_limits, rights, steering, subjects
from bot.service.answers import Place
from bot.service.fleet import Fleet, Step, ref
from bot.service.lookups import Lookups
from bot.service.pausing import scope_of
from bot.service.steering import Scene
from bot.store import commands as store
from bot.store.forge_facts import KnownRepository
from bot.store.log import AlreadyHappened
from bot.store.pauses import WHOLE_FLEET
from bot.webhooks.hints import Way, Words

log = structlog.get_logger(__name__)

#: How long a command is tried again while the forge does not answer.
_HOUR_SECS: Final = 3600
_MARKER: Final = "<!-- fleet:v1:"


class NotRun(Exception):
    """Something is wrong with the comment: nothing of it is done."""

    def __init__(self, said: str, outcome: str = "refused", *, silent: bool = False) -> None:
        super().__init__(said)
        self.said, self.outcome, self.silent = said, outcome, silent


@dataclass(frozen=True)
class Heard:
    """Words, and the keys under which each of their commands happens once."""

    words: Words
    lines: tuple[grammar.Written, ...]
    place: Place

    def cause(self, line: int) -> str:
        return f"{self.words.key}:{line}"

    @property
    def commands(self) -> list[Command]:
        """What is asked for, whatever may be wrong with the rest of the lines."""
        return [registry.by_word()[x.verb] for x in self.lines if x.verb in registry.by_word()]

    @property
    def causes(self) -> list[tuple[str, str]]:
        return [(self.cause(x.line), x.verb) for x in self.lines]


def hear(fleet: Fleet, words: Words, *, written_at: float = 0.0) -> None:
    """Does what the words ask for and answers; asking again changes nothing.

    ``written_at`` is the forge's time of the words, for those that were found and not sent. Raises Unavailable when the
    forge does not answer: the command is kept and heard again.
    """
    if words.body.rstrip().rpartition("\n")[2].startswith(_MARKER) or rights.is_program(fleet, words.author):
        return
    if (words.way is Way.BODY or not words.certain) and fleet.read(lambda sql: store.any_of(sql, words.key)):
        return  # dealt with as it stood before somebody edited it
    if words.way in (Way.EDIT, Way.REVIEW):
        fleet.step(lambda step: explain(step, words))
        return
    place = Place(words.repo_id, words.number, words.comment_id, words.url)
    heard = Heard(words, tuple(grammar.parse(words.body)), place)
    if not heard.lines or fleet.read(lambda sql: any(store.known(sql, x) for x, _ in heard.causes)):
        return
    repo = fleet.repo(words.repo_id)
    try:
        _obey(fleet, heard, _scene(fleet, repo, heard, written_at))
    except Missing as problem:
        log.info("a command's issue is gone", repo=repo.full_name, issue=words.number, reason=str(problem))
    except Unavailable as problem:
        if not _goes_on(fleet, heard, problem):
            return
        raise


def explain(step: Step, words: Words) -> None:
    """Edits and reviews run nothing; that is said once."""
    said, number = text.no_edits(), words.comment_id
    if words.way is Way.REVIEW:  # it has no id of its own: the same words are explained once
        said = text.no_reviews()
        number = int(cleaning.digest(f"{words.author.id}\n{words.body}")[:12], 16)
    place = Place(words.repo_id, words.number, number, words.url, words.way.value)
    key = f"{place.kind}:{words.repo_id}:{place.comment_id}"
    if not store.known(step.sql, key):
        _remember(step, words, key, place.kind, "explained")
        answers.reply(step, place, said, by=words.author)


def _scene(fleet: Fleet, repo: KnownRepository, heard: Heard, written_at: float) -> Scene:
    """Everything that must be asked of the forge, before the transaction."""
    words = heard.words
    subject = subjects.find(fleet, repo, words.number)
    try:
        right = rights.right_of(fleet, repo, words.author, words.right)
    except Unavailable as problem:
        said = text.unchecked(text.forge_answered(str(problem)))
        _refuse(fleet, heard, NotRun(said))
        return Scene(subject, words.author, Right.UNKNOWN, heard.place)
    if words.way is Way.BODY and not words.certain and right is Right.ADMIN:
        right = Right.WRITE  # somebody else with write access may have edited it
    scene = Scene(subject, words.author, right, heard.place, words.text_sha256, written_at)
    asked = heard.commands
    lacking = {x.role: x.right for x in asked if not x.may(right) and not x.asks}
    if lacking:
        able = {role: rights.people_with(fleet, repo, needed) for role, needed in lacking.items()}
        return replace(scene, able=able)
    starts = any(x.starts for x in asked)
    if subject.issue is None or not starts:
        return scene
    issue = subject.issue
    if rights.is_program(fleet, issue.author):
        author_may = issue.author.id == fleet.forge.me().id
    else:
        author_may = rights.right_of(fleet, repo, issue.author).may_write
    entries = fleet.forge.issues.label_entries(ref(repo), issue.number)
    return replace(
        scene,
        author_may=author_may,
        label_entry=triggers.newest_entry(entries),
        blockers=blocking.reason(fleet, repo, issue.number),
    )


def _obey(fleet: Fleet, heard: Heard, scene: Scene) -> None:
    if fleet.read(lambda sql: any(store.known(sql, x) for x, _ in heard.causes)):
        return  # refused on the way here, or by somebody else meanwhile
    try:
        bases = _bases(fleet, scene, heard)
        fleet.step(lambda step: _run_all(step, heard, scene, bases))
    except AlreadyHappened:
        return
    except NotRun as problem:
        _refuse(fleet, heard, problem)


def _bases(fleet: Fleet, scene: Scene, heard: Heard) -> frozenset[str]:
    """The branches named as base that are not there."""
    starting = [x for x in heard.lines if x.verb in registry.by_word() and "base" in registry.by_word()[x.verb].options]
    named = {value for x in starting for name, value in x.options if name == "base"}
    good = [x for x in named if not registry.Branch().wrong(x, ())]
    repo = ref(scene.subject.repo)
    return frozenset(x for x in good if not fleet.forge.files.tip(repo, x))


def _run_all(step: Step, heard: Heard, scene: Scene, missing: frozenset[str]) -> None:
    if any(store.known(step.sql, x) for x, _ in heard.causes):
        raise AlreadyHappened(heard.causes[0][0])
    facts = Lookups(step, scene.subject)
    ready = _all_right(step, heard, scene, facts, missing)
    said, kinds = [], []
    for one in ready:
        outcome, context = _run_one(step, heard, scene, facts, one, several=len(heard.lines) > 1)
        then = replace(context, task=scene.subject.task(step.sql))
        answer = outcome.says if isinstance(outcome.says, str) else outcome.says(then)
        if answer:
            said.append(answer)
            kinds.append(outcome.kind)
        _remember(step, heard.words, heard.cause(one.line), one.command.name, "done")
    always = scene.right is Right.ADMIN and all(x.command.name == "status" for x in ready)
    if not said and store.known(step.sql, _trying(heard)):
        said, kinds = [text.done_now()], [""]
    if said:
        kind = kinds[0] if len(kinds) == 1 else ""
        answers.reply(step, heard.place, "\n\n".join(said), by=scene.person, kind=kind, always=always)
    answers.react(step, heard.place, "eyes")


def _all_right(step: Step, heard: Heard, scene: Scene, facts: Lookups, missing: frozenset[str]) -> list[Ready]:
    """The commands, when every one of them is well written and permitted. Raises NotRun."""
    if len(heard.lines) > check.MOST:
        raise NotRun(text.too_many(check.MOST))
    _refuse_too_much(step, heard, scene)
    names = facts.agent_names()
    found = [check.check(x, names) for x in heard.lines]
    wrong = [x for x in found if isinstance(x, Wrong)]
    ready = [x for x in found if isinstance(x, Ready)]
    wrong += [
        Wrong(x.line, text.no_such_branch(x.options["base"]), of_option=True)
        for x in ready
        if x.options.get("base") in missing
    ]
    for one in ready:
        refusal = _not_permitted(step, scene, one)
        if refusal:
            wrong.append(Wrong(one.line, refusal))
    if wrong:
        raise NotRun(_told(sorted(wrong, key=lambda x: x.line), several=len(heard.lines) > 1))
    return ready


def _refuse_too_much(step: Step, heard: Heard, scene: Scene) -> None:
    """Raises NotRun, silent when the person was told before."""
    repo_id, who = scene.subject.repo.id, (scene.person, scene.right)
    starts = sum(x.name in rate_limits.STARTING for x in heard.commands)
    over = rate_limits.commands_over(step, repo_id, *who, len(heard.lines))
    over = over or rate_limits.starts_over(step, repo_id, *who, starts)
    if over is not None:
        raise NotRun(over.said, rate_limits.OUTCOME, silent=over.told)


def _told(wrong: Sequence[Wrong], *, several: bool) -> str:
    """Everything that is wrong in one answer."""
    lines = [text.at_line(x.line, x.said) if several or x.of_option else x.said for x in wrong]
    if several or any(x.of_option for x in wrong):
        return f"{chr(10).join(lines)}{' ' if len(lines) == 1 else chr(10)}{text.nothing_run()}"
    return lines[0]


def _not_permitted(step: Step, scene: Scene, one: Ready) -> str:
    """Why the person may not, "" = may."""
    command = one.command
    if scene.right is Right.UNKNOWN:
        return text.rights_unknown()
    if command.may(scene.right):
        denied = (
            command.starts
            and not command.asks
            and not policies.lets(step.sql, scene.subject.repo.id, scene.person, scene.right)
        )
        return text.not_among(command.name) if denied else ""
    if command.asks and scene.right is Right.READ:
        return ""
    return text.role(command.name, command.role, scene.right.value, scene.able.get(command.role, ()))


def _run_one(
    step: Step, heard: Heard, scene: Scene, facts: Lookups, one: Ready, *, several: bool
) -> tuple[Outcome, Context]:
    repo, command = scene.subject.repo, one.command
    task = scene.subject.task(step.sql)
    right = scene.right
    if command.asks and not policies.lets(step.sql, repo.id, scene.person, right):
        right = Right.READ
    context = Context(
        person=scene.person,
        right=right,
        number=scene.subject.number,
        is_control=scope_of(step.fleet, repo.full_name, repo.id) == WHOLE_FLEET,
        task=task,
        options=one.options,
        text=one.text,
        now=step.now,
        facts=facts,
    )
    try:
        if scene.subject.issue is None and set(registry.EVERY_STATE) != command.legal_in:
            raise Refused(text.pull_without_task())
        if not command.legal(task):
            raise Refused(_illegal(command, task))
        outcome = command.act(context)
        for n, deed in enumerate(outcome.deeds):
            cause = heard.cause(one.line) + (f":{n}" if n else "")
            steering.do(step, replace(scene, right=right), deed, command.name, cause)
    except Refused as problem:
        raise NotRun(_told([Wrong(one.line, str(problem))], several=several)) from problem
    return outcome, context


def _illegal(command: registry.Command, task: Task | None) -> str:
    state = task.state.value if task else registry.NO_TASK
    if task is not None and task.state.leased:
        situation = text.running_since(task.fence, task.agent_type, task.claimed_at)
    else:
        situation = text.STATE_IS[state]
    if command.needs_attempt and task is not None and task.fence == 0:
        return text.nothing_to(command.nothing, "no agent has worked on this yet", "")
    return text.nothing_to(command.nothing, situation, text.INSTEAD[state])


def _refuse(fleet: Fleet, heard: Heard, problem: NotRun) -> None:
    def command(step: Step) -> None:
        for cause, verb in heard.causes:
            if store.known(step.sql, cause):
                return
            _remember(step, heard.words, cause, verb, problem.outcome)
        if not problem.silent:
            answers.reply(step, heard.place, problem.said, by=heard.words.author)
        answers.react(step, heard.place, "confused")

    fleet.step(command)


def _goes_on(fleet: Fleet, heard: Heard, problem: Unavailable) -> bool:
    """Whether it is tried again; the person is told once, and again when it is given up."""
    reference = answers.reference_of(heard.causes[0][0])
    why = text.forge_answered(str(problem))
    log.warning("a command is kept for later", reference=reference, reason=str(problem))

    def command(step: Step) -> float:
        began = store.began(step.sql, _trying(heard))
        if began is None:
            began = step.now
            _remember(step, heard.words, _trying(heard), "", "trying")
            said = text.internal(why, began + _HOUR_SECS, reference)
            answers.reply(step, heard.place, said, by=heard.words.author)
        return began

    if fleet.clock() - fleet.step(command) < _HOUR_SECS:
        return True
    _refuse(fleet, heard, NotRun(text.given_up(why, reference)))
    return False


def _trying(heard: Heard) -> str:
    return f"trying:{heard.place.target}"


def _remember(step: Step, words: Words, cause: str, verb: str, outcome: str) -> None:
    store.remember(
        step.sql,
        cause,
        repo_id=words.repo_id,
        number=words.number,
        person_id=words.author.id,
        person=words.author.login,
        words=verb[:60],
        at=step.now,
        outcome=outcome,
    )
