"""Read the settings: command line over variables over files over credentials over the configuration file."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from pydantic import ValidationError
from pydantic_settings import PydanticBaseSettingsSource

from bot.core import operator_text as text
from bot.settings.explain import explain, poison
from bot.settings.keys import all_keys
from bot.settings.layers import (
    Layer,
    choose_file,
    from_credentials,
    from_environment,
    from_overrides,
    from_toml,
    nested,
)
from bot.settings.problems import Problem, SettingsError
from bot.settings.sections import Settings

#: Without these the bot can do nothing; only the pull agent, which has no right to them, does.
NEEDED_BY_THE_BOT: Final = ("forgejo.url", "forgejo.token", "forgejo.webhook_secret")


@dataclass(frozen=True)
class Loaded:
    """``sources`` says for each setting that is not at its default where it came from."""

    settings: Settings
    files_read: tuple[Path, ...]
    sources: Mapping[str, str]


class _Given(PydanticBaseSettingsSource):
    """One layer, handed to pydantic-settings, which merges them by precedence."""

    def __init__(self, values: Mapping[str, object]) -> None:
        super().__init__(Settings)
        self._tree = nested(values)

    def get_field_value(self, field: Any, field_name: str) -> tuple[Any, str, bool]:  # noqa: ARG002 - their signature
        return self._tree.get(field_name), field_name, False

    def __call__(self) -> dict[str, Any]:
        return self._tree


def load(
    config_path: Path | None,
    env: Mapping[str, str],
    overrides: Mapping[str, object] | None = None,
    *,
    folder: Path | None = None,
    for_bot: bool = True,
) -> Loaded:
    """The settings; strongest first: overrides, variables, …_FILE, credentials, TOML, defaults.

    ``overrides`` are by dotted key, None = not given. Without ``config_path`` the usual places are
    looked at, beginning in ``folder`` (default: where we run). ``for_bot=False`` (pull agent) asks for no
    forge. Raises SettingsError with every problem found.
    """
    path = choose_file(config_path, env, folder or Path())
    problems: list[Problem] = []
    in_file = Layer()
    files_read: tuple[Path, ...] = ()
    if path is not None:
        try:
            in_file, files_read = from_toml(path), (path,)
        except SettingsError as error:
            problems += error.problems
    direct, from_files = from_environment(env)
    layers = [from_overrides(overrides or {}), direct, from_files, from_credentials(env), in_file]
    origin = {name: where for layer in reversed(layers) for name, where in layer.origin.items() if name in all_keys()}
    problems += [problem for layer in layers for problem in layer.problems]
    problems += _poisoned(layers)
    settings = _validated(layers, origin, problems)
    if for_bot and settings is not None and (path is None or files_read):
        problems += _missing(settings, {problem.key for problem in problems}, no_file=path is None)
    if problems or settings is None:
        raise SettingsError(tuple(problems), files_read)
    return Loaded(settings, files_read, origin)


def _poisoned(layers: list[Layer]) -> list[Problem]:
    """Problems of values that hurt whatever they are used for; they are taken out of their layers."""
    found = []
    for layer in layers:
        for name in list(layer.values):
            if hurt := poison(layer.values[name], name, layer.origin[name]):
                found += hurt
                del layer.values[name]
    return found


def _validated(layers: list[Layer], origin: Mapping[str, str], problems: list[Problem]) -> Settings | None:
    """The settings, or None and more ``problems``."""
    sources = tuple(_Given(layer.values) for layer in layers)
    try:
        return Settings(_build_sources=(sources, {}))
    except ValidationError as error:
        merged = nested({name: value for layer in reversed(layers) for name, value in layer.values.items()})
        problems += explain(error.errors(include_url=False), origin, merged)
        return None


def _missing(settings: Settings, already: set[str], *, no_file: bool) -> list[Problem]:
    """The bot's needs that nobody set; a key with another problem is not named twice."""
    found: list[Problem] = []
    for name in NEEDED_BY_THE_BOT:
        key = all_keys()[name]
        value = getattr(settings.forgejo, key.leaf)
        if not (value if isinstance(value, str) else value.get_secret_value()) and name not in already:
            fix = text.set_it_so(key.variable, key.section, key.leaf, no_file=no_file and not found)
            found.append(Problem(name, text.setting_missing(), fix))
    return found
