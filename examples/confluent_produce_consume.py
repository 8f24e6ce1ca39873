"""Write ten messages and read them back, with confluent-kafka (librdkafka).

pip install confluent-kafka
python examples/confluent_produce_consume.py [localhost:9092]
"""

import sys

from confluent_kafka import Consumer, KafkaError, Message, Producer

BOOTSTRAP = sys.argv[1] if len(sys.argv) > 1 else "localhost:9092"
TOPIC = "greetings"  # made when it is first named
COUNT = 10


def write() -> None:
    """Send them all; each acknowledgement says where its message is, or why it is nowhere."""
    producer = Producer({"bootstrap.servers": BOOTSTRAP})
    for number in range(COUNT):
        # The same key always goes to the same partition, so what has one key stays in order.
        producer.produce(TOPIC, key=f"key {number % 3}", value=f"hello {number}", on_delivery=tell)
    # produce() only queues. Without flush() the program would end before anything was sent.
    assert producer.flush(10) == 0, "some messages were not acknowledged in time"


def tell(error: KafkaError | None, message: Message) -> None:
    """An acknowledged message is on the broker's disk: the producer may forget it."""
    if error is not None:
        print(f"not delivered: {error}", file=sys.stderr)
    else:
        print(f"acknowledged: partition {message.partition()}, offset {message.offset()}")


def read() -> None:
    """Read as a member of a group: the broker remembers how far the group has come."""
    consumer = Consumer(
        {
            "bootstrap.servers": BOOTSTRAP,
            "group.id": "greeters",
            # Where a group starts that has not been here before; the default is the end.
            "auto.offset.reset": "earliest",
        }
    )
    consumer.subscribe([TOPIC])
    for message in consumer.consume(COUNT, timeout=10):
        if message.error():
            raise SystemExit(message.error())
        print(f"read: {(message.value() or b'').decode()}")
    consumer.close()  # commits, and leaves the group, so others need not wait for a time-out


if __name__ == "__main__":
    write()
    read()
