"""The configuration of an earlier agent-fleet: what each of its keys means here, and the new tree of settings."""

import getpass
import os
import sqlite3
import tomllib
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any, Final

from bot.core import operator_text
from bot.core import seed_text as text
from bot.core.errors import Refused
from bot.settings.hosts import HostAgent, HostEntry
from bot.settings.keys import all_keys, nearest, suggestion
from bot.settings.layers import LARGEST_FILE
from bot.settings.problems import Problem
from bot.settings.reference import toml_value

_PLACEHOLDER: Final = "…"
#: What others call our settings; beside these, a missing unit (`heartbeat_interval`) and a wrong section are seen.
_OTHER_NAMES: Final[Mapping[str, str]] = {
    "server.host": "server.bind",
    "server.listen": "server.bind",
    "forgejo.base_url": "forgejo.url",
    "forgejo.api_token": "forgejo.token",
    "forgejo.secret": "forgejo.webhook_secret",
    "orchestrator.database": "orchestrator.db_path",
    "orchestrator.max_retries": "orchestrator.default_max_retries",
    "orchestrator.pull_token": "orchestrator.http_pull_token",
}
_UNITS: Final = ("_secs", "_bytes", "_days")


class Verdict(StrEnum):
    KEPT = "kept"
    RENAMED = "renamed"
    IGNORED = "ignored"
    ATTENTION = "needs your attention"


@dataclass(frozen=True)
class Meaning:
    """``to`` is the key here, "" when there is none. No value is in it: it may be shown to anybody."""

    key: str
    verdict: Verdict
    said: str
    to: str


@dataclass(frozen=True)
class Seed:
    """``tree`` is what a new configuration file holds, secrets included."""

    meanings: tuple[Meaning, ...]
    tree: dict[str, Any]

    def with_problems(self, problems: tuple[Problem, ...]) -> "Seed":
        """The same with what the settings, as a whole, would be refused for."""
        found = {one.to: one for one in self.meanings}
        for problem in problems:
            said = text.wrong(problem.reason, problem.fix)
            old = found.get(problem.key)
            found[problem.key] = Meaning(old.key if old else problem.key, Verdict.ATTENTION, said, problem.key)
        ignored = [one for one in self.meanings if not one.to]
        return Seed((*[one for key, one in found.items() if key], *ignored), self.tree)


def read(path: Path) -> Seed:
    """Raises Refused when it is no TOML."""
    try:
        with path.open("rb") as file:
            given = tomllib.loads(file.read(LARGEST_FILE).decode())
    except OSError as error:
        raise Refused(text.no_configuration(str(path), [error.strerror or ""])) from error
    except (ValueError, RecursionError) as error:
        where = str(error) if isinstance(error, tomllib.TOMLDecodeError) else ""  # it names the place, not the text
        raise Refused(text.no_configuration(str(path), [where])) from error
    tree: dict[str, Any] = {}
    meanings = [
        one
        for section, values in given.items()
        for one in (_hosts(values, tree) if section == "hosts" else _section(section, values, tree))
    ]
    return Seed(tuple(_database(meanings, tree, path.parent)), tree)


def as_toml(tree: Mapping[str, Any], source: str) -> str:
    lines = [text.head(source)]
    for section, values in tree.items():
        for entry in values if isinstance(values, list) else [values]:
            head = f"[[{section}]]" if isinstance(values, list) else f"[{section}]"
            lines += ["", head, *(f"{key} = {_written(value)}" for key, value in entry.items())]
    return "\n".join(lines) + "\n"


def _written(value: object) -> str:
    if isinstance(value, list) and value and all(isinstance(one, dict) for one in value):
        return "[\n" + "".join(f"  {toml_value(one)},\n" for one in value) + "]"
    return toml_value(value)


def _section(section: str, values: object, tree: dict[str, Any]) -> Iterator[Meaning]:
    if not isinstance(values, dict):
        known = any(key.startswith(f"{section}.") for key in all_keys())
        yield Meaning(section, Verdict.IGNORED, text.no_section(section), "") if known else _left_out(section)
        return
    for leaf, value in values.items():
        key = f"{section}.{leaf}"
        to = key if key in all_keys() else _name_here(key)
        if not to:
            yield _left_out(key)
            continue
        here, _, name = to.rpartition(".")
        place = tree.setdefault(here, {})
        if to != key and (name in place or (here == section and name in values)):
            yield Meaning(key, Verdict.IGNORED, text.taken_already(to), "")
            continue
        place[name] = value
        verdict = Verdict.KEPT if to == key else Verdict.RENAMED
        said = text.means(to) if to == key else f"{text.moved(to)} {text.means(to)}"
        if value == _PLACEHOLDER:
            verdict, said = Verdict.ATTENTION, text.placeholder()
        yield Meaning(key, verdict, said, to)


