/** How to connect a first client of each protocol, with the addresses of this very broker. */
import { useSignal } from "@preact/signals";
import { dictionary } from "../lib/i18n";
import { me } from "../lib/session";
import { Segments, Snippet } from "./bits";

const t = dictionary({
  en: { lead: "These work as they are, with the clients you have. Choose one:", protocol: "Client" },
  zh: { lead: "使用现有的客户端即可连接，无需修改。请选择：", protocol: "客户端" },
});

interface Door {
  protocol: string;
  ip_address: string;
  port: number;
  tls: boolean;
}

export type Example = "pika" | "kafka" | "celery" | "node" | "curl" | "consumer" | "mqtt" | "stomp" | "rocketmq";

export function Connect({ listeners, only }: { listeners: Door[]; only?: Example[] }) {
  const all = examples(listeners).filter(([id]) => !only || only.includes(id));
  const chosen = useSignal<Example | undefined>(undefined);
  const [id, , text] = all.find(([id]) => id === chosen.value) ?? all[0] ?? ["curl", "", ""];
  if (all.length === 0) return null;
  return (
    <div class="stack" style={{ gap: "10px", textAlign: "left", width: "min(660px, 100%)" }}>
      <div class="row wrap">
        <span class="muted">{t.lead}</span>
        <Segments label={t.protocol} of={all.map(([id, name]) => [id, name])} value={id} onChange={(id) => (chosen.value = id)} />
      </div>
      <Snippet text={text} />
    </div>
  );
}

function examples(listeners: Door[]): [Example, string, string][] {
  const host = location.hostname || "localhost";
  const user = me.value?.name ?? "guest";
  const port = (protocol: string) => listeners.find((one) => one.protocol === protocol && !one.tls)?.port;
  const amqp = port("amqp");
  const kafka = port("kafka");
  const found: [Example, string, string][] = [];
  if (amqp !== undefined) {
    const url = `amqp://${user}:PASSWORD@${host}:${amqp}/%2F`;
    found.push(["pika", "AMQP · Python", `# pip install pika
import pika

connection = pika.BlockingConnection(pika.URLParameters("${url}"))
channel = connection.channel()
channel.queue_declare("hello", durable=True)
channel.basic_publish("", "hello", b"Hello, anymq")
`]);
    found.push(["node", "AMQP · Node", `// npm install amqplib
import amqp from "amqplib";

const connection = await amqp.connect("${url}");
const channel = await connection.createChannel();
await channel.assertQueue("hello");
channel.sendToQueue("hello", Buffer.from("Hello, anymq"));
`]);
    found.push(["celery", "Celery", `# pip install celery
from celery import Celery

app = Celery("jobs", broker="${url}")
`]);
  }
  if (kafka !== undefined) {
    found.push(["kafka", "Kafka · Python", `# pip install kafka-python
from kafka import KafkaProducer

producer = KafkaProducer(bootstrap_servers="${host}:${kafka}")
producer.send("hello", b"Hello, anymq").get()
`]);
  }
  if (kafka !== undefined) {
    found.push(["consumer", "Kafka · consumer", `# pip install kafka-python
from kafka import KafkaConsumer

consumer = KafkaConsumer("hello", group_id="readers", auto_offset_reset="earliest",
                         bootstrap_servers="${host}:${kafka}")
for record in consumer:
    print(record.value)
`]);
  }
  const mqtt = port("mqtt");
  if (mqtt !== undefined) {
    found.push(["mqtt", "MQTT · Python", `# pip install paho-mqtt
import paho.mqtt.publish as publish

publish.single("hello", "Hello, anymq", qos=1, hostname="${host}", port=${mqtt},
               auth={"username": "${user}", "password": "PASSWORD"})
`]);
  }
  const stomp = port("stomp");
  if (stomp !== undefined) {
    found.push(["stomp", "STOMP · Python", `# pip install stomp.py
import stomp

connection = stomp.Connection([("${host}", ${stomp})])
connection.connect("${user}", "PASSWORD", wait=True)
connection.send("/queue/hello", "Hello, anymq")
`]);
  }
  const rocketmq = port("rocketmq");
  if (rocketmq !== undefined) {
    found.push(["rocketmq", "RocketMQ · Python", `# pip install rocketmq
from rocketmq.client import Message, Producer

producer = Producer("hello")
producer.set_namesrv_addr("${host === "localhost" ? "127.0.0.1" : host}:${rocketmq}")
producer.start()
message = Message("hello")
message.set_body("Hello, anymq")
print(producer.send_sync(message))
`]);
  }
  found.push(["curl", "HTTP", `curl -u ${user}:PASSWORD ${location.origin}/api/exchanges/%2F/amq.default/publish \\
  -d '{"properties": {}, "routing_key": "hello", "payload": "Hello, anymq", "payload_encoding": "string"}'
`]);
  return found;
}
