// One conversation with @stomp/stompjs; what it saw is printed as JSON.
const net = require('net')
const WebSocket = require('ws')

// What the library takes for a WebSocket, over TCP.
class Tcp {
  constructor (host, port) {
    this.socket = net.connect(port, host)
    this.socket.on('connect', () => this.onopen())
    this.socket.on('data', data => this.onmessage({ data: new Uint8Array(data).buffer }))
    this.socket.on('close', () => this.onclose({}))
    this.socket.on('error', error => this.onerror(error))
  }

  send (data) { this.socket.write(typeof data === 'string' ? data : new Uint8Array(data)) }
  close () { this.socket.end() }
}

async function main (url, name, version) {
  // A module of today, which Node looks for beside the one that wants it, not in NODE_PATH.
  const { Client, Versions } = await import(`${process.env.NODE_PATH}/@stomp/stompjs/bundles/stomp.umd.js`)
  const said = { seen: [], subprotocol: '' }
  const where = new URL(url)
  const client = new Client({
    webSocketFactory: () => where.protocol === 'tcp:'
      ? new Tcp(where.hostname, Number(where.port))
      : new WebSocket(url, new Versions([version]).protocolVersions()),
    connectHeaders: { login: 'guest', passcode: 'guest', host: '/' },
    stompVersions: new Versions([version]),
    reconnectDelay: 0,
    heartbeatIncoming: 1000,
    heartbeatOutgoing: 1000
  })
  const failed = new Promise((resolve, reject) => {
    client.onStompError = frame => reject(new Error(frame.headers.message + frame.body))
    client.onWebSocketError = event => reject(new Error(event.message))
  })
  await Promise.race([failed, new Promise(resolve => {
    client.onConnect = resolve
    client.activate()
  })])
  said.version = client.connectedVersion
  said.subprotocol = client.webSocket.protocol || ''
  const queue = `/queue/${name}`
  const sent = receipt => new Promise(resolve => client.watchForReceipt(receipt, resolve))
  const stored = sent('last')
  for (let number = 0; number < 10; number++) {
    client.publish({ destination: queue, body: `häé ${number}`, headers: { number: String(number) } })
  }
  const binaryBody = new Uint8Array(300_000).map((_, at) => at % 256)
  client.publish({ destination: queue, binaryBody, headers: { receipt: 'last' } })
  await Promise.race([failed, stored])
  await Promise.race([failed, new Promise(resolve => client.subscribe(queue, message => {
    const bytes = message.binaryBody
    const right = bytes.length < 300_000 ? message.body : bytes.every((one, at) => one === at % 256)
    said.seen.push([message.headers.number || '', right])
    message.ack()
    if (said.seen.length === 11) resolve()
  }, { ack: 'client-individual', 'prefetch-count': '3' }))])
  await client.deactivate()
  console.log(JSON.stringify(said))
}

main(...process.argv.slice(2)).catch(error => { console.error(error); process.exit(1) })
