"""`/metrics` for Prometheus: the sums kept in the database, so any process answers for all of them."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from prometheus_client import CollectorRegistry
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.metrics_core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)
from prometheus_client.registry import Collector

import bot
from bot.core import metrics_text as text
from bot.service.fleet import Fleet
from bot.store import Sql, beats, counters, gauges, hosts, retention
from bot.store.gauges import Waiting
from bot.store.measures import DISPATCH_BOUNDS
from bot.web.answers import Answer
from bot.web.callers import May
from bot.web.endpoint import Call, Endpoints

ENDPOINTS: Final = Endpoints("metrics", "Metrics")

PREFIX: Final = "agent_fleet_"
_Kept = Mapping[str, Mapping[tuple[str, ...], float]]

#: Counters: our name in the database, the public one, its labels.
COUNTERS: Final[Mapping[str, tuple[str, tuple[str, ...]]]] = {
    counters.WEBHOOKS: ("webhooks", ("outcome",)),
    counters.EVENTS: ("events", ("kind",)),
    counters.RETRIES: ("retries", ("reason",)),
    counters.FAILURES: ("failures", ("reason",)),
    counters.FORGE_ERRORS: ("forge_errors", ("kind",)),
    counters.COST: ("cost_usd", ("model", "source")),
    counters.TOKENS: ("tokens", ("model", "direction")),
}
#: Gauges and their label.
GAUGES: Final[Mapping[str, tuple[str, ...]]] = {
    "info": ("version",),
    "tasks": ("state",),
    "task_oldest_seconds": ("state",),
    "queue_tasks": ("requirements",),
    "queue_oldest_seconds": ("requirements",),
    "inbox_waiting": (),
    "inbox_oldest_seconds": (),
    "outbox_waiting": (),
    "outbox_oldest_seconds": (),
    "agents": ("status",),
    "agent_slots": (),
    "agent_slots_used": (),
    "hosts": ("state",),
    "loop_silence_seconds": ("loop",),
    "kept_bytes": ("kind",),
}
DISPATCH: Final = "dispatch_seconds"


@ENDPOINTS.get("/metrics", May.ANYONE, {200: "text/plain"})
def metrics(call: Call) -> Answer:
    """Numbers about the whole fleet for Prometheus; needs a read token unless `server.public_metrics` is set."""
    if not call.fleet.settings.server.public_metrics:
        call.house.doorkeeper.caller(call.request, May.READ)
    call.fleet.store.tally.flush()
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Sums(call.fleet))
    return Answer(generate_latest(registry).decode(), media=CONTENT_TYPE_LATEST)


@dataclass(frozen=True, eq=False)
class _Sums(Collector):
    fleet: Fleet

    def collect(self) -> Iterable[Metric]:
        return self.fleet.read(lambda sql: list(families(sql, self.fleet.clock())))


def families(sql: Sql, now: float) -> Iterator[Metric]:
    """Every metric there is, in the order of the reference."""
    kept = counters.everything(sql)
    gauge = {name: _gauge(name) for name in GAUGES}
    gauge["info"].add_metric([bot.__version__], 1)
    for labels, value in kept.get(counters.TASKS, {}).items():
        gauge["tasks"].add_metric(list(labels), value)
    for state, at in gauges.unchanged_since(sql).items():
        gauge["task_oldest_seconds"].add_metric([state], max(0.0, now - at))
    for name, waiting in gauges.classes(sql).items():
        gauge["queue_tasks"].add_metric([name], waiting.count)
        gauge["queue_oldest_seconds"].add_metric([name], _age(waiting, now))
    for name, waiting in (("inbox", gauges.inbox(sql)), ("outbox", gauges.outbox(sql))):
        gauge[f"{name}_waiting"].add_metric([], waiting.count)
        gauge[f"{name}_oldest_seconds"].add_metric([], _age(waiting, now))
    for status, count in gauges.agents(sql).items():
        gauge["agents"].add_metric([status], count)
    running, offered = gauges.slots(sql)
    gauge["agent_slots"].add_metric([], offered)
    gauge["agent_slots_used"].add_metric([], running)
    states = [host.state for host in hosts.listed(sql)]
    for state in sorted(set(states)):
        gauge["hosts"].add_metric([state], states.count(state))
    for loop, secs in beats.ages(sql, now).items():
        gauge["loop_silence_seconds"].add_metric([loop], secs)
    for kind in retention.KINDS:
        gauge["kept_bytes"].add_metric([kind], kept.get(counters.KEPT, {}).get((kind,), 0.0))
    yield from gauge.values()
    yield from _counters(kept)
    yield _dispatch(kept)


def metrics_page() -> str:
    """The text of `docs/reference/metrics.md`."""
    lines = [text.introduction()]
    for name, labels in GAUGES.items():
        lines.append(text.row(PREFIX + name, "gauge", labels, text.MEANING[name]))
    for name, labels in COUNTERS.values():
        lines.append(text.row(f"{PREFIX}{name}_total", "counter", labels, text.MEANING[name]))
    lines.append(text.row(PREFIX + DISPATCH, "histogram", (), text.MEANING[DISPATCH]))
    return "\n".join(lines) + "\n" + text.more()


def _gauge(name: str) -> GaugeMetricFamily:
    return GaugeMetricFamily(PREFIX + name, text.MEANING[name], labels=GAUGES[name])


def _counters(kept: _Kept) -> Iterator[Metric]:
    for key, (name, labels) in COUNTERS.items():
        family = CounterMetricFamily(PREFIX + name, text.MEANING[name], labels=labels)
        for values, value in kept.get(key, {}).items():
            family.add_metric(list(values), value)
        yield family


def _dispatch(kept: _Kept) -> Metric:
    found = {labels[0]: value for labels, value in kept.get(f"{counters.DISPATCH}_bucket", {}).items()}
    buckets, total = [], 0.0
    for bound in (*(f"{x:g}" for x in DISPATCH_BOUNDS), "+Inf"):
        total += found.get(bound, 0.0)
        buckets.append((bound, total))
    [summed] = kept.get(f"{counters.DISPATCH}_sum", {("",): 0.0}).values()
    family = HistogramMetricFamily(PREFIX + DISPATCH, text.MEANING[DISPATCH])
    family.add_metric([], buckets, sum_value=summed)
    return family


def _age(waiting: Waiting, now: float) -> float:
    return max(0.0, now - waiting.oldest_at) if waiting.oldest_at else 0.0
