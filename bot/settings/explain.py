"""From what pydantic found to what a person reads."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from pydantic import BaseModel
from pydantic_core import ErrorDetails

from bot.core import operator_text as text
from bot.settings.actions import ActionsRule
from bot.settings.hosts import HostAgent, HostEntry
from bot.settings.keys import all_keys, nearest
from bot.settings.notify import NotifyEntry
from bot.settings.problems import Problem
from bot.settings.sections import Adapter

#: What each of pydantic's type errors wanted.
WANTED: Final = {
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "int_parsing_size": "a smaller number",
    "string_type": "text in quotes",
    "path_type": "text in quotes",
    "bool_type": "true or false",
    "list_type": "a list",
    "dict_type": "a table",
    "model_type": "a table",
    "model_attributes_type": "a table",
}
LONGEST_SHOWN: Final = 40


def explain(errors: Sequence[ErrorDetails], origin: Mapping[str, str], values: Mapping[str, Any]) -> list[Problem]:
    """One problem per setting, in the order of ``errors``; ``values`` is the tree that was checked."""
    found: dict[str, Problem] = {}
    for error in errors:
        key = dotted(error["loc"], values)
        if relative := error.get("ctx", {}).get("key"):
            key = f"{key}.{relative}" if key else relative
        found.setdefault(key, _problem(key, error, _source(key, origin)))
    return list(found.values())


def dotted(loc: Sequence[int | str], values: Any) -> str:
    """``hosts[0].ssh_port`` for a place in ``values``, without the steps pydantic adds for unions."""
    key, here = "", values
    for step in loc:
        if isinstance(step, int):
            key += f"[{step}]"
            here = here[step] if isinstance(here, list) and step < len(here) else None
        elif step in ("[key]", "list[str]", "str") or step.startswith(("list[", "constrained-", "function-")):
            continue
        else:
            key = f"{key}.{step}" if key else step
            here = here.get(step) if isinstance(here, dict) else None
    return key


def _source(key: str, origin: Mapping[str, str]) -> str:
    base = key.split("[", 1)[0]
    while base:
        if base in origin:
            return origin[base]
        base = base.rpartition(".")[0]
    return ""


def _problem(key: str, error: ErrorDetails, source: str) -> Problem:
    kind, context = error["type"], error.get("ctx", {})
    got = shown(error["input"], secret=_is_secret(key))
    match kind:
        case "impossible":
            return Problem(key, context["reason"], context["fix"], source)
        case "extra_forbidden":
            return Problem(key, text.not_a_setting(), _near_entry_name(key), source)
        case "missing":
            return Problem(key, text.setting_missing(), text.add_the_key(key.rpartition(".")[2]), source)
        case "greater_than_equal":
            return Problem(key, text.too_small(context["ge"], got), "", source)
        case "less_than_equal":
            return Problem(key, text.too_large(context["le"], got), "", source)
        case "literal_error":
            return Problem(key, text.not_one_of(str(context["expected"]).replace("'", '"'), got), "", source)
        case "string_too_short" | "too_short":
            return Problem(key, text.may_not_be_empty(), "", source)
        case "string_too_long":
            return Problem(key, text.too_long(context["max_length"]), "", source)
        case _ if kind in WANTED:
            return Problem(key, text.wrong_type(WANTED[kind], got), "", source)
        case _:
            return Problem(key, text.not_understood(error["msg"]), "", source)


def _is_secret(key: str) -> bool:
    if key.startswith("notify"):  # an entry's own secret, or the variable with all entries
        return key.rpartition(".")[2] in ("secret", "notify")
    return key in all_keys() and all_keys()[key].secret


def _near_entry_name(key: str) -> str:
    """Unknown keys of sections are found earlier; what arrives here stands in an entry of a list or table."""
    parent, _, leaf = key.rpartition(".")
    model: type[BaseModel] = (
        HostAgent
        if ".agents[" in parent
        else HostEntry
        if parent.startswith("hosts")
        else ActionsRule
        if parent.startswith("actions")
        else NotifyEntry
        if parent.startswith("notify")
        else Adapter
    )
    meant = nearest(leaf, model.model_fields)
    return text.did_you_mean(meant) if meant else text.see_the_reference()


def shown(value: object, *, secret: bool) -> str:
    """A wrong value as it may be printed: never a secret, never much of it."""
    match value:
        case bool():
            return "true" if value else "false"
        case dict():
            return "a table"
        case list():
            return "a list"
        case _ if secret:
            return "what it is" if isinstance(value, str) else "a number"
        case int():
            return str(value) if value.bit_length() <= 64 else "a number with very many digits"
        case str():
            cut = value if len(value) <= LONGEST_SHOWN else value[:LONGEST_SHOWN] + "…"
            return f'"{cut}"' if cut.isprintable() else ascii(cut)
        case float():
            return repr(value)
        case _:
            return f"a {type(value).__name__}"


def poison(value: object, key: str, origin: str) -> list[Problem]:
    """Text that no path, header or database takes (NUL, lone surrogates), anywhere inside ``value``."""
    if isinstance(value, str):
        hurt = "\0" in value or any("\ud800" <= character <= "\udfff" for character in value)
        return [Problem(key, text.holds_nul(), "", origin)] if hurt else []
    if isinstance(value, list):
        return [found for at, item in enumerate(value) for found in poison(item, f"{key}[{at}]", origin)]
    if isinstance(value, dict):
        in_names = [found for name in value for found in poison(name, key, origin)]
        return in_names + [
            found for name, item in value.items() for found in poison(item, f"{key}.{printable(name)}", origin)
        ]
    return []


def printable(name: str) -> str:
    return name if name.isprintable() else ascii(name)[1:-1]
