// What groups rely on, by rocketmq-client-nodejs; what it saw is printed as JSON.
// node groups.js ENDPOINTS: the groups G-order and G-lent (in order) and G-dead (one retry) are there.
const {
  Producer, SimpleConsumer, PushConsumer, ConsumeResult, FilterExpression
} = require('rocketmq-client-nodejs')
const { FilterType, TransactionResolution } = require('rocketmq-client-nodejs/proto/apache/rocketmq/v2/definition_pb')

const quiet = { error () {}, warn () {}, info () {}, debug () {} }

async function main (endpoints) {
  const common = { endpoints, namespace: '', logger: quiet, requestTimeout: 10_000 }

  async function produce (topic, options = {}) {
    const producer = new Producer({ ...common, topic, ...options })
    await producer.startup()
    return (body, more = {}, transaction) =>
      producer.send({ topic, body: Buffer.from(body), ...more }, transaction ? producer.beginTransaction() : undefined)
  }

  async function borrow (group, topic, filter, count) {
    const consumer = new SimpleConsumer({
      ...common, consumerGroup: group, subscriptions: new Map().set(topic, filter), awaitDuration: 2000
    })
    await consumer.startup()
    const found = []
    for (let turn = 0; turn < 30 && found.length < count; turn++) {
      for (const message of await consumer.receive(16, 30_000)) {
        found.push([message.body.toString(), message.tag, message.messageGroup])
        await consumer.ack(message)
      }
    }
    return found
  }

  // A push consumer, until so many came; `deal` says what becomes of each.
  function push (group, topic, count, deal) {
    const seen = []
    return new Promise((resolve, reject) => {
      const consumer = new PushConsumer({
        ...common,
        consumerGroup: group,
        subscriptions: new Map().set(topic, '*'),
        messageListener: {
          async consume (message) {
            seen.push([message.body.toString(), message.deliveryAttempt])
            if (seen.length === count) resolve(seen)
            return deal(message, seen.length) ? ConsumeResult.SUCCESS : ConsumeResult.FAILURE
          }
        }
      })
      consumer.startup().catch(reject)
    })
  }

  const said = {}
  const sql = await produce('sql')
  for (let number = 0; number < 4; number++) {
    await sql(String(number), { properties: new Map([['n', String(number)], ['color', number % 2 ? 'red' : 'blue']]) })
  }
  const condition = new FilterExpression("n BETWEEN 1 AND 3 AND color = 'red'", FilterType.SQL)
  said.sql = await borrow('G-sql', 'sql', condition, 2)

  // In order, by push (two failures at first) and by borrowing.
  const order = await produce('order')
  for (let number = 0; number < 10; number++) await order(String(number), { messageGroup: 'one' })
  said.order = await push('G-order', 'order', 12, (message, count) => count > 2)
  const lent = await produce('lent')
  for (let number = 0; number < 5; number++) await lent(String(number), { messageGroup: 'one' })
  said.lent = await borrow('G-lent', 'lent', '*', 5)

  const dead = await produce('dead')
  await dead('poison', { tag: 'a' })
  said.tried = await push('G-dead', 'dead', 2, () => false)
  said.dead = await borrow('G-undertaker', '%DLQ%G-dead', '*', 1)

  const checked = []
  const checker = {
    async check (message) {
      checked.push(message.body.toString())
      return TransactionResolution[message.body.toString()]
    }
  }
  const orphan = await produce('orphan', { checker })
  for (const end of ['ROLLBACK', 'COMMIT']) await orphan(end, {}, true)
  said.orphans = await borrow('G-orphan', 'orphan', '*', 1)
  said.checked = checked.sort()

  process.stdout.write('\n' + JSON.stringify(said) + '\n')
}

main(...process.argv.slice(2)).then(() => process.exit(0), error => {
  console.error(error)
  process.exit(1)
})
