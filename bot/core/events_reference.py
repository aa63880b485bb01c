"""docs/reference/events.md and the state diagram of docs/architecture.md, from the events and the one table."""

import dataclasses
import inspect
from collections.abc import Iterator, Mapping
from types import GenericAlias
from typing import Final

from bot.core.events import KINDS, Event
from bot.core.states import TRANSITIONS, State

_HEAD: Final = """\
# Events

<!-- Generated from bot/core/events.py by `agent-fleet docs build`; change the code, not this page. -->

Everything that can happen to a task. An event is written once and never changed; the events of a task, in order, are
the task. `agent-fleet events tail` prints the newest, `agent-fleet tasks show TASK` those of one task,
`agent-fleet export events` all of them as JSON lines; programs ask `GET /api/v1/tasks/{task_id}/events`.

They hold ids, numbers and digests; prompts, logs and payloads lie elsewhere and may be deleted, tokens are in neither.
Times are seconds since the epoch, UTC. The last line of each section says in which states it may happen, and where it
leads; `new` is before a task's first event. Anything else is refused.

| Event | In short |
|---|---|
"""

#: An event possible from so many states goes beside the diagram: its arrows would hide the others.
_EVERYWHERE: Final = 6

_WORDS: Final = {"str": "text", "int": "number", "float": "seconds", "bool": "yes or no"}


def events_page() -> str:
    """The text of the reference."""
    rows = [f"| [`{kind}`](#{kind}) | {_about(event).split('. ')[0].rstrip('.')}. |" for kind, event in KINDS.items()]
    return _HEAD + "\n".join(rows) + "\n\n" + "\n".join(_section(kind, event) for kind, event in KINDS.items())


def state_diagram() -> str:
    """Mermaid, and in words what would hide it."""
    leads = _leads()
    often = {event for event in KINDS.values() if len(_moves(event)) >= _EVERYWHERE}
    arrows: dict[tuple[str, str], list[str]] = {}
    for (source, event), target in TRANSITIONS.items():
        if source is not target and event not in often:
            arrows.setdefault((source.value if source else "[*]", target.value), []).append(event.kind)
    order = ["[*]", *State]
    lines = ["```mermaid", "stateDiagram-v2"]
    for (source_name, target_name), kinds in sorted(
        arrows.items(), key=lambda item: tuple(order.index(x) for x in item[0])
    ):
        lines.append(f"  {source_name} --> {target_name}: {', '.join(sorted(kinds))}")
    lines += ["```", ""]
    for event in KINDS.values():
        if event in often:
            [goal] = {target for _, target in _moves(event)}
            missing = [state.value for state in State if state not in leads[event] and state is not goal]
            but = f" but {', '.join(missing)}" if missing else ""
            lines.append(f"- `{event.kind}` leads to `{goal}` from every other state{but}.")
    return "\n".join(lines)


def _section(kind: str, event: type[Event]) -> str:
    fields = [f"`{field.name}` ({_type(field.type)})" for field in dataclasses.fields(event)]
    told = f"\nHolds {', '.join(fields)}.\n" if fields else ""
    return f"## {kind}\n\n{_about(event)}\n{told}\n{'; '.join(_paths(event))}.\n"


def _about(event: type[Event]) -> str:
    """Its docstring, and that of the shape it shares with others, as one paragraph of Markdown."""
    shared = [base for base in event.__bases__ if base is not Event]
    texts = [inspect.cleandoc(one.__doc__ or "") for one in (event, *shared)]
    return " ".join(" ".join(texts).replace("``", "`").split())


def _type(annotation: object) -> str:
    if isinstance(annotation, GenericAlias):
        return f"list of {_type(annotation.__args__[0])}s"
    name = getattr(annotation, "__name__", str(annotation))
    return _WORDS.get(name, name.lower())


def _paths(event: type[Event]) -> Iterator[str]:
    """`queued, held → done`, once for each target."""
    by_target: dict[str, list[str]] = {}
    stays = []
    for source, target in _leads()[event].items():
        if source is target:
            stays.append(target.value)
        else:
            by_target.setdefault(target.value, []).append(source.value if source else "new")
    for goal, sources in by_target.items():
        yield f"{', '.join(sources)} → **{goal}**"
    if stays:
        yield f"changes no state in {'any' if len(stays) == len(State) else ', '.join(stays)}"


def _leads() -> Mapping[type[Event], Mapping[State | None, State]]:
    order = (None, *State)  # the table is made from sets
    return {
        event: {source: TRANSITIONS[source, event] for source in order if (source, event) in TRANSITIONS}
        for event in KINDS.values()
    }


def _moves(event: type[Event]) -> list[tuple[State | None, State]]:
    return [(source, target) for (source, one), target in TRANSITIONS.items() if one is event and source is not target]
