"""What the set of settled positions takes: `python benchmarks/micro/settled.py`.

Ten million positions: in order, every other one, every tenth; time for each, memory, bytes written
down, and how long the questions take that are asked of a big one.
"""

import tracemalloc
from collections.abc import Callable
from time import perf_counter

from anymq.core.queues.settled import Settled

COUNT = 10_000_000
AT_ONCE = 100


def seconds(what: Callable[[], object]) -> float:
    """Run it once."""
    began = perf_counter()
    what()
    return perf_counter() - began


def add(settled: Settled, step: int) -> None:
    """Settle so many, some at a time; the first of all is stuck."""
    for first in range(1, COUNT * step, AT_ONCE * step):
        settled.add(range(first, first + AT_ONCE * step, step))


def show(step: int) -> None:
    """Measure every `step`th position."""
    each = seconds(lambda: add(Settled(), step)) / COUNT
    tracemalloc.start()
    settled = Settled()
    for first in range(1, COUNT * step, AT_ONCE * step):
        settled.add(range(first, first + AT_ONCE * step, step))
    memory = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    size = len(settled.encode())
    count = seconds(lambda: settled.count(0, COUNT * step))
    again = seconds(lambda: Settled.decode(settled.encode()))
    print(
        f"every {step}: {each * 1e9:.0f} ns each, {memory / 1e6:.2f} MB, "
        f"{size / 1e6:.2f} MB written; count of all {count * 1e3:.1f} ms, "
        f"written and read again {again * 1e3:.0f} ms"
    )


def main() -> None:
    """Measure everything."""
    for step in (1, 2, 10):
        show(step)


if __name__ == "__main__":
    main()
