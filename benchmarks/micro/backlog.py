"""Ten million messages waiting: `python benchmarks/micro/backlog.py [millions] [directory]`.

Memory over idle while they come, seconds from the start of a process to the first message after a
clean end and after a kill, and memory then. The limits: 100 MB, 5 s.
"""

import os
import subprocess
import sys
import tempfile
from time import perf_counter

from anymq.core.message import Envelope, Message, Properties, Run, Traits
from anymq.core.queues.lines import OTHER_LOG, Lines
from anymq.storage.os_files import OsFiles
from anymq.storage.store import LogStore

RUN = 500
BODY = 100


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


FORM = PlainForm()


def rss_mb() -> float:
    """Return what we have in memory."""
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * 4096 / 1e6


def opened(directory: str) -> tuple[LogStore, Lines]:
    """Start."""
    store = LogStore.open(OsFiles(directory), disk_free_min=0)
    return store, Lines(store, {1: FORM})


def turn(store: LogStore, lines: Lines) -> None:
    """End a turn."""
    lines.flush()
    work = store.begin_commit()
    if work is not None:
        work.run()
        work.done()


def fill(directory: str, count: int) -> None:
    """Push, a tenth of a thousandth taken and settled here and there; then stop."""
    store, lines = opened(directory)
    line = lines.line(20, config=OTHER_LOG)
    envelope = Envelope("", "queue", FORM)
    idle, began = rss_mb(), perf_counter()
    most = idle
    for i in range(count // RUN):
        bodies = [b"%0*d" % (BODY, i * RUN + j) for j in range(RUN)]
        messages = [Message(envelope, b"\x10\x00\x02", body, 1000) for body in bodies]
        line.push(Run(messages, persistent=True), None)
        line.flush()
        turn(store, lines)
        if i % 200 == 0:
            for work in store.maintenance(i):
                work.run()
                work.done()
            most = max(most, rss_mb())
    taken = line.take(1000, 1 << 30)
    line.settle([one.position for one in taken[::2]])
    line.flush()
    seconds = perf_counter() - began
    print(f"{count} pushed in {seconds:.1f} s ({seconds / count * 1e6:.2f} us each)")
    print(f"memory over idle ({idle:.0f} MB): at most {most - idle:.1f} MB")
    turn(store, lines)
    if len(sys.argv) > 4:  # a clean end
        lines.close()
        store.close()
    sys.stdout.flush()
    os._exit(0)


def start(directory: str, count: int) -> None:
    """Start, take the first one; stop as by a kill."""
    idle, began = rss_mb(), perf_counter()
    store, lines = opened(directory)
    line = lines.line(20, config=OTHER_LOG)
    ready = perf_counter() - began
    taken = line.take(100, 1 << 30)
    first = perf_counter() - began
    print(
        f"ready after {ready:.3f} s, first message after {first:.3f} s: {line.ready + len(taken)} "
        f"waiting, {line.ready_bytes + BODY * len(taken)} bytes; {rss_mb() - idle:.1f} MB over idle"
    )
    assert line.ready + len(taken) == count - 500
    assert line.ready_bytes + BODY * len(taken) == (count - 500) * BODY
    assert taken[0].position == 1
    assert taken[0].message.body == b"%0*d" % (BODY, 1)
    assert taken[0].redelivered
    store._lock.close()


def main() -> None:
    """Run each step in a process of its own."""
    if len(sys.argv) > 3:
        run = {"fill": fill, "start": start}[sys.argv[3]]
        run(sys.argv[2], int(sys.argv[1]))
        return
    count = int(float(sys.argv[1] if len(sys.argv) > 1 else "10") * 1_000_000)
    where = sys.argv[2] if len(sys.argv) > 2 else None
    for how in (["clean"], []):
        with tempfile.TemporaryDirectory(dir=where) as directory:
            print("after a clean end:" if how else "after a kill:")
            for step, more in (("fill", how), ("start", [])):
                command = [sys.executable, __file__, str(count), directory, step, *more]
                subprocess.run(command, check=True)


if __name__ == "__main__":
    main()
