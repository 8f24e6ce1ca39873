"""Shovel: one of them, attempt after attempt."""

from collections.abc import Callable, Mapping
from typing import Any

from anymq.core.timers import Timer
from anymq.observability.log import Log
from anymq.shovels.definition import KAFKA, MQTT, Definition, End, SourceEnd
from anymq.shovels.run import Run

BACKOFF_SECONDS_MAX = 60.0
DOUBLINGS_MAX = 10
REASON_CHARS_MAX = 1000

log = Log(__name__)

Begin = Callable[[Definition, Callable[[str | None], None]], Run]
Later = Callable[[float, Callable[[], None]], Timer]


class Shovel:
    """One shovel. Where an attempt fails, the next one comes later, each time twice as late."""

    def __init__(
        self,
        vhost: str,
        name: str,
        definition: Definition,
        *,
        begin: Begin,
        later: Later,
        wall_ms: Callable[[], int],
        done: Callable[[], None],
    ) -> None:
        self.vhost = vhost
        self.name = name
        self.definition = definition
        self.changed_ms = wall_ms()  # when its state became what it is
        self.reason = ""  # why the last attempt ended
        self._begin = begin
        self._later = later
        self._wall_ms = wall_ms
        self._done = done
        self._run: Run | None = None
        self._timer: Timer | None = None
        self._failures = 0
        self._over = False

    def start(self) -> None:
        """Try."""
        self._timer = None
        if not self._over and self._run is None:
            self.changed_ms = self._wall_ms()
            self._run = self._begin(self.definition, self._ended)

    def restart(self) -> None:
        """Try anew, now."""
        self._pause()
        self._failures = 0
        self.start()

    def stop(self) -> None:
        """End it for good."""
        self._over = True
        self._pause()

    def _pause(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        run, self._run = self._run, None
        if run is not None:
            run.close()

    def _ended(self, why: str | None) -> None:
        run, self._run = self._run, None
        self.changed_ms = self._wall_ms()
        if why is None:
            log.info("a shovel is done", name=self.name, vhost=self.vhost)
            self._done()
            return
        self.reason = why[:REASON_CHARS_MAX]
        self._failures = 1 if run is not None and run.running else self._failures + 1
        delay = self._delay()
        log.warning(
            "a shovel failed",
            name=self.name,
            vhost=self.vhost,
            reason=self.reason,
            again_s=delay or "never",
        )
        if delay and not self._over:
            self._timer = self._later(delay, self.start)

    def _delay(self) -> float:
        """Return after how long it is tried again; 0: never."""
        first = self.definition.reconnect_s
        doubled = first * (1 << min(self._failures - 1, DOUBLINGS_MAX))
        return min(doubled, max(first, BACKOFF_SECONDS_MAX))

    # How it is

    @property
    def state(self) -> str:
        """What it is about: starting, running, flow, blocked or terminated."""
        return "terminated" if self._run is None else self._run.state

    def status(self) -> dict[str, Any]:
        """Return how it is, in the words of RabbitMQ."""
        said: dict[str, Any] = {"name": self.name, "vhost": self.vhost, "type": "dynamic"}
        run = self._run
        if run is None:
            return {**said, "state": "terminated", "reason": self.reason}
        if not run.running:
            return {**said, "state": run.state}
        return {**said, **_numbers(run), **self._ends(run)}

    def _ends(self, run: Run) -> Mapping[str, Any]:
        source, dest, state = self.definition.source, self.definition.dest, run.state
        return {
            "state": state,
            "src_uri": run.source.uri,
            "src_protocol": source.protocol,
            "dest_protocol": dest.protocol,
            "dest_uri": run.dest.uri,
            **_place("src", source),
            **_place("dest", dest),
            "blocked_status": state,
        }


def _numbers(run: Run) -> Mapping[str, Any]:
    endless = "unlimited"
    return {
        "remaining": endless if run.remaining is None else run.remaining,
        "remaining_unacked": endless if run.remaining_unacked is None else run.remaining_unacked,
        "pending": run.pending,
        "forwarded": run.forwarded,
        "refused": run.refused,
    }


def _place(side: str, end: End) -> Mapping[str, str]:
    if end.protocol in (KAFKA, MQTT):
        topics = ", ".join(end.topics) if isinstance(end, SourceEnd) else end.topic
        return {f"{side}_topic": topics} if topics else {}
    if end.queue:
        return {f"{side}_queue": end.queue}
    said = {f"{side}_exchange": end.exchange, f"{side}_exchange_key": end.key}
    return {name: value for name, value in said.items() if value is not None}
