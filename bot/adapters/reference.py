"""One page per agent CLI, written from its adapter: what is started, with what, and how its end is read."""

import inspect
import json
import re
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from bot.adapters.base import PROMPT_FILE, Adapter, Job
from bot.adapters.dialect import Dialect
from bot.adapters.registry import adapters

_HARMLESS: Final = re.compile(r"[\w./:=$@,+-]+")

_PAGE: Final = """\
# {title}

<!-- Generated from {source} by `agent-fleet docs build`; change the code, not this page. -->

`agent_type = "{name}"`{also}

{about}

## Command line

`$HOME` is the agent's own home, `$RUN` a folder of this run alone, `$WORK` the working tree.

A new session:

```text
{new}
```

{resumed}

The prompt goes {prompt}.{expands} The model is named only when the configuration does.

## Environment

Nothing of the operator's environment reaches it but `PATH`, the language and time zone, and what is listed here.

{environment}

{inherits}

{files}

## How its end is read

A run is good only with exit code 0 **and** its own positive terminal event. Lines that are not understood are
counted and never an error. A question is asked by a line `::fleet question TEXT` in its last message, "nothing
to change" is said by `::fleet no-change WHY`; `::fleet progress TEXT` and `::fleet check [ ] TEXT` tell what is
being done.
{exits}
Its version is asked by {probe}.
"""


def agent_kinds() -> list[type[Dialect]]:
    """The adapters of agent CLIs, each once, by name."""
    kinds = {kind for kind in adapters().values() if issubclass(kind, Dialect)}
    return sorted(kinds, key=lambda kind: kind.names)


def agent_table() -> str:
    """The agent CLIs side by side: where they come from, and how they are logged in."""
    rows = ["| Type | Install | Keys, where set | Log-in, in the home of its user |", "|---|---|---|---|"]
    for kind in agent_kinds():
        name = kind.names[0]
        keys, files = _listed(kind.inherits) or "–", _listed(f"~/{name}" for name in kind.credentials) or "–"
        rows.append(f"| [`{name}`](../reference/agents/{name}.md) | {_package(kind)} | {keys} | {files} |")
    return "\n".join(rows)


def _package(kind: type[Dialect]) -> str:
    """As its docstring says: `(npm `x`; seen: …)`."""
    about = " ".join((sys.modules[kind.__module__].__doc__ or "").split())
    found = re.search(r"\((npm|PyPI) ``([^`]+)``(?:, ([^;]+))?;", about)
    if found is None:
        raise ValueError(f"{kind.__module__} does not say which package it is")
    command = "npm install -g" if found[1] == "npm" else "pipx install"
    return f"`{command} {found[2]}`" + (f" ({found[3]})" if found[3] else "")


def agent_page(kind: type[Dialect]) -> str:
    one = kind()
    job = Job("", Path("$RUN/prompt.md"), Path("$WORK"), Path("$RUN"), Path("$HOME"), "$SESSION", False, "$MODEL")
    again = Job("", job.prompt_file, job.workspace, job.run_dir, job.home, job.session, True, job.model)
    return _PAGE.format(
        title=(inspect.getdoc(kind) or kind.__name__).rstrip("."),
        source=f"{kind.__module__.replace('.', '/')}.py",
        name=one.name,
        also=f" (also {_listed(kind.names[1:])})" if kind.names[1:] else "",
        about=_about(kind),
        new=_command(one.argv(job)),
        resumed=_resumed(one, again),
        prompt=_prompt(one),
        expands=" Each `@` in it is followed by a zero-width space: the CLI would put files in its place."
        if kind.expands_prompt
        else "",
        environment=_environment(one, job),
        inherits=_inherits(one),
        files=_files(one, job),
        exits=_exits(kind),
        probe=f"`{' '.join(one.probe())}`" if one.probe() else "nothing: it has no such option",
    )


def _about(kind: type[Adapter]) -> str:
    return (inspect.getdoc(sys.modules[kind.__module__]) or "").replace("``", "`")


def _command(words: Iterable[str]) -> str:
    return " ".join(word if _HARMLESS.fullmatch(word) else "'{}'".format(word.replace("'", r"'\''")) for word in words)


def _listed(names: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)


def _resumed(one: Adapter, again: Job) -> str:
    if not one.can_resume:
        return "It cannot go on with a session: an answer to its question begins a new one."
    return f"Going on with a session:\n\n```text\n{_command(one.argv(again))}\n```"


def _prompt(one: Adapter) -> str:
    return (
        "to standard input" if one.prompt_on_stdin else "into a file that the command line names, for it reads no input"
    )


def _environment(one: Adapter, job: Job) -> str:
    rows = ((name, value) for name, value in sorted(one.environment(job).items()))
    table = "".join(f"| `{name}` | `{value}` |\n" for name, value in rows)
    return f"| Variable | Value |\n| --- | --- |\n{table}".rstrip() if table else f"`{PROMPT_FILE}` only."


def _inherits(one: Adapter) -> str:
    if not one.inherits:
        return "It is given no variable of the operator's unless the configuration names one."
    return f"From the operator's environment, where set: {_listed(one.inherits)}, and what the configuration names."


def _files(one: Adapter, job: Job) -> str:
    said = []
    if one.credentials:
        said.append(
            f"A log-in or providers of its own stand in {_listed(f'$HOME/{name}' for name in one.credentials)}."
        )
    for path, content in one.files(job).items():
        said.append(f"We write `{path}`: `{_shown(content)}`." if content else f"We make the folder of `{path}`.")
    if one.reads(job):
        said.append(f"Afterwards we read {_listed(map(str, one.reads(job)))}.")
    return "\n".join(said) or "It needs no files."


def _shown(content: bytes) -> str:
    return json.dumps(json.loads(content))


def _exits(kind: type[Dialect]) -> str:
    said = ", ".join(f"{code} = `{reason.value}`" for code, reason in sorted(kind.exit_reasons.items()))
    return f"Exit codes with a meaning of their own: {said}.\n" if said else ""
