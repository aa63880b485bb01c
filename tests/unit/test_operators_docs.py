"""What the operators' pages tell people to type exists: commands, options, settings, files."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import click
import pytest

from bot.cli import COMMANDS, cli
from bot.settings.keys import all_keys

ROOT: Final = Path(__file__).parents[2]
PAGES: Final = sorted([ROOT / "README.md", ROOT / "docs/deployment.md", *(ROOT / "docs/how-to").glob("*.md")])


def command_lines(page: Path) -> Iterator[list[str]]:
    """Every `agent-fleet …` of a page, in a line of code or in a sentence, as words."""
    text = page.read_text("utf-8").replace("\\\n", " ")
    for found in re.findall(r"^ {4,}(?:\S*/)?agent-fleet (.*)$|`(?:\S*/)?agent-fleet ([^`]*)`", text, re.MULTILINE):
        line = re.split(r"\s[>#|<]|\s{2,}(?=[a-z])|;", "".join(found))[0].replace("…", "").replace("·", "")
        yield shlex.split(line.replace("|", " "))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_commands_and_options_exist(page: Path) -> None:
    for words in command_lines(page):
        command: click.Command = cli
        context = click.Context(cli)
        for word in words:
            if isinstance(command, click.Group) and (inner := command.get_command(context, word)):
                command = inner
            options = {name for one in command.params for name in one.opts} | {"--help", "--version"}
            options |= {name for one in cli.params for name in one.opts}
            if word.startswith("--"):
                assert word.split("=")[0] in options, f"{page.name}: agent-fleet {' '.join(words)}"
        assert command is not cli or words[:1] in ([], ["--help"], ["--bind"]) or words[0].startswith("-"), words


def test_every_command_is_in_the_readme() -> None:
    text = (ROOT / "README.md").read_text("utf-8")
    told = set(re.findall(r"`(?:agent-fleet )?([a-z-]+)", text))
    assert set(COMMANDS) - told <= {"completion", "docs"}


def test_settings_and_files_named_in_the_deployment_guide_exist() -> None:
    text = (ROOT / "docs/deployment.md").read_text("utf-8")
    leaves = {key.leaf for key in all_keys().values()} | {"min_free_mib", "ssh_key_path"}
    for name in re.findall(r"`(\w+_(?:bytes|days|mib|path))`", text):
        assert name in leaves, name
    for page in PAGES:
        for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text("utf-8")):
            assert (page.parent / target).exists(), f"{page.name}: {target}"
