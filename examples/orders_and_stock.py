"""Orders go on while the stock system is down, and it catches up when it is back.

pip install pika
python examples/orders_and_stock.py [amqp://guest:guest@localhost:5672/]
"""

import sys
from collections import Counter

import pika

URL = pika.URLParameters(sys.argv[1] if len(sys.argv) > 1 else "amqp://localhost:5672/")
QUEUE, ORDERS = "stock-reservations", 100


def order(first: int, count: int) -> None:
    """The shop only needs the broker: a confirmed order is on its disk."""
    with pika.BlockingConnection(URL) as connection:
        channel = connection.channel()
        channel.queue_declare(QUEUE, durable=True)
        channel.confirm_delivery()
        for number in range(first, first + count):
            properties = pika.BasicProperties(delivery_mode=2, message_id=f"order-{number}")
            channel.basic_publish("", QUEUE, b"1 x teapot", properties, mandatory=True)


def reserve(stock: Counter[str], done: set[str], until: int, *, crash: bool) -> None:
    """Take what is there; an order that comes a second time is known by its id."""
    with pika.BlockingConnection(URL) as connection:
        channel = connection.channel()
        channel.basic_qos(prefetch_count=10)
        for method, properties, _body in channel.consume(QUEUE):
            if properties.message_id not in done:
                done.add(properties.message_id)
                stock["teapot"] -= 1
            if crash and len(done) == until:
                return  # gone with this one and others unacknowledged: they go back
            channel.basic_ack(method.delivery_tag)
            if len(done) == until:
                return


if __name__ == "__main__":
    stock, done = Counter(teapot=ORDERS), set[str]()
    order(0, ORDERS // 2)
    print(f"{ORDERS // 2} orders taken while the stock system was down")
    reserve(stock, done, 20, crash=True)
    print(f"it came back, reserved {len(done)}, and crashed")
    order(ORDERS // 2, ORDERS // 2)
    reserve(stock, done, ORDERS, crash=False)
    print(f"it caught up: {len(done)} orders reserved, {stock['teapot']} teapots left")
