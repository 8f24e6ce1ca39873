"""A flash sale: exactly so many buyers get in, the others hear at once that it is sold out.

    pip install pika
    python examples/flash_sale.py [amqp://guest:guest@localhost:5672/]

The queue holds as many orders as there are goods and refuses the rest (x-overflow). The broker
decides, on one place and in order: no counter in a database is fought over.
"""

import sys
from concurrent.futures import ThreadPoolExecutor

import pika
from pika.exceptions import NackError

URL = pika.URLParameters(sys.argv[1] if len(sys.argv) > 1 else "amqp://localhost:5672/")
QUEUE, GOODS, SHOPS, BUYERS_PER_SHOP = "flash-sale", 100, 5, 200


def sell(shop: int) -> int:
    """One of the shop's front ends; returns how many of its buyers got in."""
    admitted = 0
    with pika.BlockingConnection(URL) as connection:
        channel = connection.channel()
        channel.confirm_delivery()
        for buyer in range(BUYERS_PER_SHOP):
            try:
                channel.basic_publish("", QUEUE, f"shop {shop}, buyer {buyer}".encode())
                admitted += 1
            except NackError:
                pass  # "sorry, sold out": the buyer knows at once
    return admitted


def deliver() -> int:
    """The warehouse, at its own speed, later."""
    with pika.BlockingConnection(URL) as connection:
        channel = connection.channel()
        sent = 0
        while (method := channel.basic_get(QUEUE)[0]) is not None:
            channel.basic_ack(method.delivery_tag)
            sent += 1
        channel.queue_delete(QUEUE)
    return sent


if __name__ == "__main__":
    with pika.BlockingConnection(URL) as connection:
        limits = {"x-max-length": GOODS, "x-overflow": "reject-publish"}
        connection.channel().queue_declare(QUEUE, durable=True, arguments=limits)
    with ThreadPoolExecutor() as pool:
        admitted = sum(pool.map(sell, range(SHOPS)))
    print(f"{SHOPS * BUYERS_PER_SHOP} buyers, {GOODS} goods: {admitted} got in")
    print(f"{deliver()} parcels sent")
