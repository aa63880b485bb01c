"""`config.example.toml` and the configuration reference, written from the models so that they cannot lag."""

import datetime
import json
from collections.abc import Iterable, Sequence
from itertools import groupby
from pathlib import Path
from typing import Final

from pydantic import BaseModel, SecretStr

from bot.settings.actions import ActionsRule
from bot.settings.hosts import HostAgent, HostEntry, HostHooks
from bot.settings.keys import Key, all_keys, keys_of
from bot.settings.notify import NotifyEntry
from bot.settings.sections import Adapter, Price, Settings

HEAD: Final = """\
# Agent Fleet: every setting with its default. Generated from bot/settings by `agent-fleet docs build`.
# Lines that begin with # are at their default or optional. See docs/reference/configuration.md.
"""

#: What stands in the example where an operator must write something.
TO_FILL: Final = {
    "forgejo.url": "https://git.example.org",
    "forgejo.token": "…",
    "forgejo.webhook_secret": "…",
}

HOSTS: Final = """\
# [[hosts]]
# host_id = "host-worker-01"
# hostname = "192.0.2.10"
# ssh_user = "deploy"
# ssh_port = 22
# ssh_key_path = "/home/deploy/.ssh/id_ed25519"
# work_dir = "/opt/agent-workspace"
# agents = [
#   { agent_type = "codex-cli", max_concurrency = 2, capabilities = ["code:rust", "code:python"] },
#   { agent_type = "claude-code", max_concurrency = 1, capabilities = ["code:rust"] },
# ]
"""

RULES: Final = """\
# [[actions.allow]]
# repository = "alice/website"
# role = "write"
"""

NOTIFY: Final = """\
# [[notify]]
# name = "ops-mail"
# kind = "email"
# smtp_host = "mail.example.org"
# smtp_user = "fleet@example.org"
# secret_file = "/etc/agent-fleet/mail-password"
# sender = "fleet@example.org"
# to = ["ops@example.org"]
# quiet = "22:00-07:00"
# timezone = "Europe/Berlin"
"""

ADAPTERS: Final = """\
# [adapters.my-agent]
# command = ["my-agent", "--quiet"]
"""

PRICES: Final = """\
# [prices."some-model"]
# input_per_mtok = 3.0
# output_per_mtok = 15.0
"""

INTRODUCTION: Final = """\
# Configuration

<!-- Generated from bot/settings by `agent-fleet docs build`; change the code, not this page. -->

Settings come from, strongest first:

1. options of the command line (`--bind`, `--port`),
2. variables: `AGENT_FLEET_` and the setting in capitals with `__` between section and name,
3. files named by variables: the same name and `_FILE` (`AGENT_FLEET_FORGEJO__TOKEN_FILE=/run/secrets/token`),
4. systemd credentials: `LoadCredential=fleet.forgejo.token:/etc/…` makes a file `fleet.forgejo.token` in
   `$CREDENTIALS_DIRECTORY`,
5. the configuration file: `--config FILE`, else `AGENT_FLEET_CONFIG`, else the first that exists of
   `agent-fleet.toml` and `config.toml` in the current folder and `/etc/agent-fleet/config.toml`,
6. the defaults below.

The line end after a value in a file does not count. In variables and files a list is `a, b, c` or JSON;
`hosts`, `adapters`, `prices`, `notify`, `actions.allow` and `forgejo.writers` are JSON. Whatever is unknown, of
the wrong kind or impossible is refused at start, all of it at once: `agent-fleet config check` says what.
`agent-fleet config show` prints what holds, without secrets.
"""


