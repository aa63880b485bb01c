"""agent-fleet docs: the generated files of the project, written from the code that they describe."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

import click

from bot.adapters.reference import agent_kinds, agent_page
from bot.commands.reference import reference_page as commands_page
from bot.core import actions_reference
from bot.core import operator_text as text
from bot.core.errors import Refused
from bot.core.prompt_reference import prompt_page
from bot.settings.policy_reference import policy_page
from bot.settings.reference import example_toml, reference_page
from bot.web.metrics import metrics_page
from bot.web.reference import api_reference


@dataclass(frozen=True)
class Document:
    """A generated file: its ``path`` in the clone and what ``build`` makes it."""

    path: str
    build: Callable[[], str]


#: Every generated file. A new one is a line here; the test suite then keeps it current.
DOCUMENTS: Final = (
    Document("config.example.toml", example_toml),
    Document("docs/agent-api-reference.md", api_reference),
    Document("docs/reference/configuration.md", reference_page),
    Document("docs/reference/prompt.md", prompt_page),
    Document("docs/reference/commands.md", commands_page),
    Document("docs/reference/policy.md", policy_page),
    Document("docs/reference/metrics.md", metrics_page),
    Document("docs/reference/actions.md", actions_reference.reference_page),
    *(
        Document(f"actions/{one.name}/action.yml", partial(actions_reference.action_yml, one))
        for one in actions_reference.ACTIONS
    ),
    *(Document(f"docs/reference/agents/{kind.names[0]}.md", partial(agent_page, kind)) for kind in agent_kinds()),
)


@click.group("docs")
def command() -> None:
    """Generate the reference (for people who change the code)."""


@command.command("build")
@click.option("--check", is_flag=True, help="Write nothing; fail when a file is not current.")
@click.option("--root", type=click.Path(path_type=Path), default=Path(), help="The clone [default: this folder].")
def build(check: bool, root: Path) -> None:
    """Write the generated files."""
    if not (root / "pyproject.toml").is_file() or not (root / "bot").is_dir():
        raise Refused(text.not_our_folder(str(root.resolve())), text.go_to_the_clone())
    stale = stale_documents(root)
    if check and stale:
        raise Refused(text.generated_stale([document.path for document in stale]), text.build_docs())
    for document in stale:
        path = root / document.path
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(document.build(), encoding="utf-8")
        click.echo(text.generated_written(document.path))
    click.echo(text.generated_current(len(DOCUMENTS)))


def stale_documents(root: Path) -> list[Document]:
    """The generated files that are missing or not what the code says."""
    return [document for document in DOCUMENTS if _content(root / document.path) != document.build()]


def _content(path: Path) -> str | None:
    return path.read_text(encoding="utf-8") if path.is_file() else None
