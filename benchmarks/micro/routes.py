"""What finding a route costs: `python benchmarks/micro/routes.py`.

A topic exchange with more and more bindings: plain ones, some with `*` and `#`; what a key costs
that three of them match, to bind once more, and the memory of a binding. Then what a message costs
to be published into one queue, whose route is known: what stands above the queue itself.
"""

import tracemalloc
from random import Random
from time import perf_counter

from anymq.core.message import Envelope, Message, Run
from anymq.core.routing.exchange import Binding, Declaration, Exchange
from anymq.core.routing.target import Then
from anymq.core.routing.topic import Topic
from anymq.core.taps import Taps
from anymq.core.vhosts.interception import Interception
from anymq.core.vhosts.publishing import Publishing
from anymq.core.vhosts.topology import Topology
from anymq.protocols.amqp.properties import AMQP_FORM

BINDINGS = (100, 1_000, 10_000, 100_000)
KEYS = 2_000
RUNS = 20_000


class Sink:
    """A queue that forgets."""

    name = "sink"
    singles = False

    def push(self, run: Run, then: Then | None) -> None:
        """Forget it."""


class Nothing:
    """Surroundings that a topic exchange does not need."""

    def chance(self, below: int) -> int:
        """Never asked."""
        return 0

    def send(self, destination: object, message: Message) -> None:
        """Never asked."""

    def new_router(self, declaration: Declaration) -> Topic:
        """Return a topic exchange's."""
        return Topic(declaration, self)


def pattern_of(number: int) -> str:
    """Return one of many patterns, of which every tenth has a `*` and every hundredth a `#`."""
    words = [f"region{number % 10}", f"site{number // 10 % 100}", f"sensor{number // 1000}"]
    if number % 100 == 1:
        return f"{words[0]}.#.never{number}"
    if number % 10 == 1:
        words[1] = "*"
    return ".".join([*words, f"value{number}"])


def topic_of(count: int) -> tuple[Exchange, float, int]:
    """Return an exchange, and what a binding took of seconds and bytes."""
    declaration = Declaration(name="x", vhost_name="/", type="topic")
    exchange = Exchange(declaration, Topic(declaration, Nothing()))
    sink = Sink()
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    patterns = [*map(pattern_of, range(count)), "#", "region1.site1.*.value1", "region1.#"]
    bindings = [Binding(exchange, sink, pattern, {}) for pattern in patterns]
    between = tracemalloc.get_traced_memory()[0]
    for binding in bindings:
        exchange.router.added(binding)
    size = tracemalloc.get_traced_memory()[0] - between
    tracemalloc.stop()
    assert between > before
    return exchange, _rebind(exchange, sink), size // count


def _rebind(exchange: Exchange, sink: Sink) -> float:
    bindings = [Binding(exchange, sink, f"some.{number}.more", {}) for number in range(1000)]
    began = perf_counter()
    for binding in bindings:
        exchange.router.added(binding)
    for binding in bindings:
        exchange.router.removed(binding)
    return (perf_counter() - began) / len(bindings) / 2


def main() -> None:
    """Measure, and say it."""
    chance = Random(1)
    print("bindings   route µs   bind µs   bytes each")
    for count in BINDINGS:
        exchange, bind, size = topic_of(count)
        keys = [pattern_of(chance.randrange(count)).replace("*", "x") for _ in range(KEYS)]
        message = message_to("x", "")
        began = perf_counter()
        for key in keys:
            exchange.router.route((key,), message)
        seconds = (perf_counter() - began) / KEYS
        print(f"{count:8}   {seconds * 1e6:8.2f}   {bind * 1e6:7.2f}   {size:10}")
    for size in (1, 10, 100):
        print(f"publish, {size:3} in a run: {publish_seconds(size) * 1e9:6.0f} ns a message")


def message_to(exchange: str, key: str) -> Message:
    """Return a small persistent message."""
    return Message(Envelope(exchange, key, AMQP_FORM), b"\x10\x00\x02", b"x" * 100, 0)


def publish_seconds(size: int) -> float:
    """Return what a message takes to be published, in runs of so many, without its queue."""
    topology: Topology[Sink] = Topology("/", Nothing())
    sink = Sink()
    topology.put_queue(sink)
    publishing = Publishing("/", topology, sink, lambda: 0, Taps(), Interception("/", ()))
    message = message_to("", "sink")
    runs = [Run([message] * size, persistent=True) for _ in range(RUNS)]
    began = perf_counter()
    for run in runs:
        publishing.publish(run, None)
    return (perf_counter() - began) / RUNS / size


if __name__ == "__main__":
    main()
