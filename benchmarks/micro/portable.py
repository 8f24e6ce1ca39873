"""What a message costs into a topic and out of it: `python benchmarks/micro/portable.py`.

Into it: packed, made a record of a batch. Out of it: read from the batch, opened, given its offset
for AMQP. "alike": all have the same properties; "unlike": each has a message id of its own.
"""

from collections.abc import Callable
from timeit import repeat
from typing import TypeVar

from anymq.core.message import Envelope, Message, Properties
from anymq.core.portable.opener import Opener
from anymq.core.portable.packer import Packer
from anymq.core.portable.record_form import RECORD_FORM
from anymq.core.queues.delivery import Delivery
from anymq.core.streams.writer import batch_of
from anymq.protocols.amqp.properties import AMQP_FORM
from anymq.protocols.amqp.streams import Numbering
from anymq.storage.batch import read_header
from anymq.storage.records import Record, body_of, build, slices, split_of

COUNT = 500
TIMES = 40
FORMS = {form.number: form for form in (AMQP_FORM, RECORD_FORM)}


T = TypeVar("T")


def microseconds_each(work: Callable[[T], object], what: T) -> float:
    """Return the best of five, per message."""
    return min(repeat(lambda: work(what), number=TIMES, repeat=5)) / TIMES / COUNT * 1e6


def messages(*, alike: bool) -> list[Message]:
    """Return messages as a client publishes them."""
    envelope = Envelope("events", "order.created", AMQP_FORM)
    return [
        Message(
            envelope,
            AMQP_FORM.write(
                Properties(
                    content_type="application/json",
                    delivery_mode=2,
                    headers={"tenant": "blue"},
                    message_id="same" if alike else str(number),
                )
            ),
            bytes(100),
            1,
        )
        for number in range(COUNT)
    ]


def into(published: list[Message]) -> bytes:
    """Make a batch."""
    packer = Packer("orders")
    return batch_of(published, [packer.pack(message) for message in published])


def out_of(batch: bytes) -> list[Delivery]:
    """Make deliveries."""
    header, opener, numbering = read_header(batch), Opener("orders", FORMS), Numbering()
    body = body_of(batch, header)
    found = []
    for delta, _, key, _, value_start, end in slices(body, header):
        value, headers = split_of(body, value_start, end)
        found.append(Delivery(delta, opener.open(key, value, headers, 1), 0, False))
    return numbering.numbered(found)


def main() -> None:
    """Print a table."""
    print("100 B messages      in      out   (µs per message)")
    for name, alike in (("alike", True), ("unlike", False)):
        published = messages(alike=alike)
        batch = into(published)
        figures = microseconds_each(into, published), microseconds_each(out_of, batch)
        print(f"{name:14}" + "".join(f"{figure:8.2f}" for figure in figures))
    written = build([Record(bytes(100), b"key", [(b"tenant", b"blue")], 1)] * COUNT)
    print(f"{'from Kafka':14}" + " " * 8 + f"{microseconds_each(out_of, written):8.2f}")


if __name__ == "__main__":
    main()
