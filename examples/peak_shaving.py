"""A flash sale: 50,000 orders at once, and a worker that handles them at its own speed.

    pip install confluent-kafka
    python examples/peak_shaving.py [localhost:9092]

The shop only waits until the broker has an order on its disk. What the worker has not handled yet
is the lag of its group.
"""

import sys
import time
from concurrent.futures import ThreadPoolExecutor

from confluent_kafka import Consumer, Producer, TopicPartition

BOOTSTRAP = sys.argv[1] if len(sys.argv) > 1 else "localhost:9092"
TOPIC, GROUP, ORDERS = "orders", "warehouse", 50_000
BATCH, BATCH_SECONDS = 2_500, 0.1  # the warehouse handles 25,000 orders a second at best
PARTITION = TopicPartition(TOPIC, 0)


def sell(producer: Producer) -> None:
    """Take all orders as fast as they come."""
    begun = time.monotonic()
    for number in range(ORDERS):
        producer.produce(TOPIC, value=f"order {number}")
    assert producer.flush(60) == 0, "not every order was acknowledged"
    print(f"shop: {ORDERS} orders taken in {time.monotonic() - begun:.1f} s", flush=True)


def handle() -> None:
    """Fetch as many as can be worked on, work, commit; what is not committed comes again."""
    options = {"group.id": GROUP, "auto.offset.reset": "earliest", "enable.auto.commit": False}
    consumer = Consumer({"bootstrap.servers": BOOTSTRAP, **options})
    consumer.subscribe([TOPIC])
    handled = 0
    while handled < ORDERS:
        orders = consumer.consume(BATCH, timeout=1)
        if orders:
            time.sleep(BATCH_SECONDS)  # the work
            consumer.commit(asynchronous=False)
            handled += len(orders)
            print(f"warehouse: {handled} handled, lag {lag(consumer)}", flush=True)
    consumer.close()


def lag(consumer: Consumer) -> int:
    """Return how far the group is behind."""
    committed = consumer.committed([PARTITION], timeout=10)[0].offset
    return int(consumer.get_watermark_offsets(PARTITION, timeout=10)[1] - committed)


if __name__ == "__main__":
    shop = Producer({"bootstrap.servers": BOOTSTRAP, "queue.buffering.max.messages": ORDERS})
    shop.list_topics(TOPIC, timeout=10)  # makes the topic
    with ThreadPoolExecutor() as pool:
        warehouse = pool.submit(handle)
        sell(shop)
    warehouse.result()  # raises what went wrong in it
    print("the warehouse has caught up")
