"""What lists of the API take of the processor, with 10,000 queues and 2,000 connections.

For each: how long the request takes until its answer begins, the longest piece after that (nothing
else is served meanwhile), and all of it.
"""

import gc
import json
import time
from collections.abc import Callable
from urllib.parse import quote

from benchmarks.management.page import LISTS, ROWS

from anymq.protocols.session import Peer
from anymq.testing.http import HttpDialog, HttpRoom

QUEUES = 10_000
CONNECTIONS = 2_000
WARM_UPS = 1
SECONDS_OF_EVENTS = 5


def main() -> None:
    """Measure everything once it is warm."""
    room = crowded()
    for turn in range(WARM_UPS + 1):
        for name, path in LISTS.items():
            measure(room, name, path, quiet=turn < WARM_UPS)
    begin = spent(room.sampler.start)
    report(
        "a look at everything", begin, [spent(room.soon.pop()) for _ in iter(room.soon.copy, [])]
    )
    listen(room)


def crowded() -> HttpRoom:
    """Return a broker with much in it."""
    room = HttpRoom()
    vhost = room.broker.vhost("/")
    for number in range(QUEUES):
        vhost.declare_queue(f"crowd-{number:05}")
        vhost.bind("amq.topic", f"crowd-{number:05}", f"crowd.{number}", {}, to_exchange=False)
    for number in range(CONNECTIONS):
        room.dialog(Peer("127.0.0.1", 1024 + number, "127.0.0.1", 5672)).log_in().open(1)
    gc.collect()
    gc.freeze()
    return room


def measure(room: HttpRoom, name: str, path: str, *, quiet: bool) -> None:
    """One list."""
    browser = room.browser()
    begin = spent(lambda: browser.say("GET", path))
    pieces = rest(browser)
    if not quiet:
        report(name, begin, pieces)


def listen(room: HttpRoom) -> None:
    """A page's stream of events, second by second."""
    browser = room.browser()
    browser.say("GET", f"/api/events?rows={quote(json.dumps(ROWS))}")
    for _ in range(SECONDS_OF_EVENTS):
        begin = spent(lambda: room.timers.run(room.clock.seconds))
        report("a second of events", begin, rest(browser))
        browser.outbox.take()
        browser.outbox.sent(browser.outbox.size)
        room.clock.seconds += 1.01


def rest(browser: HttpDialog) -> list[float]:
    """Return how long each piece takes that is left."""
    pieces = []
    while browser.session.more:
        pieces.append(spent(browser.session.go_on))
    return pieces


def spent(act: Callable[[], None]) -> float:
    """Return how much of the processor it takes, in milliseconds."""
    before = time.thread_time()
    act()
    return (time.thread_time() - before) * 1000


def report(name: str, begin: float, pieces: list[float]) -> None:
    """Print a line."""
    longest, total = max(pieces, default=0.0), begin + sum(pieces)
    print(f"{name:22} begins {begin:5.1f} ms, longest {longest:5.1f} ms, all {total:6.1f} ms")


if __name__ == "__main__":
    main()
