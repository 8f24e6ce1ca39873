"""Tutorial 5, topics: keys of words, `*` is one word, `#` is any number of them.

pip install pika
python examples/rabbitmq_tutorials/topics.py [amqp://guest:guest@localhost:5672/]
"""

import sys

import pika

URL = pika.URLParameters(sys.argv[1] if len(sys.argv) > 1 else "amqp://localhost:5672/")
WANTED = {"orange ones": ["*.orange.*"], "rabbits and lazy ones": ["*.*.rabbit", "lazy.#"]}
ANIMALS = [
    "quick.orange.rabbit",
    "lazy.orange.elephant",
    "quick.orange.fox",
    "lazy.brown.fox",
    "lazy.pink.rabbit",  # matches twice, comes once
    "quick.brown.fox",
    "orange",
    "lazy.orange.new.rabbit",
]

if __name__ == "__main__":
    with pika.BlockingConnection(URL) as connection:
        channel = connection.channel()
        channel.exchange_declare("animals", "topic")
        queues = {}
        for reader, patterns in WANTED.items():
            queues[reader] = channel.queue_declare("", exclusive=True).method.queue
            for pattern in patterns:
                channel.queue_bind(queues[reader], "animals", routing_key=pattern)
        channel.confirm_delivery()
        for animal in ANIMALS:
            channel.basic_publish("animals", animal, b"")
        for reader, queue in queues.items():
            seen = []
            while (method := channel.basic_get(queue, auto_ack=True)[0]) is not None:
                seen.append(method.routing_key)
            print(f"{reader}: {', '.join(seen)}")
        channel.exchange_delete("animals")
