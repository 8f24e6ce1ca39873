"""What it costs to make and to read records: `python benchmarks/micro/records.py`."""

from collections.abc import Callable
from timeit import repeat

from anymq.storage.batch import check
from anymq.storage.records import Record, body_of, build, build_run, iterate, slices

TOTAL = 20_000


def microseconds_each(work: Callable[[], object], count: int) -> float:
    """Return the best of five, per record."""
    times = TOTAL // count
    return min(repeat(work, number=times, repeat=5)) / times / count * 1e6


def works(count: int) -> list[Callable[[], object]]:
    """Return what is measured, for batches of so many records."""
    values = [bytes(100)] * count
    records = [Record(value, b"key", (), 1) for value in values]
    batch = build(records)
    header = check(batch)
    body = body_of(batch, header)
    return [
        lambda: build_run(values, timestamp=1),
        lambda: build(records),
        lambda: list(iterate(batch)),
        lambda: list(slices(body, header)),
    ]


def main() -> None:
    """Print a table: records per batch, and what is done with them."""
    print("records of 100 B  build_run    build  iterate   slices   (µs per record)")
    for count in (1, 50, 500):
        figures = "  ".join(f"{microseconds_each(work, count):7.2f}" for work in works(count))
        print(f"{count:16}   {figures}")


if __name__ == "__main__":
    main()
