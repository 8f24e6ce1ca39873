// One conversation with rocketmq-client-nodejs; what it saw is printed as JSON.
const { Producer, SimpleConsumer, PushConsumer, ConsumeResult } = require('rocketmq-client-nodejs')
const { TransactionResolution } = require('rocketmq-client-nodejs/proto/apache/rocketmq/v2/definition_pb')

const quiet = { error () {}, warn () {}, info () {}, debug () {} }

function seen (message) {
  return {
    body: message.body.toString(),
    tag: message.tag,
    keys: message.keys,
    color: message.properties.get('color'),
    id: message.messageId,
    group: message.messageGroup,
    attempt: message.deliveryAttempt,
    corrupted: !!message.corrupted
  }
}

async function borrow (consumer, count) {
  const found = []
  for (let turn = 0; turn < 30 && found.length < count; turn++) {
    for (const message of await consumer.receive(16, 30_000)) {
      found.push(seen(message))
      await consumer.ack(message)
    }
  }
  return found
}

async function main (endpoints, name) {
  const common = { endpoints, namespace: '', logger: quiet, requestTimeout: 10_000 }
  const said = { checked: [] }
  const checker = {
    async check (message) {
      said.checked.push(message.messageId)
      return TransactionResolution.COMMIT
    }
  }
  const topic = what => `${name}-${what}`
  // One topic: with two, a broker that answers quickly is not heard (it waits for what has come).
  const producer = new Producer({ ...common, topic: topic('plain'), checker })
  await producer.startup()
  const begun = [producer]
  const consumer = async (what, filter = '*') => {
    const one = new SimpleConsumer({
      ...common,
      consumerGroup: `G-${topic(what)}`,
      subscriptions: new Map().set(topic(what), filter),
      awaitDuration: 2000
    })
    await one.startup()
    begun.push(one)
    return one
  }

  const properties = new Map([['color', 'blue']])
  const receipt = await producer.send({
    topic: topic('plain'), tag: 'a', keys: ['k1', 'k2'], body: Buffer.from('häé'), properties
  })
  said.sent = receipt.messageId
  said.plain = await borrow(await consumer('plain'), 1)

  const offsets = []
  for (let number = 0; number < 5; number++) {
    const one = await producer.send({
      topic: topic('fifo'), body: Buffer.from(String(number)), messageGroup: 'g'
    })
    offsets.push(one.offset)
  }
  said.offsets = offsets

  for (const tag of ['a', 'b', 'c']) {
    await producer.send({ topic: topic('tags'), tag, body: Buffer.from(tag) })
  }
  said.tags = await borrow(await consumer('tags', 'a || c'), 2)

  for (const end of ['commit', 'rollback']) {
    const transaction = producer.beginTransaction()
    await producer.send({ topic: topic('tx'), body: Buffer.from(end) }, transaction)
    await transaction[end]()
  }
  said.tx = await borrow(await consumer('tx'), 1)

  await producer.send({ topic: topic('delay'), body: Buffer.from('later'), delay: 1500 })
  const recalled = await producer.send({ topic: topic('delay'), body: Buffer.from('never'), delay: 3000 })
  said.recalled = (await producer.recallMessage(topic('delay'), recalled.recallHandle)).messageId
  said.wanted = recalled.messageId
  said.delay = await borrow(await consumer('delay'), 1)

  const again = await consumer('again')
  await producer.send({ topic: topic('again'), body: Buffer.from('again') })
  let first = []
  while (!first.length) first = await again.receive(1, 30_000)
  await again.changeInvisibleDuration(first[0], 1000)
  said.again = await borrow(again, 1)

  const pushed = []
  await new Promise((resolve, reject) => {
    const push = new PushConsumer({
      ...common,
      consumerGroup: `G-${topic('push')}`,
      subscriptions: new Map().set(topic('push'), '*'),
      messageListener: {
        async consume (message) {
          pushed.push(message.body.toString())
          if (pushed.length === 10) resolve()
          return ConsumeResult.SUCCESS
        }
      }
    })
    push.startup().then(async () => {
      for (let number = 0; number < 10; number++) {
        await producer.send({ topic: topic('push'), body: Buffer.from(String(number)) })
      }
    }).catch(reject)
  })
  said.pushed = pushed.sort()
  process.stdout.write('\n' + JSON.stringify(said) + '\n')
  // The push consumer is left: it would wait until its last request for messages is answered.
  for (const one of begun.reverse()) await one.shutdown()
}

main(...process.argv.slice(2)).then(() => process.exit(0), error => {
  console.error(error)
  process.exit(1)
})
