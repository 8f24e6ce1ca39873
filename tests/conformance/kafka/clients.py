"""What the tests say to librdkafka, in their own words."""

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import TypeVar

from confluent_kafka import (
    OFFSET_BEGINNING,
    Consumer,
    KafkaError,
    Message,
    Producer,
    TopicPartition,
)

ANSWER_SECONDS = 20.0
POLL_SECONDS = 0.1
Setting = str | int | float | bool | Callable[..., object]
Answer = TypeVar("Answer")


def producer(kafka: str, **settings: Setting) -> Producer:
    """A producer that gives up within the test; `linger_ms=5` means `linger.ms`."""
    return Producer(
        {
            "bootstrap.servers": kafka,
            "delivery.timeout.ms": int(ANSWER_SECONDS * 1000),
            **dotted(settings),
        }
    )


def produce(kafka: str, topic: str, values: Iterable[bytes | None], **settings: Setting) -> None:
    """Send these to partition 0 in order; all of them are acknowledged on return."""
    client = producer(kafka, **settings)
    for value in values:
        client.produce(topic, value, partition=0, on_delivery=raise_if_refused)
    flush(client)


def flush(client: Producer) -> None:
    """Until nothing waits for an answer."""
    assert client.flush(ANSWER_SECONDS) == 0


def raise_if_refused(error: object, _: Message) -> None:
    """For tests in which every message must arrive."""
    assert error is None, error


@contextmanager
def consumer(kafka: str, group: str = "nobody", **settings: Setting) -> Iterator[Consumer]:
    """A consumer that starts at the beginning unless told otherwise, closed at the end."""
    client = Consumer(
        {
            "bootstrap.servers": kafka,
            "group.id": group,
            "auto.offset.reset": "earliest",
            "enable.auto.commit": False,
            **dotted(settings),
        }
    )
    try:
        yield client
    finally:
        client.close()


def read(kafka: str, topic: str, count: int, partitions: Sequence[int] = (0,)) -> list[Message]:
    """The first `count` messages of a topic."""
    with consumer(kafka) as client:
        client.assign([TopicPartition(topic, each, OFFSET_BEGINNING) for each in partitions])
        return take(client, count)


def take(client: Consumer, count: int) -> list[Message]:
    """The next `count` messages; any error, or silence, fails the test."""
    taken: list[Message] = []
    deadline = time.monotonic() + ANSWER_SECONDS
    while len(taken) < count:
        assert time.monotonic() < deadline, f"{len(taken)} of {count} messages came"
        for message in client.consume(count - len(taken), POLL_SECONDS):
            assert message.error() is None, message.error()
            taken.append(message)
    return taken


def take_nothing(client: Consumer, seconds: float) -> None:
    """Nothing comes for so long."""
    message = client.poll(seconds)
    assert message is None, message.error() or message.value()


def reach_end(client: Consumer) -> None:
    """Until the client has read all there is; it needs `enable_partition_eof`."""
    message = client.poll(ANSWER_SECONDS)
    error = message and message.error()
    assert error, "there was a message where the end was expected"
    assert error.code() == KafkaError._PARTITION_EOF, error


def poll_until(clients: Sequence[Consumer], holds: Callable[[], bool]) -> list[Message]:
    """Keep all of them in their group until something holds; returns what they received."""
    received = []
    deadline = time.monotonic() + ANSWER_SECONDS
    while not holds():
        assert time.monotonic() < deadline, "it never came to hold"
        for client in clients:
            if (message := client.poll(POLL_SECONDS)) is not None:
                assert message.error() is None, message.error()
                received.append(message)
    return received


def eventually(ask: Callable[[], Answer], wanted: Callable[[Answer], bool]) -> Answer:
    """Ask until the answer is as wanted: for what a broker may show a moment later."""
    deadline = time.monotonic() + ANSWER_SECONDS
    while not wanted(answer := ask()):
        assert time.monotonic() < deadline, f"still {answer!r}"
    return answer


def values(messages: Iterable[Message]) -> list[bytes | None]:
    """What they say."""
    return [message.value() for message in messages]


def dotted(settings: dict[str, Setting]) -> dict[str, Setting]:
    """Python's spelling of a setting to Kafka's."""
    return {
        name if name.endswith("_cb") else name.replace("_", "."): value
        for name, value in settings.items()
    }
