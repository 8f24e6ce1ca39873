"""Tutorial 4, routing: a direct exchange gives each queue what it asks for by its binding keys.

pip install pika
python examples/rabbitmq_tutorials/routing.py [amqp://guest:guest@localhost:5672/]
"""

import sys

import pika

URL = pika.URLParameters(sys.argv[1] if len(sys.argv) > 1 else "amqp://localhost:5672/")
WANTED = {"disk": ["error"], "screen": ["info", "warning", "error"]}
LINES = [("info", "started"), ("warning", "getting full"), ("error", "full"), ("debug", "x = 1")]

if __name__ == "__main__":
    with pika.BlockingConnection(URL) as connection:
        channel = connection.channel()
        channel.exchange_declare("direct_logs", "direct")
        queues = {}
        for reader, severities in WANTED.items():
            queues[reader] = channel.queue_declare("", exclusive=True).method.queue
            for severity in severities:
                channel.queue_bind(queues[reader], "direct_logs", routing_key=severity)
        channel.confirm_delivery()
        for severity, line in LINES:
            channel.basic_publish("direct_logs", severity, line.encode())
        for reader, queue in queues.items():
            while (got := channel.basic_get(queue, auto_ack=True))[0] is not None:
                method, _properties, body = got
                print(f"{reader}: [{method.routing_key}] {body.decode()}")
        channel.exchange_delete("direct_logs")
