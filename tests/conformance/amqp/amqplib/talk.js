// One conversation with amqplib; what it saw is printed as JSON.
const amqp = require('amqplib')

async function main (url, name) {
  const said = { seen: [], returned: [], errors: [] }
  const connection = await amqp.connect(url)
  said.heartbeat = connection.connection.heartbeat
  const channel = await connection.createConfirmChannel()
  channel.on('return', message => said.returned.push(message.fields.replyText))
  await channel.assertExchange(name, 'topic', { autoDelete: true })
  const dead = await channel.assertQueue(`${name}-dead`, { exclusive: true })
  const queue = await channel.assertQueue(name, {
    exclusive: true,
    maxPriority: 5,
    deadLetterExchange: '',
    deadLetterRoutingKey: dead.queue
  })
  await channel.bindQueue(queue.queue, name, 'order.*')
  for (let number = 0; number < 10; number++) {
    const options = { persistent: true, headers: { number }, priority: number % 5 }
    channel.publish(name, 'order.new', Buffer.from(String(number)), options)
  }
  channel.publish(name, 'nobody', Buffer.from('x'), { mandatory: true })
  await channel.waitForConfirms()
  said.waiting = (await channel.checkQueue(name)).messageCount
  await channel.prefetch(3)
  await new Promise(resolve => channel.consume(name, message => {
    said.seen.push([message.content.toString(), message.properties.headers.number])
    if (said.seen.length === 10) {
      channel.nack(message, false, false)
      resolve()
    } else {
      channel.ack(message)
    }
  }))
  let buried = false
  while (!buried) buried = await channel.get(dead.queue, { noAck: true })
  said.death = buried.properties.headers['x-death'][0].reason
  const other = await connection.createChannel()
  other.on('error', error => said.errors.push(error.code))
  await other.checkQueue(`${name}-nowhere`).catch(() => {})
  await connection.close()
  console.log(JSON.stringify(said))
}

main(...process.argv.slice(2)).catch(error => { console.error(error); process.exit(1) })
