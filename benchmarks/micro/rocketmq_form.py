"""What a RocketMQ message costs into a topic and out: `python benchmarks/micro/rocketmq_form.py`.

Into it: made a record of a batch. Out of it: found in the batch, laid out as clients pull it; of
messages that RocketMQ's clients sent, and of what a Kafka client wrote.
"""

from collections.abc import Callable
from timeit import repeat
from typing import TypeVar

from anymq.core.portable.record_form import RECORD_FORM
from anymq.protocols.rocketmq.convert import Pulled, Teller, batch_of
from anymq.protocols.rocketmq.filters import tags
from anymq.protocols.rocketmq.form import ROCKETMQ_FORM, Said
from anymq.protocols.rocketmq.layout import packed_host, write_properties
from anymq.storage.batch import read_header
from anymq.storage.records import Record, body_of, build, slices, split_of

COUNT = 500
TIMES = 40
FORMS = {form.number: form for form in (ROCKETMQ_FORM, RECORD_FORM)}
HOST = packed_host(bytes((127, 0, 0, 1)), 10911)

T = TypeVar("T")


def microseconds_each(work: Callable[[T], object], what: T) -> float:
    """Return the best of five, per message."""
    return min(repeat(lambda: work(what), number=TIMES, repeat=5)) / TIMES / COUNT * 1e6


def messages(size: int) -> list[tuple[Said, bytes]]:
    """Return messages as the Java client sends them."""
    return [
        (
            Said(
                write_properties(
                    {"UNIQ_KEY": f"7F0000010A9F18B4AAC2{n:012X}", "WAIT": "true", "TAGS": "red"}
                ),
                born_ms=1_700_000_000_000,
                born_host=HOST,
            ),
            bytes(size),
        )
        for n in range(COUNT)
    ]


def into(sent: list[tuple[Said, bytes]]) -> bytes:
    """Make a batch."""
    return batch_of(sent, 1_700_000_000_000)


def out_of(batch: bytes, passes: Callable[[bytes], bool] | None = None) -> bytes:
    """Make the answer to a pull."""
    header = read_header(batch)
    pull = Pulled(Teller("orders", "orders", HOST, FORMS), 0, 17, passes)
    body = body_of(batch, header)
    for delta, _, key, _, value_start, end in slices(body, header):
        value, headers = split_of(body, value_start, end)
        pull.take(delta, 1_700_000_000_000, key, value, headers)
    return b"".join(pull.parts)


def by_tag(batch: bytes) -> bytes:
    """Make the answer to a pull of one tag of many."""
    return out_of(batch, tags("blue || green").passes)


def main() -> None:
    """Print a table."""
    print("                    in      out  by tag  of Kafka   (µs per message)")
    for size in (100, 1024, 16384):
        sent = messages(size)
        batch = into(sent)
        record = Record(bytes(size), None, ((b"tenant", b"blue"),), 1_700_000_000_000)
        kafka = build([record] * COUNT)
        figures = (
            microseconds_each(into, sent),
            microseconds_each(out_of, batch),
            microseconds_each(by_tag, batch),
            microseconds_each(out_of, kafka),
        )
        print(f"{size:7} bytes" + "".join(f"{figure:9.2f}" for figure in figures))


if __name__ == "__main__":
    main()
