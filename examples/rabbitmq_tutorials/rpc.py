"""Tutorial 6, RPC: a request says where its answer goes, and how the client will know it.

pip install pika
python examples/rabbitmq_tutorials/rpc.py [amqp://guest:guest@localhost:5672/]
"""

import sys
import uuid
from threading import Thread

import pika

URL = pika.URLParameters(sys.argv[1] if len(sys.argv) > 1 else "amqp://localhost:5672/")
CALLS = [3, 30, 10]


def serve(calls: int) -> None:
    """Answer so many requests."""
    with pika.BlockingConnection(URL) as connection:
        channel = connection.channel()
        channel.basic_qos(prefetch_count=1)
        for method, request, body in channel.consume("rpc_queue"):
            answer = pika.BasicProperties(correlation_id=request.correlation_id)
            channel.basic_publish("", request.reply_to, str(fibonacci(int(body))).encode(), answer)
            channel.basic_ack(method.delivery_tag)
            if method.delivery_tag == calls:
                break


def fibonacci(number: int) -> int:
    """The slow way is not the point here."""
    a, b = 0, 1
    for _ in range(number):
        a, b = b, a + b
    return a


def ask_all() -> None:
    """Send every request at once: answers are told apart by their correlation ids."""
    with pika.BlockingConnection(URL) as connection:
        channel = connection.channel()
        replies = channel.queue_declare("", exclusive=True).method.queue
        asked = {}
        for number in CALLS:
            asked[correlation := str(uuid.uuid4())] = number
            properties = pika.BasicProperties(reply_to=replies, correlation_id=correlation)
            channel.basic_publish("", "rpc_queue", str(number).encode(), properties)
        for _method, properties, body in channel.consume(replies, auto_ack=True):
            print(f"fib({asked.pop(properties.correlation_id)}) is {body.decode()}")
            if not asked:
                break


if __name__ == "__main__":
    with pika.BlockingConnection(URL) as connection:
        connection.channel().queue_declare("rpc_queue")
    server = Thread(target=serve, args=(len(CALLS),))
    server.start()
    ask_all()
    server.join()
