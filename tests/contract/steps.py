"""How a recorded step is done over. Each key of ``STEPS`` is a step's name in the recording's table."""

from collections.abc import Callable
from typing import Any, Final

from tests.contract.hooked import Scene

Deed = Callable[[Scene], None]

STEPS: Final[dict[str, Deed]] = {}


def does(name: str, login: str, method: str, path: str, body: Any = None, **how: Any) -> None:
    """One API call; ``{x}`` in the path is something kept, "label:x" in the body a label's id."""

    def deed(scene: Scene) -> None:
        filled = path.format_map(scene.kept)
        sent = {key: _filled(scene, value) for key, value in body.items()} if body else body
        keep = how.get("keep")
        answer = scene.call(login, method, filled, sent, refused=how.get("refused", False), file=how.get("file", b""))
        if keep:
            scene.kept[keep] = answer[how.get("part", "id")]

    STEPS[name] = deed


def _filled(scene: Scene, value: Any) -> Any:
    if isinstance(value, list):
        return [_filled(scene, one) for one in value]
    if isinstance(value, str) and value.startswith("label:"):
        return scene.kept[value.removeprefix("label:")]
    return value


def step(name: str) -> Callable[[Deed], Deed]:
    """A step that takes more than one call."""

    def keep(deed: Deed) -> Deed:
        STEPS[name] = deed
        return deed

    return keep
