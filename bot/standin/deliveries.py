"""Webhook deliveries: queued when an event happens, posted once, never tried again (Forgejo 15.0, seen)."""

import threading
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

import requests

from bot.standin.faults import Faults

#: `[webhook] DELIVER_TIMEOUT`, seconds, for the whole exchange.
TIMEOUT_SECS = 5.0


@dataclass(eq=False)
class Delivery:
    """One webhook on its way. ``body`` is what travels, ``status`` what came back (0: no answer)."""

    hook_id: int
    url: str
    event: str
    event_type: str
    headers: Mapping[str, str]
    body: bytes
    payload: bytes
    uuid: str = field(default_factory=lambda: str(uuid.uuid4()))
    status: int = 0
    error: str = ""
    delivered_at: float | None = None
    lost: bool = False

    @property
    def succeeded(self) -> bool:
        """Any 2xx, as with Forgejo."""
        return 200 <= self.status < 300

    def again(self) -> "Delivery":
        """A replay: the same bytes and signature under a new UUID."""
        return replace(self, uuid=str(uuid.uuid4()), status=0, error="", delivered_at=None, lost=False)

    def all_headers(self) -> dict[str, str]:
        """Every header of the request, the delivery's id under its four names."""
        ids = {f"X-{brand}-Delivery": self.uuid for brand in ("Forgejo", "GitHub", "Gitea", "Gogs")}
        return {**self.headers, **ids}


class Deliveries:
    """The queue and the record. Posting never holds the forge's lock."""

    def __init__(self, faults: Faults, clock: Callable[[], float]) -> None:
        self.waiting: list[Delivery] = []
        self.done: list[Delivery] = []
        self._held: list[Delivery] = []
        self._faults = faults
        self._clock = clock
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None
        self._stopping = False
        self._busy = False

    @property
    def failed(self) -> list[Delivery]:
        """Deliveries that were posted or lost and did not succeed."""
        return [delivery for delivery in self.done if not delivery.succeeded]

    def queue(self, delivery: Delivery) -> None:
        """Put one at the end of the queue."""
        with self._changed:
            self.waiting.append(delivery)
            self._changed.notify_all()

    def reorder(self, *positions: int) -> None:
        """Bring the waiting deliveries into this order; those not named are dropped."""
        with self._changed:
            self.waiting[:] = [self.waiting[position] for position in positions]

    def drop(self, count: int | None = None) -> list[Delivery]:
        """Throw the first ``count`` (None: all) waiting deliveries away and return them."""
        with self._changed:
            gone = self.waiting[:count]
            del self.waiting[: len(gone)]
        for delivery in gone:
            delivery.lost = True
        self.done += gone
        return gone

    def replay(self, delivery: Delivery) -> Delivery:
        """Queue the same body once more under a new UUID, as the web page's replay does."""
        again = delivery.again()
        self.queue(again)
        return again

    def deliver(self, count: int = 1) -> list[Delivery]:
        """Post the first ``count`` waiting deliveries now, in this thread; returns those that left."""
        left: list[Delivery] = []
        for _ in range(count):
            with self._changed:
                if not self.waiting:
                    break
                delivery = self.waiting.pop(0)
            left += self._leave(delivery)
        return left

    def deliver_all(self) -> list[Delivery]:
        """Post until nothing waits, including what the receiver's own writes add meanwhile."""
        left: list[Delivery] = []
        while self.waiting:
            left += self.deliver(len(self.waiting))
        return left + self._release()

    def settle(self, timeout_secs: float = 10.0) -> None:
        """Wait until the background thread has nothing left to post."""
        with self._changed:
            if not self._changed.wait_for(lambda: not self.waiting and not self._busy, timeout_secs):
                raise TimeoutError(f"{len(self.waiting)} deliveries still wait after {timeout_secs:g} s")

    def start(self) -> None:
        """Post in the background from now on."""
        self._stopping = False
        self._thread = threading.Thread(target=self._work, name="standin-deliveries", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End the background thread after the delivery it is posting."""
        if self._thread is None:
            return
        with self._changed:
            self._stopping = True
            self._changed.notify_all()
        self._thread.join()
        self._thread = None

    def _work(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._stopping or bool(self.waiting))
                if self._stopping:
                    return
                delivery = self.waiting.pop(0)
                self._busy = True
            self._leave(delivery)
            with self._changed:
                self._busy = False
                self._changed.notify_all()

    def _leave(self, delivery: Delivery) -> list[Delivery]:
        """Let the faults have their way with one delivery, then post what is due."""
        fault = self._faults.take_delivery_fault()
        if fault == "lost":
            delivery.lost = True
            self.done.append(delivery)
            return []
        if fault == "held back":
            self._held.append(delivery)
            return []
        due = [delivery, delivery.again()] if fault == "doubled" else [delivery]
        for one in due:
            self._post(one)
        return due + self._release()

    def _release(self) -> list[Delivery]:
        held, self._held = self._held, []
        for delivery in held:
            self._post(delivery)
        return held

    def _post(self, delivery: Delivery) -> None:
        """One attempt. Whatever goes wrong is recorded on the delivery; there is no second one."""
        delivery.delivered_at = self._clock()
        with requests.Session() as session:
            session.trust_env = False
            # Go sends these two and nothing else of its own.
            session.headers.clear()
            session.headers.update({"User-Agent": "Go-http-client/1.1", "Accept-Encoding": "gzip"})
            try:
                answer = session.post(
                    delivery.url, data=delivery.body, headers=delivery.all_headers(), timeout=TIMEOUT_SECS
                )
                delivery.status = answer.status_code
            except requests.RequestException as error:
                delivery.error = f'Delivery: Post "{delivery.url}": {error}'
        self.done.append(delivery)
