"""Tutorial 1, hello world: one sends to a queue, another receives from it.

pip install pika
python examples/rabbitmq_tutorials/hello_world.py [amqp://guest:guest@localhost:5672/]
"""

import sys

import pika

URL = pika.URLParameters(sys.argv[1] if len(sys.argv) > 1 else "amqp://localhost:5672/")


def send() -> None:
    """The default exchange brings a message to the queue that its routing key names."""
    with pika.BlockingConnection(URL) as connection:
        channel = connection.channel()
        channel.queue_declare("hello")
        channel.basic_publish(exchange="", routing_key="hello", body=b"Hello World!")
    print("sent 'Hello World!'")


def receive() -> None:
    """Declaring the queue again is harmless; whoever comes first makes it."""
    with pika.BlockingConnection(URL) as connection:
        channel = connection.channel()
        channel.queue_declare("hello")
        for _method, _properties, body in channel.consume("hello", auto_ack=True):
            print(f"received {body.decode()!r}")
            break


if __name__ == "__main__":
    send()
    receive()
