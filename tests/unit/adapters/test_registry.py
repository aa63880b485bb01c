"""Finding adapters, and lines out of bytes."""

import importlib
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import bot.adapters
from bot.adapters.base import Line, Template
from bot.adapters.exec import Exec
from bot.adapters.lines import Lines
from bot.adapters.registry import adapter, adapters
from bot.core.errors import Refused


@pytest.fixture
def another_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A folder beside ours with one more adapter in it."""
    (tmp_path / "novel.py").write_text(
        "from bot.adapters.exec import Exec\nclass Novel(Exec):\n    names = ('novel-cli', 'novel')\n"
    )
    monkeypatch.setattr(bot.adapters, "__path__", [*bot.adapters.__path__, str(tmp_path)])
    importlib.invalidate_caches()
    adapters.cache_clear()
    yield
    adapters.cache_clear()
    sys.modules.pop("bot.adapters.novel", None)
    vars(bot.adapters).pop("novel", None)


@pytest.mark.usefixtures("another_file")
def test_a_new_file_is_all_it_takes() -> None:
    assert adapter("novel", {}).name == "novel-cli"
    assert {"exec", "novel", "novel-cli"} <= set(adapters())


def test_each_run_gets_an_object_of_its_own() -> None:
    templates = {"mine": Template(("tool",))}
    assert adapter("mine", templates) is not adapter("mine", templates)


def test_the_operators_own_command_comes_first() -> None:
    found = adapter("exec", {"exec": Template(("tool",))})
    assert isinstance(found, Exec)
    assert found.template.argv == ("tool",)


def test_an_unknown_type_says_what_there_is() -> None:
    with pytest.raises(Refused) as refused:
        adapter("minee", {"mine": Template(("tool",))})
    assert "Did you mean mine?" in refused.value.fix
    assert "exec" in refused.value.fix


def test_every_adapter_has_names_and_a_description() -> None:
    for name, kind in adapters().items():
        assert name in kind.names
        assert kind.__doc__


@given(st.lists(st.binary(max_size=20), max_size=20))
def test_lines_do_not_depend_on_how_they_come(chunks: list[bytes]) -> None:
    data = b"".join(chunks)
    whole, pieces = Lines(1000), Lines(1000)
    at_once = [*whole.feed("stdout", data), *whole.end()]
    assert [line for chunk in chunks for line in pieces.feed("stdout", chunk)] + list(pieces.end()) == at_once
    assert len(at_once) == len(data.removesuffix(b"\n").split(b"\n")) * (data != b"")


def test_streams_do_not_mix_and_long_lines_are_cut() -> None:
    lines = Lines(5)
    assert list(lines.feed("stdout", b"ab")) == []
    assert list(lines.feed("stderr", b"x\n")) == [Line("stderr", "x")]
    assert list(lines.feed("stdout", b"cdefgh\r\nnext")) == [Line("stdout", "abcde", cut=True)]
    assert list(lines.end()) == [Line("stdout", "next")]
