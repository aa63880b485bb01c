"""Dashboard and alerts ask for metrics that exist, with labels that they have."""

import json
import re
from pathlib import Path
from typing import Final

from bot.web.metrics import COUNTERS, DISPATCH, GAUGES, PREFIX

FOLDER: Final = Path(__file__).parents[2] / "deploy" / "metrics"
KNOWN: Final[dict[str, tuple[str, ...]]] = {
    **{PREFIX + name: labels for name, labels in GAUGES.items()},
    **{f"{PREFIX}{name}_total": labels for name, labels in COUNTERS.values()},
    **{f"{PREFIX}{DISPATCH}_{part}": ("le",) for part in ("bucket", "sum", "count")},
}


def asked() -> list[str]:
    dashboard = json.loads((FOLDER / "grafana-dashboard.json").read_text("utf-8"))
    queries = [target["expr"] for panel in dashboard["panels"] for target in panel["targets"]]
    alerts = (FOLDER / "agent-fleet-alerts.yml").read_text("utf-8")
    return queries + re.findall(r"expr: (.*)", alerts)


def test_every_metric_that_is_asked_for_exists() -> None:
    found = [re.findall(rf"({PREFIX}\w+)(?:\{{([^}}]*)\}})?", query) for query in asked()]
    assert sum(map(len, found)) >= 20
    for name, labels in (one for query in found for one in query):
        assert name in KNOWN, name
        assert set(re.findall(r"(\w+)(?==|!=|=~)", labels)) <= set(KNOWN[name]), f"{name}{{{labels}}}"


def test_every_metric_is_on_the_dashboard_or_in_an_alert_or_for_other_uses() -> None:
    shown = " ".join(asked())
    left_out = {"info", "inbox_waiting", "inbox_oldest_seconds", "events_total", "tokens_total"}
    missing = {name for name in KNOWN if name.removeprefix(PREFIX) not in left_out and name not in shown}
    assert missing <= {f"{PREFIX}{DISPATCH}_sum", f"{PREFIX}{DISPATCH}_count"}
