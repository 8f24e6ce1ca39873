"""Tutorial 3, publish/subscribe: a fanout exchange gives everybody a copy.

pip install pika
python examples/rabbitmq_tutorials/publish_subscribe.py [amqp://guest:guest@localhost:5672/]
"""

import sys

import pika
from pika.adapters.blocking_connection import BlockingChannel

URL = pika.URLParameters(sys.argv[1] if len(sys.argv) > 1 else "amqp://localhost:5672/")


def subscribe(channel: BlockingChannel) -> str:
    """A queue of one's own, with a name that the broker makes, gone with the connection."""
    queue = str(channel.queue_declare("", exclusive=True).method.queue)
    channel.queue_bind(queue, "logs")
    return queue


def take(channel: BlockingChannel, queue: str) -> list[str]:
    """Everything that is there."""
    taken = []
    while (got := channel.basic_get(queue, auto_ack=True))[0] is not None:
        taken.append(got[2].decode())
    return taken


if __name__ == "__main__":
    with pika.BlockingConnection(URL) as connection:
        channel = connection.channel()
        channel.exchange_declare("logs", "fanout")
        queues = [subscribe(channel) for _ in range(3)]
        channel.confirm_delivery()
        for number in range(5):
            channel.basic_publish("logs", "", f"log line {number}".encode())
        for number, queue in enumerate(queues):
            print(f"subscriber {number}: {', '.join(take(channel, queue))}")
        channel.exchange_delete("logs")
