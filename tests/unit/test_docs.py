"""What the pages say is there: commands, options, settings, files, links; and what is there, the pages say."""

import re
import shlex
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import click
import pytest

from bot.cli import COMMANDS, cli
from bot.commands.registry import commands
from bot.core.events import KINDS
from bot.core.states import TRANSITIONS
from bot.settings import SettingsError, load
from bot.settings.keys import all_keys
from bot.settings.policy import Policy
from bot.settings.policy import read as read_policy
from bot.web.application import ROOMS
from bot.web.metrics import COUNTERS, GAUGES
from tests.docs.pages import blocks

ROOT: Final = Path(__file__).parents[2]
DOCS: Final = ROOT / "docs"
PAGES: Final = sorted([*ROOT.glob("*.md"), *DOCS.rglob("*.md")])
CONFIG: Final = '[forgejo]\nurl = "https://git.example.org"\ntoken = "t"\nwebhook_secret = "s"\n'


def name_of(page: Path) -> str:
    return str(page.relative_to(ROOT))


def reference(name: str) -> str:
    return (DOCS / name).read_text("utf-8")


def walk(command: click.Command, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    yield path, command
    if isinstance(command, click.Group):
        for name in command.list_commands(click.Context(command)):
            inner = command.get_command(click.Context(command), name)
            assert inner is not None
            yield from walk(inner, (*path, name))


# --- what is there is told ------------------------------------------------------------------------------------


def test_every_command_and_option_is_in_the_reference() -> None:
    page = reference("reference/cli.md")
    for path, command in walk(cli):
        section = page.partition(f"# {' '.join(('agent-fleet', *path))}\n")[2].partition("\n###")[0]
        assert section, path
        for option in (one for one in command.params if isinstance(one, click.Option) and not one.hidden):
            assert option.opts[0] in section, (path, option.opts)
            assert option.help or option.is_eager, f"{path} {option.opts} has no word of help"


def test_every_slash_command_event_metric_endpoint_and_key_is_in_its_reference() -> None:
    assert not [name for name in commands() if f"\n## {name}\n" not in reference("reference/commands.md")]
    assert not [kind for kind in KINDS if f"\n## {kind}\n" not in reference("reference/events.md")]
    names = [*GAUGES, *(f"{name}_total" for name, _ in COUNTERS.values()), "dispatch_seconds"]
    assert not [name for name in names if f"`agent_fleet_{name}`" not in reference("reference/metrics.md")]
    calls = [f"### {one.method} {one.shown_path}\n" for room in ROOMS for one in room.all]
    assert not [call for call in calls if call not in reference("agent-api-reference.md")]
    assert not [
        key for key in all_keys() if f"`{key.rpartition('.')[2]}`" not in reference("reference/configuration.md")
    ]
    policy = reference("reference/policy.md")
    assert not [key for key in Policy.model_fields if f"| `{key}` |" not in policy and f"| `[{key}]` |" not in policy]


def test_every_event_says_what_it_is() -> None:
    assert not [kind for kind, event in KINDS.items() if (event.__doc__ or "").startswith(f"{event.__name__}(")]


def test_every_way_from_state_to_state_is_in_the_diagram() -> None:
    page = reference("architecture.md")
    for (source, event), target in TRANSITIONS.items():
        if source is not target:
            arrow = rf"  {re.escape(source.value if source else '[*]')} --> {target.value}: .*\b{event.kind}\b"
            assert re.search(arrow, page) or f"- `{event.kind}` leads to `{target}` from every other state" in page


def test_the_readme_names_every_command_and_is_short() -> None:
    text = (ROOT / "README.md").read_text("utf-8")
    assert not [name for name in COMMANDS if not re.search(rf"`[^`]*\b{name}\b[^`]*`", text)]
    assert len(text.splitlines()) <= 150


# --- what is told is there ------------------------------------------------------------------------------------


def command_lines(page: Path) -> Iterator[list[str]]:
    """Every `agent-fleet …` of a page, in a block or in a sentence, as words."""
    text = re.sub(
        r"^```(?:yaml|toml|text|mermaid)\n.*?^```$", "", page.read_text("utf-8"), flags=re.MULTILINE | re.DOTALL
    )
    text = text.replace("\\\n", " ")
    inside = "".join(re.findall(r"^```.*?\n(.*?)^```$", text, re.MULTILINE | re.DOTALL))
    lines = re.findall(r"^ {4,}(?:\S*/)?agent-fleet (.*)$|`(?:\S*/)?agent-fleet ([^`]*)`", text, re.MULTILINE)
    for found in [*lines, *((line, "") for line in re.findall(r"^agent-fleet (.*)$", inside, re.MULTILINE))]:
        line = re.split(r"\s[>#|<&]|\s{2,}(?=[a-z])|;", "".join(found))[0].replace("…", "").replace("·", "")
        yield shlex.split(line.replace("|", " "))


@pytest.mark.parametrize("page", [page for page in PAGES if page.name != "CHANGELOG.md"], ids=name_of)
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
        known = words[:1] in ([], ["COMMAND"], ["[OPTIONS]"]) or words[0].startswith("-")
        assert command is not cli or known, f"{page.name}: agent-fleet {' '.join(words)}"


def anchors(page: Path) -> set[str]:
    """Of its headings, as forges make them."""
    headings = re.findall(r"^#+ (.*)$", page.read_text("utf-8"), re.MULTILINE)
    plain = (re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-") for heading in headings)
    return set(plain)


def links(page: Path) -> Iterator[tuple[Path, str]]:
    text = re.sub(r"^```.*?^```$|`[^`\n]*`(?!\])", "", page.read_text("utf-8"), flags=re.MULTILINE | re.DOTALL)
    for target, anchor in re.findall(r"\]\(([^)#:\s]*)(?:#([^)]*))?\)", text):
        yield (page.parent / target).resolve() if target else page, anchor


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_links_lead_somewhere(page: Path) -> None:
    for target, anchor in links(page):
        assert target.exists(), f"{page.name}: {target}"
        assert not anchor or anchor in anchors(target), f"{page.name}: {target.name}#{anchor}"


def test_every_page_is_reached_from_the_readme() -> None:
    seen, ahead = set[Path](), [ROOT / "README.md"]
    while ahead:
        page = ahead.pop()
        if page not in seen:
            seen.add(page)
            ahead += [target for target, _ in links(page) if target.suffix == ".md"]
    assert not [name_of(page) for page in DOCS.rglob("*.md") if page not in seen]


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_files_and_tests_that_are_named_exist(page: Path) -> None:
    text = page.read_text("utf-8").replace("There is no `bot/store/models.py`", "")
    for name, test in re.findall(r"`((?:bot|tests|deploy|migrations|benchmarks)/[\w./@-]+?)(?:::(\w+))?`", text):
        assert (ROOT / name).exists(), f"{page.name}: {name}"
        assert not test or f"def {test}(" in (ROOT / name).read_text("utf-8"), f"{page.name}: {name}::{test}"


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_settings_that_are_shown_are_accepted(page: Path, tmp_path: Path) -> None:
    shown = re.findall(
        r"(<!-- toml: policy -->\n)?^ *```toml\n(.*?)^ *```$", page.read_text("utf-8"), re.MULTILINE | re.DOTALL
    )
    for policy, toml in shown:
        if policy:
            read_policy(toml)
            continue
        config = tmp_path / "config.toml"
        config.write_text(re.sub(r"^ {3}", "", toml, flags=re.MULTILINE) + ("" if "[forgejo]" in toml else CONFIG))
        apart = (
            {"AGENT_FLEET_DASHBOARD__CLIENT_SECRET": "kept-apart"} if "client_id" in toml else {}
        )  # as the page says
        try:
            load(config, apart, for_bot="[forgejo]" not in toml)
        except SettingsError as error:
            pytest.fail(f"{page.name}: {toml}\n{error.problems}")


@pytest.mark.parametrize("page", [page for page in PAGES if page.name != "agent-api-reference.md"], ids=name_of)
def test_settings_that_are_named_exist(page: Path) -> None:
    leaves = {key.leaf for key in all_keys().values()} | {"min_free_mib", "ssh_key_path"}
    for name in re.findall(r"`(?!agent_fleet_)(\w+_(?:bytes|days|mib|path))`", page.read_text("utf-8")):
        assert name in leaves | set(Policy.model_fields), name


def test_how_blocks_are_run_is_understood() -> None:
    for page in (ROOT / "README.md", DOCS / "tutorial/first-pull-request.md", DOCS / "agent-skill.md"):
        for block in blocks(page):
            assert block.how in ("", "background", "repeat", "shows", "stdin", "by", "not"), (
                f"{page.name}: {block.line}"
            )


def test_the_picture_is_one_and_has_words_for_those_who_do_not_see_it() -> None:
    root = ET.parse(DOCS / "picture.svg").getroot()
    assert root.find("{http://www.w3.org/2000/svg}desc") is not None
    assert "prefers-color-scheme: dark" in (DOCS / "picture.svg").read_text("utf-8")
