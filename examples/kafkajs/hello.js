// Write and read with kafkajs, in Node.
//
//     cd examples/kafkajs && npm install
//     node hello.js [localhost:9092]
const { Kafka, logLevel, Partitioners } = require("kafkajs");

const bootstrap = process.argv[2] || "localhost:9092";
const topic = "kafkajs-greetings";
const count = 5;

const kafka = new Kafka({ clientId: "hello", brokers: [bootstrap], logLevel: logLevel.ERROR });

async function write() {
  const producer = kafka.producer({ createPartitioner: Partitioners.DefaultPartitioner });
  await producer.connect();
  const messages = Array.from({ length: count }, (_, n) => ({ key: `key ${n}`, value: `hello ${n}` }));
  // acks -1 is "all"; it is the default, and waits for the broker's disk.
  const receipts = await producer.send({ topic, messages, acks: -1 });
  for (const { partition, baseOffset } of receipts) {
    console.log(`acknowledged: partition ${partition}, from offset ${baseOffset}`);
  }
  await producer.disconnect();
}

async function read() {
  const consumer = kafka.consumer({ groupId: "kafkajs-readers" });
  await consumer.connect();
  await consumer.subscribe({ topic, fromBeginning: true });
  let seen = 0;
  await new Promise((done) => {
    consumer.run({
      eachMessage: async ({ message }) => {
        console.log(`read: ${message.value}`);
        if (++seen === count) done();
      },
    });
  });
  await consumer.disconnect(); // commits, and leaves the group
}

write()
  .then(read)
  .catch((error) => {
    console.error(error.message);
    process.exit(1);
  });
