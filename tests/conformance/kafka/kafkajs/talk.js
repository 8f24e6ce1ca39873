// One conversation with a broker, by a client that is not written in Python or C.
// node talk.js BROKER TOPIC GROUP COMPRESSION: prints what it saw as one line of JSON.
const { Kafka, CompressionTypes, logLevel } = require("kafkajs");

const [broker, topic, groupId, compression] = process.argv.slice(2);
const kafka = new Kafka({ clientId: "kafkajs", brokers: [broker], logLevel: logLevel.ERROR });
const COUNT = 20;

async function produce() {
  const producer = kafka.producer({ idempotent: true, maxInFlightRequests: 1 });
  await producer.connect();
  const messages = Array.from({ length: COUNT }, (_, number) => ({
    key: `key ${number}`,
    value: `value ${number}`,
    headers: { number: String(number) },
    partition: number % 2,
  }));
  const receipts = await producer.send({ topic, messages, compression: CompressionTypes[compression] });
  await producer.disconnect();
  return receipts.map((each) => [each.partition, Number(each.baseOffset)]);
}

async function consume() {
  const consumer = kafka.consumer({ groupId, sessionTimeout: 6000, heartbeatInterval: 300 });
  await consumer.connect();
  await consumer.subscribe({ topic, fromBeginning: true });
  const seen = [];
  await new Promise((resolve, reject) => {
    consumer.on(consumer.events.CRASH, ({ payload }) => reject(payload.error));
    consumer.run({
      eachMessage: async ({ partition, message }) => {
        const number = message.headers.number.toString();
        seen.push([partition, message.key.toString(), message.value.toString(), number]);
        if (seen.length === COUNT) resolve();
      },
    });
  });
  await consumer.disconnect();
  return seen;
}

async function main() {
  const admin = kafka.admin();
  await admin.connect();
  const created = await admin.createTopics({ topics: [{ topic, numPartitions: 2 }] });
  const receipts = await produce();
  const seen = await consume();
  const committed = await admin.fetchOffsets({ groupId, topics: [topic] });
  const ends = await admin.fetchTopicOffsets(topic);
  const group = await admin.describeGroups([groupId]);
  await admin.deleteGroups([groupId]);
  await admin.deleteTopics({ topics: [topic] });
  await admin.disconnect();
  console.log(
    JSON.stringify({
      created,
      receipts,
      seen,
      committed: committed[0].partitions.map((each) => Number(each.offset)),
      ends: ends.map((each) => Number(each.offset)),
      state: group.groups[0].state,
    }),
  );
}

main().catch((error) => {
  console.error(error);
  process.exit(1);
});
