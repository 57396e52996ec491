"""The background threads: one carries webhooks, one lets time do its work."""

import http.client
import threading
import time
from urllib.parse import urlsplit

from sandbox import agenda, deliveries
from sandbox.world import Json, World

_TIMEOUT_SECONDS = 20
_LONGEST_NAP_SECONDS = 0.25
_SAVED_EVERY_SECONDS = 1.0


class Courier:
    """Carries events to the service over real HTTP, one after the other."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._closed = False
        self._on_the_road = 0
        self._threads = [
            threading.Thread(target=self._carry, name="webhooks", daemon=True),
            threading.Thread(target=self._watch_the_clock, name="clock", daemon=True),
        ]

    def start(self) -> None:
        """Begin to deliver."""
        for thread in self._threads:
            thread.start()

    def close(self) -> None:
        """Stop; what is still waiting stays in the snapshot."""
        with self._world.lock:
            self._closed = True
            self._world.changed.notify_all()
        for thread in self._threads:
            thread.join(timeout=1)
        self._world.save()

    def drain(self, timeout_seconds: float) -> bool:
        """Wait until everything due has been attempted; false if that took too long."""
        deadline = time.monotonic() + timeout_seconds
        with self._world.lock:
            while self._busy():
                if time.monotonic() >= deadline:
                    return False
                self._world.changed.wait(_LONGEST_NAP_SECONDS)
        return True

    def storm(self, event: Json, *, copies: int) -> list[int | None]:
        """Deliver the same event several times at the same instant; returns the answers."""
        answers: list[int | None] = []
        threads = [
            threading.Thread(target=lambda: answers.append(self._post(event)[0])) for _ in range(copies)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return answers

    def _busy(self) -> bool:
        if self._on_the_road:
            return True
        delivery = deliveries.next_delivery(self._world)
        return delivery is not None and self._is_due(delivery)

    def _is_due(self, delivery: Json) -> bool:
        return not self._world.policy.hold and delivery["due"] <= self._world.clock.now()

    def _carry(self) -> None:
        while not self._closed:
            delivery = self._take()
            if delivery is not None:
                self._deliver(delivery)

    def _take(self) -> Json | None:
        with self._world.lock:
            delivery = deliveries.next_delivery(self._world)
            if delivery is not None and self._is_due(delivery):
                self._on_the_road += 1
                return delivery
            self._world.changed.wait(self._nap(delivery))
            return None

    def _nap(self, delivery: Json | None) -> float:
        if delivery is None or self._world.policy.hold:
            return _LONGEST_NAP_SECONDS
        ahead = delivery["due"] - self._world.clock.now()
        return float(min(max(ahead, 0.001), _LONGEST_NAP_SECONDS))

    def _deliver(self, delivery: Json) -> None:
        event = self._world.find(delivery["event"])
        status, error = self._post(event) if event else (None, "forgotten")
        with self._world.lock:
            self._on_the_road -= 1
            if delivery["id"] in self._world.data["waiting"]:
                deliveries.attempted(self._world, delivery, status=status, error=error)
            self._world.changed.notify_all()

    def _post(self, event: Json) -> tuple[int | None, str | None]:
        url = self._world.webhook_url
        if url is None:
            return None, "no endpoint"
        with self._world.lock:
            payload, headers = self._world.letter(event)
        try:
            return _post(url, payload, headers), None
        except (OSError, http.client.HTTPException) as failure:
            return None, f"{type(failure).__name__}: {failure}"

    def _watch_the_clock(self) -> None:
        saved = time.monotonic()
        while not self._closed:
            with self._world.lock:
                agenda.run_due(self._world)
                self._world.changed.wait(_LONGEST_NAP_SECONDS)
            if time.monotonic() - saved > _SAVED_EVERY_SECONDS:
                self._world.save()
                saved = time.monotonic()


def _post(url: str, payload: bytes, headers: dict[str, str]) -> int:
    target = urlsplit(url)
    kind = http.client.HTTPSConnection if target.scheme == "https" else http.client.HTTPConnection
    connection = kind(target.netloc, timeout=_TIMEOUT_SECONDS)
    try:
        connection.request("POST", target.path or "/", body=payload, headers=headers)
        return connection.getresponse().status
    finally:
        connection.close()
