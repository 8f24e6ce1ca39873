// One conversation with MQTT.js; what it saw is printed as JSON.
const mqtt = require('mqtt')

async function main (url, name, version) {
  const said = { seen: [], closed: 0 }
  const options = { protocolVersion: Number(version), clientId: name, reconnectPeriod: 0 }
  if (options.protocolVersion === 3) options.protocolId = 'MQIsdp'
  const client = await mqtt.connectAsync(url, options)
  client.on('close', () => said.closed++)
  await client.subscribeAsync(`${name}/#`, { qos: 2 })
  const arrived = new Promise(resolve => client.on('message', (topic, payload, packet) => {
    said.seen.push([topic.slice(name.length), payload.length, packet.qos])
    if (said.seen.length === 12) resolve()
  }))
  for (let number = 0; number < 10; number++) {
    await client.publishAsync(`${name}/t`, 'x'.repeat(number), { qos: number % 3 })
  }
  await client.publishAsync(`${name}/large`, Buffer.alloc(3_000_000, 'é'), { qos: 1 })
  await client.publishAsync(`${name}/empty`, '', { qos: 1 })
  await arrived
  await client.endAsync()
  console.log(JSON.stringify(said))
}

main(...process.argv.slice(2)).catch(error => { console.error(error); process.exit(1) })