def example_toml() -> str:
    """The text of `config.example.toml`."""
    parts = [HEAD]
    for section, keys in _by_section():
        parts.append(f"\n# {_doc_of(section)}\n[{section}]\n")
        parts += [_example_lines(key) for key in keys if key.name != "actions.allow"]  # has tables of its own, below
    for name, model, example in (
        ("hosts", HostEntry, HOSTS),
        ("actions.allow", ActionsRule, RULES),
        ("adapters", Adapter, ADAPTERS),
        ("notify", NotifyEntry, NOTIFY),
        ("prices", Price, PRICES),
    ):
        parts.append(f"\n# {_first_line(model)} {all_keys()[name].doc}\n{example}")
        parts += [_comment(key) for key in keys_of(model) if key.name not in example]
    return "".join(parts)


def _example_lines(key: Key) -> str:
    mark = "" if key.name in TO_FILL else "# "
    value = TO_FILL.get(key.name, key.default)
    return f"# {key.doc}\n{mark}{key.leaf} = {toml_value(value)}\n"


def _comment(key: Key) -> str:
    return f"# {key.leaf} = {toml_value(key.default)}  # {key.doc}\n"


def reference_page() -> str:
    """The text of `docs/reference/configuration.md`."""
    parts = [INTRODUCTION]
    for section, keys in _by_section():
        parts.append(f"\n## `[{section}]`\n\n{_doc_of(section)}\n\n{_table(keys, with_variable=True)}")
    for title, model in (
        ("`[[hosts]]`", HostEntry),
        ("`agents` of a host", HostAgent),
        ("`[[actions.allow]]`", ActionsRule),
        ("`hooks` of a host", HostHooks),
        ("`[[notify]]`", NotifyEntry),
        ("`[adapters.NAME]`", Adapter),
        ('`[prices."MODEL"]`', Price),
    ):
        parts.append(f"\n## {title}\n\n{_first_line(model)}\n\n{_table(keys_of(model), with_variable=False)}")
    return "".join(parts)


def _table(keys: Iterable[Key], *, with_variable: bool) -> str:
    head = ["Setting", "Kind", "Default", "Meaning"]
    lines = [_row(head), _row(["---"] * len(head))]
    for key in keys:
        name = f"`{key.leaf}`" + (f"<br>`{key.variable}`" if with_variable else "")
        default = "needed" if key.default is None else f"`{toml_value(key.default)}`"
        lines.append(_row([name, _kind(key), default, key.doc.replace("\n", " ")]))
    return "\n".join(lines) + "\n"


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"


def _kind(key: Key) -> str:
    if key.choices:
        return "one of " + ", ".join(f"`{choice}`" for choice in key.choices)
    names = {int: "whole number", float: "number", bool: "true or false", list: "list", dict: "table", str: "text"}
    return "secret" if key.secret else names[key.kind]


def _by_section() -> list[tuple[str, list[Key]]]:
    leaves = [key for key in all_keys().values() if key.section]
    return [(section, list(keys)) for section, keys in groupby(leaves, key=lambda key: key.section)]


def _doc_of(section: str) -> str:
    model = Settings.model_fields[section].annotation
    return _first_line(model) if isinstance(model, type) and issubclass(model, BaseModel) else ""


def _first_line(model: type[BaseModel]) -> str:
    return (model.__doc__ or "").strip().splitlines()[0]


def toml_value(value: object) -> str:
    """``value`` as TOML writes it (JSON's texts and whole numbers are TOML's too)."""
    match value:
        case SecretStr():
            return json.dumps(value.get_secret_value(), ensure_ascii=False)
        case Path():
            return json.dumps(str(value), ensure_ascii=False)
        case BaseModel():
            return toml_value({name: getattr(value, name) for name in value.model_fields_set})
        case dict():
            return (
                "{}"
                if not value
                else "{ " + ", ".join(f"{json.dumps(k)} = {toml_value(v)}" for k, v in value.items()) + " }"
            )
        case list():
            return f"[{', '.join(toml_value(one) for one in value)}]"
        case datetime.date() | datetime.time():
            return value.isoformat()
        case float():
            return repr(value)  # also nan and inf
        case None:
            return '""'
        case _:
            return json.dumps(value, ensure_ascii=False)
