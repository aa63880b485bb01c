"""docs/README.md: every page, with its first sentence; a new page is in it by being there."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

_HEAD: Final = """\
# Documentation

<!-- Generated from the pages' first lines by `agent-fleet docs build`. -->

New here? [The first pull request](tutorial/first-pull-request.md) takes a quarter of an hour.
"""
#: Headings, and which pages stand below them, in this order; a page stands below the first that fits.
_ROOMS: Final = (
    ("Tutorials: step by step", "tutorial/*.md"),
    ("How to …", "how-to/*.md"),
    ("Installing and running it", "deployment.md"),
    ("For agents, and who brings them", "agent-*.md"),
    ("Why it is as it is", "explanation/*.md"),
    ("Agent CLIs", "reference/agents/*.md"),
    ("Reference", "reference/*.md"),
    ("More", "**/*.md"),
)


def index_page(docs: Path) -> str:
    """The text of the index of the folder ``docs``."""
    told = {docs / "README.md"}
    lines = [_HEAD]
    for heading, pattern in _ROOMS:
        pages = sorted(set(docs.glob(pattern)) - told)
        told |= set(pages)
        if pages:
            lines += [f"## {heading}\n", *(_line(docs, page) for page in pages), ""]
    return "\n".join(lines).rstrip() + "\n"


def _line(docs: Path, page: Path) -> str:
    title, first = _begins(page)
    link = f"- [{title}]({page.relative_to(docs).as_posix()})"
    return f"{link}: {first}" if first and "agents/" not in link else link


def _begins(page: Path) -> tuple[str, str]:
    """Title and first sentence of the first paragraph that is one."""
    text = re.sub(r"<!--.*?-->", "", page.read_text("utf-8"), flags=re.DOTALL)
    title = next((line[2:].strip() for line in text.splitlines() if line.startswith("# ")), page.stem)
    return title, next(_sentences(text.partition("\n## ")[0]), "")


def _sentences(text: str) -> Iterator[str]:
    for paragraph in re.split(r"\n\s*\n", text):
        words = " ".join(paragraph.split())
        if words and words[0] not in "#|`<[-" and not paragraph.startswith("    "):
            plain = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", words)
            yield re.split(r"(?<=[.:;?])\s", plain)[0].rstrip(".:;")
