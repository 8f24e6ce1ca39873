// A conversation by npm's ali-ons: it prints what happened, as JSON.
// node talk.js NAME_SERVER TOPIC GROUP
'use strict';

const { Consumer, Message, MixAll, Producer } = require('ali-ons');
const httpclient = require('urllib');

const [ nameSrv, topic, group ] = process.argv.slice(2);
const quiet = { info() {}, debug() {}, warn() {}, error() {} };
const common = { nameSrv, namespace: '', httpclient, logger: quiet, accessKeyId: '', accessKeySecret: '' };

async function main() {
  const producer = new Producer({ ...common, producerGroup: `P-${group}` });
  await producer.ready();
  const sent = [];
  for (let number = 0; number < 5; number++) {
    const message = new Message(topic, number % 2 ? 'odd' : 'even', `häé ${number}`);
    message.keys = [ `k${number}` ];
    message.properties.color = 'blue';
    const result = await producer.send(message);
    sent.push([ result.sendStatus, result.messageQueue.topic, Boolean(result.msgId) ]);
  }

  const seen = [];
  const consumer = new Consumer({ ...common, consumerGroup: group, consumeFromWhere: 'CONSUME_FROM_FIRST_OFFSET' });
  const all = new Promise(resolve => {
    consumer.subscribe(topic, 'odd || none', async message => {
      seen.push([ message.body.toString(), message.tags, message.keys, message.properties.color ]);
      if (seen.length === 2) resolve();
    });
  });
  consumer.on('error', error => { console.error(error); });
  await consumer.ready();
  await all;
  await consumer.close();
  await producer.close();
  seen.sort();
  console.log(JSON.stringify({ sent, seen }));
}

main().then(() => process.exit(0), error => { console.error(error); process.exit(1); });
