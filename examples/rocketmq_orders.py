"""Steps of orders by RocketMQ: each order's in their order, by tag; Kafka's clients see them, too.

pip install rocketmq confluent-kafka; anymq serve
"""

import sys
import threading

from confluent_kafka import Consumer
from rocketmq.client import Message, Producer, PushConsumer, RecvMessage
from rocketmq.exceptions import ProducerSendSyncFailed

name_server = sys.argv[1] if len(sys.argv) > 1 else "127.0.0.1:9876"
kafka = sys.argv[2] if len(sys.argv) > 2 else "127.0.0.1:9092"
ORDERS = [17, 18]
producer = Producer("shop")
producer.set_namesrv_addr(name_server)
producer.start()


def tell(order: int, step: str) -> None:
    """All steps of an order go to the queue that its number chooses."""
    message = Message("orders")
    message.set_keys(str(order))
    message.set_tags(step)
    message.set_body(f"order {order} is {step}")
    try:
        producer.send_orderly(message, order)
    except ProducerSendSyncFailed:  # at first this library may be too quick for itself
        producer.send_orderly(message, order)


for step in ("created", "paid", "sent"):
    for order in ORDERS:
        tell(order, step)

seen: list[str] = []
all_seen = threading.Event()


def note(message: RecvMessage) -> None:
    """Deal with a message; it comes again if this raises."""
    seen.append(message.body.decode())
    if len(seen) == 4:
        all_seen.set()


shipping = PushConsumer("shipping", orderly=True)
shipping.set_namesrv_addr(name_server)
shipping.subscribe("orders", note, "paid || sent")
shipping.start()
all_seen.wait(45)
for order in ORDERS:
    print([line for line in seen if f" {order} " in line])
books = Consumer({"bootstrap.servers": kafka, "group.id": "books", "auto.offset.reset": "earliest"})
books.subscribe(["orders"])
print("in the books:", len(books.consume(6, timeout=30)))
books.close()
shipping.shutdown()
producer.shutdown()
