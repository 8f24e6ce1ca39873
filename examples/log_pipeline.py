"""Logs of many services in one topic, and beside it the latest state of each.

    pip install confluent-kafka
    python examples/log_pipeline.py [localhost:9092]

`logs` keeps every line for a day. `latest-state` is compacted: of each key the broker keeps the
last message, so whoever starts reads a table, not a history.
"""

import json
import sys
from concurrent.futures import ThreadPoolExecutor

from confluent_kafka import OFFSET_BEGINNING, Consumer, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic

BOOTSTRAP = sys.argv[1] if len(sys.argv) > 1 else "localhost:9092"
SERVICES, LINES = 20, 500
STATE = TopicPartition("latest-state", 0)


def make_topics() -> None:
    """Make what is not there yet."""
    logs = NewTopic("logs", 4, 1, config={"retention.ms": "86400000"})
    state = NewTopic("latest-state", 1, 1, config={"cleanup.policy": "compact"})
    admin = AdminClient({"bootstrap.servers": BOOTSTRAP})
    for made in admin.create_topics([logs, state]).values():
        made.exception(10)  # that it exists already is fine


def service(name: str) -> None:
    """Write the lines of one service."""
    batched = {"linger.ms": 20, "compression.type": "zstd"}
    producer = Producer({"bootstrap.servers": BOOTSTRAP, **batched})
    for number in range(LINES):
        line = {"service": name, "request": number, "status": 500 if number % 97 == 0 else 200}
        producer.produce("logs", key=name, value=json.dumps(line))
        producer.produce("latest-state", key=name, value=json.dumps({"requests": number + 1}))
    assert producer.flush(30) == 0, f"{name}: not everything was acknowledged"


def latest_states() -> dict[str, int]:
    """Read the table: a later message of a key replaces an earlier one."""
    consumer = Consumer({"bootstrap.servers": BOOTSTRAP, "group.id": "unused"})
    _, end = consumer.get_watermark_offsets(STATE, timeout=10)
    consumer.assign([TopicPartition("latest-state", 0, OFFSET_BEGINNING)])
    table: dict[str, int] = {}
    while consumer.position([STATE])[0].offset < end:
        for message in consumer.consume(1000, timeout=1):
            table[(message.key() or b"").decode()] = json.loads(message.value() or b"")["requests"]
    consumer.close()
    return table


if __name__ == "__main__":
    make_topics()
    with ThreadPoolExecutor(SERVICES) as pool:
        list(pool.map(service, [f"service-{n}" for n in range(SERVICES)]))
    print(f"{SERVICES * LINES} lines written by {SERVICES} services")
    print(f"latest states: {sum(latest_states().values())} requests in all")
