"""Where settings come from: each source becomes one flat layer of dotted key → value and origin."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from bot.core import operator_text as text
from bot.settings.keys import NOT_SETTINGS, PREFIX, Key, all_keys, nearest, suggestion
from bot.settings.problems import Problem, SettingsError

#: Looked for in this order when no file is named; the first that exists is read.
IN_THIS_FOLDER: Final = ("agent-fleet.toml", "config.toml")
SYSTEM_WIDE: Final = Path("/etc/agent-fleet/config.toml")
CREDENTIAL_PREFIX: Final = "fleet."
LARGEST_FILE: Final = 1024 * 1024


@dataclass
class Layer:
    """One source's settings by dotted key, and the ``origin`` of each (a file, a variable, an option)."""

    values: dict[str, object] = field(default_factory=dict)
    origin: dict[str, str] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)

    def put(self, name: str, value: object, origin: str) -> None:
        self.values[name], self.origin[name] = value, origin


def choose_file(named: Path | None, env: Mapping[str, str], folder: Path) -> Path | None:
    """The file to read: the named one, ``AGENT_FLEET_CONFIG``'s, one of ``folder``, the system's, or none."""
    if named is None and env.get("AGENT_FLEET_CONFIG"):
        named = Path(env["AGENT_FLEET_CONFIG"])
    if named is not None:
        return named
    usual = [*(folder / name for name in IN_THIS_FOLDER), SYSTEM_WIDE]
    return next((path for path in usual if path.is_file()), None)


def from_toml(path: Path) -> Layer:
    """The configuration file. Raises SettingsError when it cannot be read at all."""
    layer = Layer()
    try:
        tree = tomllib.loads(_read(path))
    except (ValueError, RecursionError) as error:  # also bytes that are no UTF-8, and numbers beyond reason
        reason = text.not_toml(" ".join(str(error).split()))
        raise SettingsError((Problem(str(path), reason),)) from error
    except OSError as error:
        raise SettingsError((_unreadable(str(path), path, error, ""),)) from error
    sections = {key.section for key in all_keys().values()} - {""}
    for name, value in tree.items():
        if name in sections and isinstance(value, dict):
            for leaf, inner in value.items():
                layer.put(f"{name}.{leaf}", inner, str(path))
        else:
            layer.put(name, value, str(path))
    _refuse_unknown(layer, sections)
    return layer


def _refuse_unknown(layer: Layer, sections: set[str]) -> None:
    for name in list(layer.values):
        if name in all_keys():
            continue
        origin = layer.origin[name]
        if name in sections:
            reason = text.wrong_type(f"a table ([{name}])", _kind_of(layer.values[name]))
            layer.problems.append(Problem(name, reason, source=origin))
        else:
            layer.problems.append(Problem(name, text.not_a_setting(), suggestion(name), origin))
        del layer.values[name]


def _kind_of(value: object) -> str:
    return "a list" if isinstance(value, list) else "a single value"


def from_environment(env: Mapping[str, str]) -> tuple[Layer, Layer]:
    """Variables that hold values, and variables (``…_FILE``) that name files with values; values win."""
    direct, files = Layer(), Layer()
    by_variable = {key.variable: key for key in all_keys().values()}
    for variable, written in env.items():
        if not variable.startswith(PREFIX) or variable in NOT_SETTINGS:
            continue
        if key := by_variable.get(variable):
            direct.put(key.name, key.read(written), variable)
        elif key := by_variable.get(variable.removesuffix("_FILE")):
            _put_file(files, key, Path(written), variable)
        else:
            meant = nearest(variable, by_variable)
            fix = text.did_you_mean(meant) if meant else text.see_the_reference()
            direct.problems.append(Problem(variable, text.not_a_setting(), fix, variable))
    return direct, files


def from_credentials(env: Mapping[str, str]) -> Layer:
    """Files `fleet.<key>` in the folder that systemd's LoadCredential= gives us."""
    layer = Layer()
    if not env.get("CREDENTIALS_DIRECTORY"):
        return layer
    folder = Path(env["CREDENTIALS_DIRECTORY"])
    try:
        paths = sorted(path for path in folder.iterdir() if path.name.startswith(CREDENTIAL_PREFIX))
    except (OSError, ValueError) as error:
        layer.problems.append(_unreadable("CREDENTIALS_DIRECTORY", folder, error, ""))
        return layer
    for path in paths:
        if key := all_keys().get(path.name.removeprefix(CREDENTIAL_PREFIX)):
            _put_file(layer, key, path, str(path))
        else:
            meant = suggestion(path.name.removeprefix(CREDENTIAL_PREFIX))
            layer.problems.append(Problem(path.name, text.not_a_setting(), meant, str(path)))
    return layer


def from_overrides(overrides: Mapping[str, object]) -> Layer:
    """Options of the command line by dotted key; None = not given. KeyError for a key that does not exist."""
    layer = Layer()
    for name, value in overrides.items():
        if value is not None:
            layer.put(all_keys()[name].name, value, f"--{all_keys()[name].leaf}")
    return layer


def _put_file(layer: Layer, key: Key, path: Path, origin: str) -> None:
    try:
        layer.put(key.name, key.read(_read(path).rstrip("\r\n")), origin)
    except (OSError, ValueError) as error:
        layer.problems.append(_unreadable(key.name, path, error, origin))


def _read(path: Path) -> str:
    with path.open("rb") as file:
        content = file.read(LARGEST_FILE + 1)
    if len(content) > LARGEST_FILE:
        raise OSError(None, text.larger_than(LARGEST_FILE))
    return content.decode()


def _unreadable(key: str, path: Path, error: OSError | ValueError, origin: str) -> Problem:
    reason = error.strerror if isinstance(error, OSError) and error.strerror else text.not_text()
    return Problem(key, text.file_unreadable(str(path), reason), text.check_the_file(), origin)


def nested(values: Mapping[str, object]) -> dict[str, Any]:
    """The tree of a flat layer, as the models want it."""
    tree: dict[str, Any] = {}
    for name, value in values.items():
        section, _, leaf = name.rpartition(".")
        (tree.setdefault(section, {}) if section else tree)[leaf] = value
    return tree
