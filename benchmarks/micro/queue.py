"""What a message costs in a queue over its line: `python benchmarks/micro/queue.py [directory]`.

T: 100 B transient, auto-ack. P: 1 KiB persistent, acked. One consumer, pushed in runs, one turn for
each. Then the same with four consumers, of a quorum queue, with a TTL, a limit, and priorities.
Beside it what the line alone costs. Syncing is left out (durability "os").
"""

import sys
import tempfile
from collections.abc import Callable
from time import monotonic, perf_counter, time
from typing import Any

from line import OTHER_LOG, Bench, PlainForm, nobody, run_of  # type: ignore[import-not-found]

from anymq.core.message import Message, Run
from anymq.core.queues.delivery import Delivery
from anymq.core.queues.house import House
from anymq.core.queues.queue import Queue
from anymq.core.queues.queue_settings import settings_of
from anymq.core.queues.subscription import Subscription
from anymq.core.queues.turn import Turn
from anymq.core.queues.unwritten import Then
from anymq.core.steady import Steady
from anymq.core.taps import BROKER, Origin
from anymq.core.timers import Timers

MESSAGES = 200_000
FORM = PlainForm()


class SystemClock:
    """The computer's."""

    def wall_ms(self) -> int:
        """Now."""
        return int(time() * 1000)

    def monotonic(self) -> float:
        """Now."""
        return monotonic()


class Reader:
    """A consumer without a limit."""

    credit = 100_000
    shares = None

    def __init__(self, queue: Queue, *, no_ack: bool) -> None:
        self.got: list[Delivery] = []
        self.no_ack = no_ack
        self.subscription = queue.subscribe(self, tag="c", no_ack=no_ack)

    def deliver(self, subscription: Subscription, deliveries: list[Delivery]) -> None:
        """Keep them until they are acked."""
        self.got = deliveries

    def ack(self) -> None:
        """Settle what came."""
        positions = [one.position for one in self.got]
        self.subscription.queue.settle(self.subscription, positions)

    @property
    def who(self) -> Origin:
        """Nobody traces it."""
        return BROKER

    def cancelled(self, subscription: Subscription) -> None:
        """It does not happen."""

    def timed_out(self, subscription: Subscription, after_ms: int) -> None:
        """It does not happen."""


class Queues:
    """Queues over one bench of lines."""

    def __init__(self, directory: str) -> None:
        self.bench = Bench(directory)
        self.turn = Turn(finish=self.bench.lines.flush)
        self.steady = Steady(SystemClock(), Timers())
        self.house = House(
            turn=self.turn,
            steady=self.steady,
            republish=self.no_letters,
            new_line=lambda queue, level: self.line(),
            keep_levels=lambda queue, then: then(None),
            discard=lambda queue: None,
        )
        self.next_id = 100

    def no_letters(self, exchange: str, routing_key: str, message: Message, then: Then) -> bool:
        """Nothing dies here."""
        raise AssertionError

    def line(self) -> Any:
        """Open another line."""
        self.next_id += 1
        return self.bench.lines.line(self.next_id, config=OTHER_LOG)

    def queue(self, kind: str, arguments: dict[str, Any]) -> Queue:
        """Make a queue."""
        level = settings_of(kind, arguments).default_level
        return Queue(
            *("q", "/", self.house),
            kind=kind,
            durable=True,
            lines={level: self.line()},
            arguments=arguments,
        )

    def cost(
        self,
        count: int,
        size: int,
        *,
        no_ack: bool,
        kind: str = "classic",
        readers: int = 1,
        **arguments: Any,
    ) -> float:
        """Return µs for each message, the line included."""
        said = {"x-" + key.replace("_", "-"): value for key, value in arguments.items()}
        queue = self.queue(kind, said)
        all_readers = [Reader(queue, no_ack=no_ack) for _ in range(readers)]
        return best(lambda: self.round(queue, all_readers, count, size, no_ack), count)

    def round(
        self, queue: Queue, readers: list[Reader], count: int, size: int, no_ack: bool
    ) -> float:
        """Push and deal, a run for each turn; return how long that took."""
        runs = self.runs(count, size, persistent=not no_ack)
        begin = perf_counter()
        for run in runs:
            queue.push(run, nobody)
            self.turn.run()
            if not no_ack:
                for reader in readers:
                    reader.ack()
            self.commit()
        return perf_counter() - begin

    def line_alone(self, count: int, size: int, *, no_ack: bool) -> float:
        """Return µs for each message of a line that nobody makes a queue of."""
        line = self.line()

        def round_() -> float:
            runs = self.runs(count, size, persistent=not no_ack)
            begin = perf_counter()
            for run in runs:
                line.push(run, nobody)
                taken = line.take(count, 1 << 30, settled=no_ack)
                line.flush()
                self.bench.lines.flush()
                if not no_ack:
                    line.settle([one.position for one in taken])
                self.commit()
            return perf_counter() - begin

        return best(round_, count)

    def runs(self, count: int, size: int, *, persistent: bool) -> list[Run]:
        """Make them before the time counts."""
        now_ms, total = self.steady.now_ms(), MESSAGES // 10 if count < 10 else MESSAGES
        runs = []
        for _ in range(total // 5 // count):
            run = run_of(count, size, persistent=persistent)
            messages = [message._replace(timestamp_ms=now_ms) for message in run.messages]
            runs.append(Run(messages, persistent=persistent))
        return runs

    def commit(self) -> None:
        """Have the disk write."""
        work = self.bench.store.begin_commit()
        if work is not None:
            work.run()
            work.done()


def best(round_: Callable[[], float], count: int) -> float:
    """Return µs for each message, the best of five."""
    total = MESSAGES // 10 if count < 10 else MESSAGES
    return min(round_() for _ in range(5)) / (total // 5 // count * count) * 1e6


def main() -> None:
    """Print it all."""
    with tempfile.TemporaryDirectory(dir=sys.argv[1] if len(sys.argv) > 1 else None) as directory:
        queues = Queues(directory)
        for no_ack, size, name in ((True, 100, "T"), (False, 1024, "P")):
            for count in (1, 50, 500):
                alone = queues.line_alone(count, size, no_ack=no_ack)
                cost = queues.cost(count, size, no_ack=no_ack)
                print(f"{name}, runs of {count}: {cost:.2f} µs, of which the line {alone:.2f}")
        for name, said in (
            ("four consumers", {"readers": 4}),
            ("quorum", {"kind": "quorum"}),
            ("a TTL", {"message_ttl": 3_600_000}),
            ("a limit", {"max_length": 1_000_000}),
            ("priorities", {"max_priority": 9}),
        ):
            cost = queues.cost(200, 100, no_ack=False, **said)
            print(f"P of 100 B, runs of 200, {name}: {cost:.2f} µs")


if __name__ == "__main__":
    main()
