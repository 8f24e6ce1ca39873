"""What large messages take of memory: `python -m benchmarks.large [--mib 64] [NAME ...]`.

Of each protocol's own client: each message is sent, and safe on the disk, and then read. Prints how
far the memory of the broker rose at most, in sizes of the message, and how long it took.
"""

import argparse
import os
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import paho.mqtt.client as paho
import pika
from confluent_kafka import Consumer, Producer
from confluent_kafka.admin import AdminClient, NewTopic
from paho.mqtt.enums import CallbackAPIVersion
from tests.peers.anymq import AnymqServer
from tests.peers.process import free_ports

MIB = 1024 * 1024
SECONDS = 60
MESSAGES = 3
ROOM = MIB  # for what is around a body

Step = tuple[str, Callable[[], object]]


def main() -> None:
    """Print a line for each step."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", help="which protocols; all of them otherwise")
    parser.add_argument("--mib", type=int, default=64)
    arguments = parser.parse_args()
    body = os.urandom(arguments.mib * MIB)
    for name in arguments.names or STEPS:
        with broker(len(body) + ROOM) as server:
            idle = server.usage().rss_bytes
            for number in range(MESSAGES):
                for what, act in STEPS[name](server, body, number):
                    measure(server, f"{name}, {what}", act, idle, len(body))


@contextmanager
def broker(size: int) -> Iterator[AnymqServer]:
    """One that takes messages of this size."""
    [port] = free_ports(1)
    settings = {"mqtt.port": port, "mqtt.packet_bytes_max": size, "amqp.message_bytes_max": size}
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        server = AnymqServer(Path(folder), settings)
        try:
            yield server.start()
        finally:
            server.stop()


def measure(
    server: AnymqServer, what: str, act: Callable[[], object], idle: int, size: int
) -> None:
    """Do it, and say what it took. Linux counts the peak from here on."""
    Path(f"/proc/{server.pid}/clear_refs").write_text("5")
    begun = time.perf_counter()
    act()
    seconds = time.perf_counter() - begun
    lines = Path(f"/proc/{server.pid}/status").read_text().splitlines()
    [peak] = [int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM")]
    print(f"{what:20} {(peak - idle) / size:4.1f} sizes, {seconds:.2f} s", flush=True)


def by_amqp(server: AnymqServer, body: bytes, number: int) -> Iterator[Step]:
    """A durable queue."""
    where = pika.ConnectionParameters("127.0.0.1", server.amqp_port)
    with pika.BlockingConnection(where) as connection:
        channel = connection.channel()
        channel.queue_declare("large", durable=True)
        channel.confirm_delivery()
        kept = pika.BasicProperties(delivery_mode=2)
        yield "published", lambda: channel.basic_publish("", "large", body, kept)

        def read() -> None:
            _, _, found = next(channel.consume("large", auto_ack=True, inactivity_timeout=SECONDS))
            assert found == body

        yield "consumed", read


def by_kafka(server: AnymqServer, body: bytes, number: int) -> Iterator[Step]:
    """A topic that takes such records."""
    most = len(body) + ROOM
    name, where = f"large{number}", {"bootstrap.servers": server.bootstrap}
    topic = NewTopic(name, 1, config={"max.message.bytes": str(most)})
    admin = AdminClient(where)
    admin.create_topics([topic])[name].result()
    room = {"message.max.bytes": most, "queue.buffering.max.kbytes": 2 * most // 1024}
    producer = Producer({**where, **room})

    def write() -> None:
        producer.produce(name, body)
        assert producer.flush(SECONDS) == 0

    yield "produced", write
    group = {"group.id": "g", "auto.offset.reset": "earliest"}
    fetch = {"fetch.message.max.bytes": most, "receive.message.max.bytes": 2 * most}
    consumer = Consumer({**where, **group, **fetch})
    consumer.subscribe([name])

    def read() -> None:
        message = consumer.poll(SECONDS)
        assert message is not None
        assert message.value() == body

    yield "consumed", read
    consumer.close()


def by_mqtt(server: AnymqServer, body: bytes, number: int) -> Iterator[Step]:
    """A kept session subscribes with QoS 1."""
    came, subscribed = threading.Event(), threading.Event()
    clients = [
        paho.Client(CallbackAPIVersion.VERSION2, name, clean_session=False)
        for name in ("subscriber", "publisher")
    ]
    for client in clients:
        client.connect("127.0.0.1", int(server.settings["mqtt.port"]))
        client.loop_start()
    subscriber, publisher = clients
    subscriber.on_message = lambda _client, _said, message: (
        came.set() if message.payload == body else None
    )
    subscriber.on_subscribe = lambda *_: subscribed.set()
    subscriber.subscribe("large", 1)
    assert subscribed.wait(SECONDS)

    def write_and_read() -> None:
        publisher.publish("large", body, 1).wait_for_publish(SECONDS)
        assert came.wait(SECONDS)

    yield "published and had", write_and_read
    for client in clients:
        client.disconnect()
        client.loop_stop()


STEPS: dict[str, Callable[[AnymqServer, bytes, int], Iterator[Step]]] = {
    "amqp": by_amqp,
    "kafka": by_kafka,
    "mqtt": by_mqtt,
}

if __name__ == "__main__":
    main()
