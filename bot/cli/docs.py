"""agent-fleet docs: the generated files of the project, written from the code that they describe."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

import click

from bot.adapters.reference import agent_kinds, agent_page, agent_table
from bot.cli.docs_index import index_page
from bot.cli.reference import cli_page
from bot.commands.reference import reference_page as commands_page
from bot.core import actions_reference
from bot.core import operator_text as text
from bot.core.errors import Refused
from bot.core.events_reference import events_page, state_diagram
from bot.core.prompt_reference import prompt_page
from bot.service.labels_reference import labels_page
from bot.settings.policy_reference import policy_page
from bot.settings.reference import example_toml, reference_page
from bot.web.documents import skill_page
from bot.web.metrics import metrics_page
from bot.web.reference import api_reference


@dataclass(frozen=True)
class Document:
    """A generated file: its ``path`` in the clone and what ``build`` makes it."""

    path: str
    build: Callable[[], str]

    def content(self, root: Path) -> str:  # noqa: ARG002 - others look at what is in the clone
        """What the file in the clone ``root`` should hold."""
        return self.build()


@dataclass(frozen=True)
class Part(Document):
    """Only what stands between the two lines `<!-- name … -->` and `<!-- end of name -->` of a page."""

    name: str

    def content(self, root: Path) -> str:
        text = _content(root / self.path) or f"<!-- {self.name} -->\n<!-- end of {self.name} -->\n"
        part = re.compile(rf"(<!-- {self.name}\b[^>]*-->\n).*?(<!-- end of {self.name} -->)", re.DOTALL)
        return part.sub(lambda found: f"{found[1]}{self.build()}\n{found[2]}", text)


class Index(Document):
    """The list of all pages; comes last, because it reads the others."""

    def content(self, root: Path) -> str:
        return index_page((root / self.path).parent)


def _command_line() -> str:
    from bot.cli import cli

    return cli_page(cli)


#: Every generated file. A new one is a line here; the test suite then keeps it current.
DOCUMENTS: Final = (
    Document("config.example.toml", example_toml),
    Document("docs/agent-api-reference.md", api_reference),
    Document("docs/reference/configuration.md", reference_page),
    Document("docs/reference/prompt.md", prompt_page),
    Document("docs/reference/commands.md", commands_page),
    Document("docs/reference/policy.md", policy_page),
    Document("docs/agent-skill.md", skill_page),
    Document("docs/reference/metrics.md", metrics_page),
    Document("docs/reference/cli.md", _command_line),
    Document("docs/reference/events.md", events_page),
    Document("docs/reference/labels.md", labels_page),
    Part("docs/architecture.md", state_diagram, "states"),
    Part("docs/how-to/use-an-agent-cli.md", agent_table, "clis"),
    Document("docs/reference/actions.md", actions_reference.reference_page),
    *(
        Document(f"actions/{one.name}/action.yml", partial(actions_reference.action_yml, one))
        for one in actions_reference.ACTIONS
    ),
    *(Document(f"docs/reference/agents/{kind.names[0]}.md", partial(agent_page, kind)) for kind in agent_kinds()),
    Index("docs/README.md", str),
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
    if check and (stale := stale_documents(root)):
        raise Refused(text.generated_stale([document.path for document in stale]), text.build_docs())
    for document in DOCUMENTS:  # one after the other: the index reads what was written before it
        path, wanted = root / document.path, document.content(root)
        if _content(path) != wanted:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(wanted, encoding="utf-8")
            click.echo(text.generated_written(document.path))
    click.echo(text.generated_current(len(DOCUMENTS)))


def stale_documents(root: Path) -> list[Document]:
    """The generated files that are missing or not what the code says."""
    return [document for document in DOCUMENTS if _content(root / document.path) != document.content(root)]


def _content(path: Path) -> str | None:
    return path.read_text(encoding="utf-8") if path.is_file() else None
