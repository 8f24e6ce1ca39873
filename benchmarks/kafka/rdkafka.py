"""The load of librdkafka with its default settings, driven from Python as tightly as it goes."""

import argparse
import json
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from benchmarks.kafka.raw import rates
from confluent_kafka import OFFSET_BEGINNING, Consumer, Producer, TopicPartition

BURST = 2000
QUEUE_MESSAGES = 500_000


def produce(options: argparse.Namespace) -> dict[str, float]:
    """As fast as it takes messages; the time runs until the last is acknowledged."""
    client = Producer(
        {
            "bootstrap.servers": options.bootstrap,
            "acks": options.acks,
            "queue.buffering.max.messages": QUEUE_MESSAGES,
        }
    )
    value = b"x" * options.size
    (topic,) = options.topics
    begun = time.perf_counter()
    sent = 0
    while time.perf_counter() - begun < options.seconds:
        for _ in range(BURST):
            try:
                client.produce(topic, value, partition=0)
            except BufferError:
                client.poll(0.01)
                break
            sent += 1
        client.poll(0)
    if client.flush(60):
        raise SystemExit("not everything was acknowledged")
    return rates(sent, options.size, time.perf_counter() - begun)


def consume(options: argparse.Namespace) -> dict[str, float]:
    """The whole topic from its start."""
    (topic,) = options.topics
    client = Consumer({"bootstrap.servers": options.bootstrap, "group.id": "bench"})
    begun = time.perf_counter()
    client.assign([TopicPartition(topic, 0, OFFSET_BEGINNING)])
    count = 0
    while count < options.records:
        count += len(client.consume(10_000, 1.0))
    seconds = time.perf_counter() - begun
    client.close()
    return rates(count, options.size, seconds)


def main() -> int:
    """One load, one line of JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("load", choices=["produce", "consume"])
    parser.add_argument("bootstrap")
    parser.add_argument("topics", nargs=1)
    parser.add_argument("--size", type=int, default=100)
    parser.add_argument("--acks", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=3.0)
    parser.add_argument("--records", type=int, default=0)
    options = parser.parse_args()
    print(json.dumps({"produce": produce, "consume": consume}[options.load](options)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
