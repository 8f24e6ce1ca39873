"""kombu over py-amqp: what Celery talks with."""

from collections.abc import Iterator
from typing import Any

import amqp as py_amqp
import kombu
import pytest
from kombu.pools import producers

ANSWER_SECONDS = 20


@pytest.fixture
def connection(amqp: int) -> Iterator[kombu.Connection]:
    with kombu.Connection(f"amqp://guest:guest@127.0.0.1:{amqp}//", heartbeat=10) as connection:
        yield connection


def drained(connection: kombu.Connection, queue: kombu.Queue, count: int) -> list[Any]:
    found: list[Any] = []

    def take(body: Any, message: kombu.Message) -> None:
        found.append(body)
        message.ack()

    with connection.Consumer(queue, callbacks=[take]):
        while len(found) < count:
            connection.drain_events(timeout=ANSWER_SECONDS)
    return found


def test_simple_queues(connection: kombu.Connection, name: str) -> None:
    with connection.SimpleQueue(name) as queue:
        queue.put({"task": "mail", "to": ["a", "b"]}, compression="zlib")
        message = queue.get(timeout=ANSWER_SECONDS)
        message.ack()
        assert message.payload == {"task": "mail", "to": ["a", "b"]}
    kombu.Queue(name)(connection.default_channel).delete()


def test_a_pool_of_producers(connection: kombu.Connection, name: str) -> None:
    exchange = kombu.Exchange(name, "direct", durable=False, auto_delete=True)
    queue = kombu.Queue(name, exchange, routing_key="k", exclusive=True)
    queue(connection.default_channel).declare()
    with producers[connection].acquire(block=True) as producer:
        for number in range(10):
            producer.publish(number, exchange=exchange, routing_key="k", retry=True)
    assert drained(connection, queue, 10) == list(range(10))


def test_priorities(connection: kombu.Connection, name: str) -> None:
    queue = kombu.Queue(name, max_priority=10, exclusive=True)
    queue(connection.default_channel).declare()
    producer = connection.Producer()
    for priority in (1, 9, 5):
        producer.publish(priority, routing_key=name, priority=priority)
    connection.default_channel.queue_declare(name, passive=True)
    assert drained(connection, queue, 3) == [9, 5, 1]


def test_confirms_and_returns(amqp: int) -> None:
    returned: list[Any] = []
    with py_amqp.Connection(f"127.0.0.1:{amqp}", confirm_publish=True) as connection:
        channel = connection.channel()
        channel.events["basic_return"].add(lambda *said: returned.append(said[0]))
        channel.basic_publish_confirm(py_amqp.Message("x"), routing_key="nowhere", mandatory=True)
    assert [error.reply_code for error in returned] == [312]


def test_heartbeats_and_large_tables(amqp: int, name: str) -> None:
    headers = {
        "deep": {"list": [1, 2.5, "three", True, None]},
        "many": {str(n): n for n in range(500)},
    }
    with py_amqp.Connection(f"127.0.0.1:{amqp}", heartbeat=5) as connection:
        channel = connection.channel()
        channel.queue_declare(name, exclusive=True, auto_delete=True)
        message = py_amqp.Message("x", application_headers=headers)
        channel.basic_publish(message, routing_key=name)
        connection.send_heartbeat()
        found = channel.basic_get(name, no_ack=True)
        assert found.headers == headers