def _name_here(key: str) -> str:
    if key in _OTHER_NAMES:
        return _OTHER_NAMES[key]
    leaf = key.rpartition(".")[2]
    if with_unit := [f"{key}{unit}" for unit in _UNITS if f"{key}{unit}" in all_keys()]:
        return with_unit[0]
    elsewhere = [name for name in all_keys() if name.rpartition(".")[2] == leaf and "." in name]
    return elsewhere[0] if len(elsewhere) == 1 else ""


def _left_out(key: str) -> Meaning:
    return Meaning(key, Verdict.IGNORED, text.perhaps(suggestion(key)), "")


def _hosts(values: object, tree: dict[str, Any]) -> Iterator[Meaning]:
    if not isinstance(values, list):
        yield _left_out("hosts")
        return
    tree["hosts"] = []
    for at, entry in enumerate(values):
        if not isinstance(entry, dict):
            yield _left_out(f"hosts[{at}]")
            continue
        made: dict[str, Any] = {}
        tree["hosts"].append(made)
        for leaf, value in entry.items():
            key = f"hosts[{at}].{leaf}"
            if leaf == "agents" and isinstance(value, list):
                made["agents"] = []
                for number, agent in enumerate(value):
                    yield from _agent(f"{key}[{number}]", agent, made["agents"])
            else:
                yield from _entry_key(key, "hosts", HostEntry, leaf, value, made)
        yield from _advice(f"hosts[{at}]", made)


def _agent(key: str, agent: object, into: list[dict[str, Any]]) -> Iterator[Meaning]:
    if not isinstance(agent, dict):
        yield Meaning(key, Verdict.IGNORED, text.unknown(), "")
        return
    into.append({})
    for leaf, value in agent.items():
        yield from _entry_key(f"{key}.{leaf}", "hosts.agents", HostAgent, leaf, value, into[-1])


def _entry_key(
    key: str, kind: str, model: type[HostEntry] | type[HostAgent], leaf: str, value: object, into: dict[str, Any]
) -> Iterator[Meaning]:
    if leaf in model.model_fields:
        into[leaf] = value
        yield Meaning(key, Verdict.KEPT, text.means(f"{kind}.{leaf}"), key)
    else:
        meant = nearest(leaf, model.model_fields)
        said = text.perhaps(operator_text.did_you_mean(meant)) if meant else text.unknown()
        yield Meaning(key, Verdict.IGNORED, said, "")


def _advice(key: str, entry: Mapping[str, Any]) -> Iterator[Meaning]:
    """What a host needs here that it did not need before."""
    user, name = (x if isinstance(x := entry.get(leaf), str) else "" for leaf in ("ssh_user", "host_id"))
    if entry.get("hostname") != "localhost":
        yield Meaning(key, Verdict.ATTENTION, text.pin(name), key)
        path = entry.get("ssh_key_path")
        if isinstance(path, str) and path and not os.path.exists(path):  # noqa: PTH110 - Path raises where we may not look
            yield Meaning(f"{key}.ssh_key_path", Verdict.ATTENTION, text.no_key_file(path), f"{key}.ssh_key_path")
    elif user == getpass.getuser() and not entry.get("allow_same_user"):
        yield Meaning(f"{key}.ssh_user", Verdict.ATTENTION, text.same_user(user), f"{key}.ssh_user")
    else:
        yield Meaning(f"{key}.ssh_user", Verdict.ATTENTION, text.other_user(user), f"{key}.ssh_user")


def _database(meanings: list[Meaning], tree: dict[str, Any], folder: Path) -> Iterator[Meaning]:
    """The last word per key, and a database of another program is not written into."""
    last = {one.key: one for one in meanings}
    given = tree.get("orchestrator", {}).get("db_path")
    if isinstance(given, str) and given and "\0" not in given and _is_anothers(folder / given):
        path = Path(given)
        tree["orchestrator"]["db_path"] = to = str(path.with_name(f"{path.stem}-2{path.suffix}"))
        key = next(one.key for one in meanings if one.to == "orchestrator.db_path")
        last[key] = Meaning(key, Verdict.ATTENTION, text.other_database(to), "orchestrator.db_path")
    yield from last.values()


def _is_anothers(path: Path) -> bool:
    try:
        if not path.is_file() or not path.stat().st_size:
            return False
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as raw:
            found = raw.execute("SELECT 1 FROM sqlite_master WHERE name = 'schema_migration'").fetchone()
    except (OSError, sqlite3.Error):  # also one that we may not look at: better a new one than somebody else's
        return True
    return found is None
