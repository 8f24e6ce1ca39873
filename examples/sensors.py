"""Sensors by MQTT, into a topic that Kafka's tools read and a queue of alarms for AMQP workers.

pip install paho-mqtt pika confluent-kafka; anymq serve
"""

import sys

import paho.mqtt.client as paho
import pika
from confluent_kafka import Consumer
from paho.mqtt.enums import CallbackAPIVersion

mqtt = sys.argv[1] if len(sys.argv) > 1 else "127.0.0.1:1883"
amqp = sys.argv[2] if len(sys.argv) > 2 else "amqp://guest:guest@127.0.0.1:5672"
kafka = sys.argv[3] if len(sys.argv) > 3 else "127.0.0.1:9092"

# Where it goes is a matter of bindings, which devices know nothing of. MQTT's / is AMQP's dot.
connection = pika.BlockingConnection(pika.URLParameters(amqp))
channel = connection.channel()
channel.queue_declare("readings", durable=True, arguments={"x-queue-type": "stream"})
channel.queue_bind("readings", "amq.topic", "sensors.#")
channel.queue_declare("alarms", durable=True)
channel.queue_bind("alarms", "amq.topic", "sensors.*.alarm")


def measure(places: list[str], hours: int) -> None:
    """Each sensor tells what it measures; what is too hot is an alarm as well."""
    host, port = mqtt.split(":")
    device = paho.Client(CallbackAPIVersion.VERSION2)
    device.connect(host, int(port))
    device.loop_start()
    for hour in range(hours):
        for number, place in enumerate(places):
            degrees = 20 + 5 * number + hour
            sent = device.publish(f"sensors/{place}", str(degrees), qos=1)
            if degrees > 32:
                sent = device.publish(f"sensors/{place}/alarm", f"{degrees} degrees", qos=1)
            sent.wait_for_publish(30)  # it is on the disk: the sensor may forget it
    device.disconnect()


measure(["cellar", "kitchen", "roof"], hours=5)

settings = {"bootstrap.servers": kafka, "group.id": "statistics", "auto.offset.reset": "earliest"}
consumer = Consumer(settings)
consumer.subscribe(["readings"])
hottest: dict[str, str] = {}
for _ in range(17):
    (record,) = consumer.consume(1, timeout=30)
    hottest[(record.key() or b"").decode()] = (record.value() or b"").decode()
consumer.close()
print("by Kafka, the last of each:", hottest)

for _ in range(2):
    method, _, body = channel.basic_get("alarms")
    print("an AMQP worker sees to", method.routing_key, "with", body.decode())
    channel.basic_ack(method.delivery_tag)
connection.close()
