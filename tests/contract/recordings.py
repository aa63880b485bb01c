"""What a real Forgejo 15.0 answered and sent (`tests/recordings/forgejo-15`, see its README)."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path(__file__).parent.parent / "recordings" / "forgejo-15"
SECRET: Final = "recording-secret"
PREFIX: Final = "/api/v1"


@dataclass(frozen=True)
class Exchange:
    """A recorded API call and its answer. ``who`` says with which credentials."""

    name: str
    who: str
    method: str
    path: str
    request: Any
    status: int
    headers: dict[str, str]
    response: Any
    size: int


@dataclass(frozen=True)
class Webhook:
    """A recorded delivery."""

    file: str
    headers: dict[str, str]
    body: str

    @property
    def payload(self) -> Any:
        return json.loads(self.body)

    @property
    def kind(self) -> tuple[str, str]:
        """Event type and action (for branches and tags: which of the two)."""
        return kind(self.headers, self.payload)


@dataclass(frozen=True)
class Step:
    """What somebody did on the recorded instance, and the webhooks it caused."""

    name: str
    by: str
    webhooks: tuple[Webhook, ...]


def kind(headers: dict[str, str], payload: Any) -> tuple[str, str]:
    """Event type and action of a delivery."""
    return headers["X-Forgejo-Event-Type"], str(payload.get("action") or payload.get("ref_type") or "")


def _exchange(file: Path) -> Exchange:
    said = json.loads(file.read_text())
    headers = {name.lower(): value for name, value in said["headers"].items()}
    return Exchange(
        name=file.stem,
        who=said["as"],
        method=said["method"],
        path=said["path"],
        request=said["request"],
        status=said["status"],
        headers=headers,
        response=said["response"],
        size=said["response_bytes"],
    )


def exchanges() -> list[Exchange]:
    """Every recorded API exchange, in the order in which they happened."""
    files = sorted((ROOT / "api").glob("*.json"))
    # One file holds the claims of a token, not an exchange.
    return [_exchange(file) for file in files if "oidc-token-claims" not in file.name]


def _webhook(path: str) -> Webhook:
    said = json.loads((ROOT / path).read_text())
    return Webhook(path, said["headers"], said["body"])


def steps() -> list[Step]:
    """Every recorded step on the hooked repository, with what it sent (perhaps nothing)."""
    found: dict[str, Step] = {}
    for line in json.loads((ROOT / "index.json").read_text())["webhooks"]:
        old = found.get(line["step"], Step(line["step"], line["by"], ()))
        new = (_webhook(line["file"]),) if line["file"] else ()
        found[line["step"]] = Step(old.name, old.by, old.webhooks + new)
    return list(found.values())
