// A conversation by npm's ali-ons: it prints what happened, as JSON.
// node talk.js NAME_SERVER TOPIC GROUP
'use strict';

const { Consumer, Message, Producer } = require('ali-ons');
const httpclient = require('urllib');

const [ nameSrv, topic, group ] = process.argv.slice(2);
const quiet = { info() {}, debug() {}, warn() {}, error() {} };
const common = { nameSrv, namespace: '', httpclient, logger: quiet, accessKeyId: '', accessKeySecret: '' };
const consumers = [];

// A consumer from the first message on, and a promise of what it has seen: so many.
// `failures`: how often each message is not dealt with at first.
async function consume(name, expression, count, see, { failures = 0, of = topic, ...options } = {}) {
  const seen = [];
  const consumer = new Consumer({
    ...common, consumerGroup: `${group}-${name}`, consumeFromWhere: 'CONSUME_FROM_FIRST_OFFSET', ...options,
  });
  consumers.push(consumer);
  consumer.on('error', error => { if (error.message.indexOf('on purpose') < 0) console.error(error); });
  const all = new Promise(resolve => {
    consumer.subscribe(of, expression, async (message, queue) => {
      seen.push(see(message, queue));
      if (seen.length >= count) resolve(seen);
      if (message.reconsumeTimes < failures) throw new Error('on purpose');
    });
  });
  await consumer.ready();
  return all;
}

async function send(producer, body, tags, change = () => {}) {
  const message = new Message(topic, tags, body);
  change(message);
  const result = await producer.send(message);
  return [ result.sendStatus, result.messageQueue.topic, Boolean(result.msgId), result.messageQueue.queueId ];
}

// A topic is there: who subscribes before that looks again after 30 seconds.
async function made(producer, name) {
  for (;;) {
    try {
      return await producer.tryToFindTopicPublishInfo(name);
    } catch (error) {
      if (error.code !== 17) throw error;
    }
  }
}

async function main() {
  const producer = new Producer({ ...common, producerGroup: `P-${group}` });
  await producer.ready();
  const sent = [];
  for (let number = 0; number < 5; number++) {
    sent.push(await send(producer, `häé ${number}`, number % 2 ? 'odd' : 'even', message => {
      message.keys = [ `k${number}` ];
      message.properties.color = 'blue';
      message.properties.number = number;
    }));
  }
  const plain = message => [ message.body.toString(), message.tags, message.keys, message.properties.color ];
  const byTag = await consume('tag', 'odd || none', 2, plain);
  const bySql = await consume('sql', { expressionType: 'SQL92', subString: 'number BETWEEN 2 AND 3' }, 2, plain);
  const byAll = await consume('all', 'odd', 2, plain, { isBroadcast: true });

  // Those of one order stay in order: the client keeps each in one queue.
  const orders = [];
  for (let number = 0; number < 20; number++) {
    const order = `order-${1 + number % 3}`;
    orders.push([ order, ...await send(producer, `${order}:${number}`, 'order', message => {
      message.shardingKey = order;
    }) ]);
  }
  const ordered = await consume('order', 'order', 20, message => message.body.toString());

  // Later, and never before.
  const begun = Date.now();
  await send(producer, 'later', 'later', message => { message.delayTimeLevel = 1; });
  const later = await consume('later', 'later', 1, message => [ message.body.toString(), Date.now() - begun >= 1000 ]);

  // A consumer that fails gets it again.
  await send(producer, 'twice', 'twice');
  const times = message => [ message.body.toString(), message.reconsumeTimes ];
  const again = await consume('again', 'twice', 2, times, { failures: 1 });

  // What always fails is a dead letter in the end.
  await send(producer, 'poison', 'poison');
  const tried = await consume('dead', 'poison', 17, times, { failures: 99 });
  const graves = `%DLQ%${group}-dead`;
  await made(producer, graves);
  // The client drops what was retried more often than it would itself: here a dead letter is, by one.
  const dead = await consume('undertaker', '*', 1, plain, { of: graves, maxReconsumeTimes: 99 });

  // At a moment, to the millisecond.
  const due = Date.now() + 1500;
  await send(producer, 'timer', 'timer', message => { message.properties.TIMER_DELIVER_MS = due; });
  const timer = await consume('timer', 'timer', 1, message => [ message.body.toString(), Date.now() >= due ]);

  for (const consumer of consumers) await consumer.close();
  await producer.close();
  console.log(JSON.stringify({ sent, byTag: byTag.sort(), bySql: bySql.sort(), byAll: byAll.sort(), orders, ordered, later, again, tried, dead, timer }));
}

main().then(() => process.exit(0), error => { console.error(error); process.exit(1); });
