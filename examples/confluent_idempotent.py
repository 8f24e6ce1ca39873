"""A producer that may repeat itself and is heard once, with confluent-kafka (librdkafka).

    pip install confluent-kafka
    python examples/confluent_idempotent.py [localhost:9092]

When an acknowledgement is lost on its way, a producer must send again, and a message could be there
twice, or after a later one. An idempotent producer numbers its batches; the broker knows the last
five of each producer, also after a restart, and takes each once and in order.
"""

import sys

from confluent_kafka import OFFSET_BEGINNING, Consumer, Producer, TopicPartition

BOOTSTRAP = sys.argv[1] if len(sys.argv) > 1 else "localhost:9092"
TOPIC = "payments"
COUNT = 1000


def write() -> None:
    """Send the payments, with numbers that the broker checks."""
    producer = Producer(
        {
            "bootstrap.servers": BOOTSTRAP,
            "enable.idempotence": True,  # implies acks=all and retries; up to 5 requests in flight
            "delivery.timeout.ms": 30_000,  # so long it tries; then on_delivery gets an error
        }
    )
    for number in range(COUNT):
        producer.produce(TOPIC, value=str(number))
    assert producer.flush(30) == 0, "some payments were not acknowledged in time"


def read() -> list[int]:
    """Read the topic from its beginning to its end, without a group."""
    consumer = Consumer({"bootstrap.servers": BOOTSTRAP, "group.id": "unused"})
    _, end = consumer.get_watermark_offsets(TopicPartition(TOPIC, 0), timeout=10)
    consumer.assign([TopicPartition(TOPIC, 0, OFFSET_BEGINNING)])
    numbers: list[int] = []
    while len(numbers) < end:
        numbers += [int(message.value() or b"") for message in consumer.consume(1000, timeout=1)]
    consumer.close()
    return numbers


if __name__ == "__main__":
    write()
    payments = read()[-COUNT:]
    assert payments == list(range(COUNT)), "a payment is missing, twice, or out of order"
    print(f"{COUNT} payments, each once and in order")
