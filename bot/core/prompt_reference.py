"""The reference page about prompts, written from what the renderer knows."""

from typing import Final

from bot.core import prompt
from bot.core import prompt_text as text

_PAGE: Final = """\
# Prompts

<!-- Generated from bot/core by `agent-fleet docs build`; change the code, not this page. -->

What an agent is told is made from `{path}` on the repository's **default branch**; without that file, from the
built-in template below. How to write one: [Give agents a prompt of your own](../how-to/write-a-prompt.md).

## Variables

A template knows `{{{{ variable }}}}` and nothing else; blanks inside the braces do not matter. An unknown variable, a
brace that is not closed, `{{%` and `{{#` are errors: they are shown on the issue with their line, no agent starts, and
the task is queued again by itself when the file is mended. At most 64 KiB, UTF-8.

| Variable | What it stands for |
|---|---|
{variables}

"As people's words" means: in a fence of backticks longer than any inside it, introduced as data, without invisible
and direction-changing characters, escape sequences and HTML comments. Values are not looked at for variables again.
Title and text of the issue are those of the moment when somebody with the right to asked for the work.

## The built-in template

````markdown
{default}````

## `how_to_work`

````markdown
{how}
````

## When an agent goes on

An agent that asked, or whose attempt failed, and that still has its session is told only what is new: the answer,
notes, how the last attempt ended. The template is not used for that.
"""


def prompt_page() -> str:
    """The text of `docs/reference/prompt.md`."""
    rows = (f"| `{name}` | {meaning} |" for name, meaning in prompt.VARIABLES.items())
    return _PAGE.format(
        path=prompt.PATH, variables="\n".join(rows), default=text.DEFAULT_TEMPLATE, how=text.HOW_TO_WORK
    )
