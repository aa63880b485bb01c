"""OpenTelemetry traces, when the extra is installed and an address is configured; otherwise nothing is imported.

All spans of a task are one trace, in whatever process they are made: its trace id is made from the task's id. What
belongs to no task has the trace of its request or delivery. Names and ids only: no text of anybody is in a span.
"""

import contextlib
import hashlib
import threading
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

import structlog

log = structlog.get_logger(__name__)

Attributes = Mapping[str, str | int]

#: The one that was configured for this process, None = no traces.
_tracer: Any = None
_SERVICE: Final = "agent-fleet"
#: How long the last spans are waited for.
_END_SECS: Final = 5.0


def configure(endpoint: str, *, exporter: Any = None) -> Callable[[], None]:
    """From now on spans go to ``endpoint`` (OTLP over HTTP, such as ``http://127.0.0.1:4318``); "" = nowhere.

    ``exporter`` takes its place in tests. Returns what sends the rest and ends it. Without the extra it says so in
    the log, once, and does nothing: no service stands still for its traces.
    """
    global _tracer
    _tracer = None
    if not endpoint and exporter is None:
        return lambda: None
    try:
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor, SimpleSpanProcessor

        provider = TracerProvider(resource=Resource.create({"service.name": _SERVICE}), shutdown_on_exit=False)
        if exporter is None:
            from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter

            sending = OTLPSpanExporter(endpoint=f"{endpoint.rstrip('/')}/v1/traces", timeout=5)
            provider.add_span_processor(BatchSpanProcessor(sending))
        else:
            provider.add_span_processor(SimpleSpanProcessor(exporter))
    except ImportError:
        log.warning("traces are configured, but the extra agent-fleet[otel] is not installed")
        return lambda: None
    _tracer = provider.get_tracer(_SERVICE)

    def end() -> None:
        global _tracer
        _tracer = None
        ending = threading.Thread(target=provider.shutdown, name="end-traces", daemon=True)
        ending.start()
        ending.join(_END_SECS)  # a collector that hangs must not keep us until we are killed

    return end


@contextlib.contextmanager
def span(name: str, of: str, **attributes: str | int) -> Iterator[None]:
    """What happens in the block, in the trace of ``of`` (a task's, request's or delivery's id).

    An exception that passes marks it as failed, by the exception's type only.
    """
    if _tracer is None:
        yield
        return
    made = _tracer.start_span(name, context=_parent(of), attributes=_named(of, attributes))
    try:
        yield
    except BaseException as problem:
        _fail(made, type(problem).__name__)
        raise
    finally:
        made.end()


def past(name: str, of: str, began: float, ended: float, *, failed: str = "", **attributes: str | int) -> None:
    """A span of what is over; epoch seconds. ``failed`` names why it went wrong, "" = it did not."""
    if _tracer is None:
        return
    start = int(began * 1e9)
    made = _tracer.start_span(name, context=_parent(of), attributes=_named(of, attributes), start_time=start)
    if failed:
        _fail(made, failed)
    made.end(end_time=int(ended * 1e9))


def trace_id(of: str) -> int:
    """The trace that everything about ``of`` belongs to; never 0."""
    return int.from_bytes(hashlib.sha256(f"trace:{of}".encode()).digest()[:16]) or 1


def _parent(of: str) -> Any:
    from opentelemetry.trace import NonRecordingSpan, SpanContext, TraceFlags, set_span_in_context

    root = int.from_bytes(hashlib.sha256(f"span:{of}".encode()).digest()[:8]) or 1
    context = SpanContext(trace_id(of), root, is_remote=True, trace_flags=TraceFlags(TraceFlags.SAMPLED))
    return set_span_in_context(NonRecordingSpan(context))


def _named(of: str, attributes: Attributes) -> dict[str, str | int]:
    request = structlog.contextvars.get_contextvars().get("request")
    known = {"request": str(request)} if request else {}
    return {"fleet.of": of, **{f"fleet.{name}": value for name, value in {**known, **attributes}.items()}}


def _fail(made: Any, why: str) -> None:
    from opentelemetry.trace import Status, StatusCode

    made.set_status(Status(StatusCode.ERROR, why))
