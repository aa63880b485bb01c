"""What pages make of sentences: our marks are shown as what they mean, and nobody can break a page with his own."""

import pytest

from bot.core import now_text
from bot.dashboard.frame import prose

SHOWN = prose("https://forge.test")


@pytest.mark.parametrize("address", ["http://[", "http://[::1", "https://forge.test@[x", "https://[evil]/"])
def test_an_address_that_is_none_is_text(address: str) -> None:
    assert str(SHOWN(f"see [this]({address}) now")) == f"see [this]({address}) now"


def test_links_lead_to_the_forge_and_nowhere_else() -> None:
    assert str(SHOWN("[#1](https://forge.test/ann/demo/issues/1)")) == (
        '<a href="https://forge.test/ann/demo/issues/1">#1</a>'
    )
    for other in ("https://forge.test.evil.example/", "https://forge.test@evil.example/", "http://forge.test/"):
        assert "<a" not in str(SHOWN(f"[#1]({other})"))


def test_what_an_agent_says_makes_no_links() -> None:
    said = now_text.works("gpu-1", "done, [approve](https://forge.test/user/logout) `x` <b>")
    assert "<a" not in str(SHOWN(said))
    assert "&lt;b&gt;" in str(SHOWN(said))
