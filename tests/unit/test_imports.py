"""Imports go one way; each outside library has one door. The rules are the data below."""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

import pytest

ROOT: Final = Path(__file__).parents[2]

#: Each room of `bot/` and how high it lies; a room imports its own height and what lies below.
HEIGHT: Final = {
    "core": 0,
    "settings": 1,
    "logs": 1,
    "tracing": 1,
    "signing": 1,
    "idkeys": 1,
    "commands": 2,
    "webhooks": 2,
    "adapters": 2,
    "store": 3,
    "forge": 3,
    "execution": 3,
    "notify": 3,
    "service": 4,
    "dispatch": 5,
    "dashboard": 5,
    "web": 5,
    "doctor": 5,
    "worker": 5,
    "agent": 5,
    "mcp": 5,
    "__main__": 7,
    "cli": 5,
    "demo": 5,
    "standin": 5,
    "app": 6,
}
#: Rooms that may import less than their height allows.
ONLY: Final = {"core": {"core"}, "standin": {"standin", "core"}, "settings": {"settings", "core"}}
#: Rooms that few may import.
ENTERED_BY: Final = {"standin": {"standin", "cli", "demo"}, "app": set[str](), "cli": {"cli", "__main__"}}

#: The only rooms that import an outside library.
DOORS: Final = {
    "peewee": {"store", "migrations"},
    "playhouse": {"store", "migrations"},
    "psycopg": {"store"},
    "pyforgejo": {"forge"},
    "httpx": {"forge"},
    "paramiko": {"execution"},
    "cryptography": {"signing", "idkeys", "standin"},
    "schedule": {"worker"},
    "flask": {"web", "dashboard", "standin", "app"},
    "jinja2": {"dashboard"},
    "markupsafe": {"dashboard"},
    "pydantic_settings": {"settings"},
    "click": {"cli"},
    "mcp": {"mcp"},
    "opentelemetry": {"tracing"},
}


class Import(NamedTuple):
    module: str
    target: str
    line: int

    def __str__(self) -> str:
        return f"{self.module.replace('.', '/')}.py:{self.line} imports {self.target}"


def room_of(module: str) -> str:
    """``bot.core.text`` → core; `app.py` and `migrations/` are rooms of their own; ``bot`` itself → ""."""
    parts = module.split(".")
    return parts[0] if parts[0] != "bot" else (parts[1] if len(parts) > 1 else "")


def sources() -> dict[str, Path]:
    paths = [
        *sorted((ROOT / "bot").rglob("*.py")),
        *sorted((ROOT / "migrations").glob("*.py")),
        ROOT / "app.py",
    ]
    return {module_name(path): path for path in paths if path.is_file()}


def module_name(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


def imports_in(source: str, module: str, known: frozenset[str], is_package: bool = False) -> Iterator[Import]:
    """Every import in the text of ``module`` that happens when it runs, those inside functions too.

    What stands under ``if TYPE_CHECKING`` never runs: a type may name what it is a part of.
    """
    tree = ast.parse(source)
    for node in ast.walk(tree):
        if isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING":
            node.body = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield Import(module, alias.name, node.lineno)
        elif isinstance(node, ast.ImportFrom):
            base = absolute(node, module, is_package)
            for alias in node.names:
                inner = f"{base}.{alias.name}"
                yield Import(module, inner if inner in known else base, node.lineno)


def absolute(node: ast.ImportFrom, module: str, is_package: bool) -> str:
    if not node.level:
        return node.module or ""
    package = module.split(".") if is_package else module.split(".")[:-1]
    above = package[: len(package) - node.level + 1]
    return ".".join([*above, *([node.module] if node.module else [])])


def wrong(one: Import) -> str | None:
    """Why this import may not be, or None."""
    here, library = room_of(one.module), one.target.split(".")[0]
    if library not in ("bot", "app", "migrations"):
        if here == "core" and library not in sys.stdlib_module_names:
            return f"{one}: core decides with the standard library only"
        if library in DOORS and here not in DOORS[library]:
            return f"{one}: only {' and '.join(sorted(DOORS[library]))} may import {library}"
        return None
    there = room_of(one.target)
    if not there or there == here or here == "migrations":  # bot itself holds the version only
        return None
    if unknown := {here, there} - set(HEIGHT) - {""}:
        return f"{one}: say in HEIGHT where {', '.join(sorted(unknown))} lies"
    if here in ONLY and there not in ONLY[here]:
        return f"{one}: {here} imports nothing but {' and '.join(sorted(ONLY[here]))}"
    if there in ENTERED_BY and here not in ENTERED_BY[there]:
        return f"{one}: nothing here may import {there}"
    if not here or HEIGHT[here] < HEIGHT[there]:
        return f"{one}: {there} lies above {here or 'bot'}; hand it in as an argument instead"
    return None


@pytest.fixture(scope="module")
def all_imports() -> list[Import]:
    modules = sources()
    known = frozenset(modules)
    return [
        one
        for module, path in modules.items()
        for one in imports_in(path.read_text(encoding="utf-8"), module, known, path.name == "__init__.py")
    ]


def test_imports_go_one_way(all_imports: list[Import]) -> None:
    found = [reason for one in all_imports if (reason := wrong(one))]
    assert not found, "\n" + "\n".join(found)


def test_every_room_has_its_height() -> None:
    rooms = {room_of(module) for module in sources()} - {"", "migrations"}
    assert rooms <= set(HEIGHT), f"say in HEIGHT where {sorted(rooms - set(HEIGHT))} lies"


def test_no_two_modules_need_each_other(all_imports: list[Import]) -> None:
    graph: dict[str, set[str]] = {module: set() for module in sources()}
    for one in all_imports:
        if one.target in graph and one.target != one.module:
            graph[one.module].add(one.target)
    found = cycle(graph)
    assert not found, "a cycle: " + " → ".join(found)


def cycle(graph: dict[str, set[str]]) -> list[str]:
    """Some cycle of ``graph`` with its first member again at the end, or []."""
    done: set[str] = set()

    def walk(module: str, path: list[str]) -> list[str]:
        if module in path:
            return [*path[path.index(module) :], module]
        if module in done:
            return []
        found = next((loop for target in sorted(graph[module]) if (loop := walk(target, [*path, module]))), [])
        done.add(module)
        return found

    return next((loop for module in sorted(graph) if (loop := walk(module, []))), [])


@pytest.mark.parametrize(
    ("source", "module", "because"),
    [
        ("import pydantic", "bot.core.text", "standard library only"),
        ("def f():\n    import peewee", "bot.web.api", "only migrations and store may import peewee"),
        ("from bot.store import claims", "bot.core.matching", "core imports nothing but core"),
        ("from bot.web import api", "bot.store.claims", "web lies above store"),
        ("from ..web import api", "bot.store.claims", "web lies above store"),
        ("from bot.forge import client", "bot.standin.api", "standin imports nothing but core and standin"),
        ("import app", "bot.web.server", "nothing here may import app"),
        ("import bot.novel", "bot.web.server", "say in HEIGHT where novel lies"),
        ("import bot.service", "bot.settings", "settings imports nothing but core"),
    ],
)
def test_a_wrong_import_is_seen(source: str, module: str, because: str) -> None:
    [one] = imports_in(source, module, frozenset())
    assert because in (wrong(one) or "")


def test_a_cycle_is_seen() -> None:
    assert cycle({"a": {"b"}, "b": {"c"}, "c": {"b"}}) == ["b", "c", "b"]
    assert cycle({"a": {"b", "c"}, "b": {"c"}, "c": set()}) == []
