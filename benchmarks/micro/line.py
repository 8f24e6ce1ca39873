"""What a message costs in a line: `python benchmarks/micro/line.py [directory]`.

T: 100 B transient, settled as it is taken. P: 1 KiB persistent: written, told, taken, settled,
journaled. In turns of so many messages; syncing is left out (durability "os"). Then two consumers
that settle in turn, a backlog read back from the disk, and a thousand lines in one turn.
"""

import sys
import tempfile
from collections.abc import Callable
from time import perf_counter

from anymq.core.message import Envelope, Message, Properties, Run, Traits
from anymq.core.queues.line import Line
from anymq.core.queues.lines import OTHER_LOG, Lines
from anymq.storage.os_files import OsFiles
from anymq.storage.store import LogStore

MESSAGES = 200_000


class PlainForm:
    """A form whose properties say nothing."""

    number = 1

    def traits(self, properties: bytes) -> Traits:
        """Nothing."""
        return Traits()

    def read(self, properties: bytes) -> Properties:
        """Nothing."""
        return Properties()

    def write(self, properties: Properties) -> bytes:
        """Nothing."""
        return b""


ENVELOPE = Envelope("", "queue", PlainForm())


def run_of(count: int, size: int, *, persistent: bool, alike: bool = True) -> Run:
    """Make messages as a session does."""
    properties = b"\x10\x00\x02"
    return Run(
        [
            Message(ENVELOPE, properties if alike else b"%b%d" % (properties, i), bytes(size), 1000)
            for i in range(count)
        ],
        persistent=persistent,
    )


def nobody(error: Exception | None) -> None:
    """Nobody waits."""


class Bench:
    """A store with its lines."""

    def __init__(self, directory: str) -> None:
        self.store = LogStore.open(OsFiles(directory), disk_free_min=0, handles_max=4000)
        self.lines = Lines(self.store, {1: PlainForm()})

    def turn(self, *lines: Line) -> None:
        """End a turn."""
        for line in lines:
            line.flush()
        self.lines.flush()
        work = self.store.begin_commit()
        if work is not None:
            work.run()
            work.done()

    def transient(self, line: Line, count: int) -> None:
        """Push and take."""
        line.push(run_of(count, 100, persistent=False), None)
        line.take(count, 1 << 30, settled=True)
        self.turn(line)

    def persistent(self, line: Line, count: int, *, alike: bool = True) -> None:
        """Push, take, write; settle in the next turn."""
        line.push(run_of(count, 1024, persistent=True, alike=alike), nobody)
        taken = line.take(count, 1 << 30)
        self.turn(line)
        line.settle([one[0] for one in taken])
        self.turn(line)

    def in_turn(self, line: Line, count: int) -> None:
        """Two consumers; the first is late."""
        line.push(run_of(count, 1024, persistent=True), nobody)
        positions = [one[0] for one in line.take(count, 1 << 30)]
        self.turn(line)
        line.settle(positions[1::2])
        self.turn(line)
        line.settle(positions[::2])
        self.turn(line)


def show(name: str, count: int, step: Callable[[], None], times: int, made: float = 0.0) -> None:
    """Run and print microseconds a message, without what making the messages took."""
    step()
    began = perf_counter()
    for _ in range(times):
        step()
    each = (perf_counter() - began) / times / count - made
    print(f"{name:44} {each * 1e6:8.2f} us a message")


def making(count: int, size: int, *, alike: bool = True) -> float:
    """Return seconds to make one message."""
    began = perf_counter()
    for _ in range(20_000 // count):
        run_of(count, size, persistent=True, alike=alike)
    return (perf_counter() - began) / (20_000 // count) / count


def main() -> None:
    """Measure everything."""
    where = sys.argv[1] if len(sys.argv) > 1 else None
    with tempfile.TemporaryDirectory(dir=where) as directory:
        bench = Bench(directory)
        lines = [bench.lines.line(i, config=OTHER_LOG) for i in range(20, 30)]
        for count in (1, 10, 100, 500):
            turns_of(bench, lines, count)
        backlog(bench, lines[4])
        thousand(bench)


def turns_of(bench: Bench, lines: list[Line], count: int) -> None:
    """Messages that come and go, so many at a time."""
    times = MESSAGES // 4 // count
    kinds: list[tuple[str, Callable[[], None], float]] = [
        ("T", lambda: bench.transient(lines[0], count), making(count, 100)),
        ("P", lambda: bench.persistent(lines[1], count), making(count, 1024)),
        (
            "P, all different",
            lambda: bench.persistent(lines[2], count, alike=False),
            making(count, 1024, alike=False),
        ),
        ("P, settled in turn", lambda: bench.in_turn(lines[3], count), making(count, 1024)),
    ]
    for name, step, made in kinds:
        show(f"{name}, {count} at a time", count, step, times, made)


def backlog(bench: Bench, line: Line) -> None:
    """Let messages wait on the disk, then read them."""
    for _ in range(MESSAGES // 500):
        line.push(run_of(500, 100, persistent=True), nobody)
        bench.turn(line)
    began = perf_counter()
    count = 0
    while taken := line.take(500, 1 << 30, settled=True):
        count += len(taken)
        bench.turn(line)
    print(f"{'100 B, taken from the disk':44} {(perf_counter() - began) / count * 1e6:8.2f} us")


def thousand(bench: Bench) -> None:
    """One message to a thousand lines, taken and settled."""
    lines = [bench.lines.line(1000 + i, config=OTHER_LOG) for i in range(1000)]

    def turn() -> None:
        run = run_of(1, 1024, persistent=True)
        for line in lines:
            line.push(run, nobody)
        bench.turn(*lines)
        for line in lines:
            line.take(1, 1 << 30, settled=True)
        bench.turn(*lines)

    show("1 KiB to 1,000 lines, and settled", 1000, turn, 10)


if __name__ == "__main__":
    main()
