// A node of js-libp2p, driven over standard input and output: see ../../README.md.
import { createHash } from 'node:crypto'
import { createInterface } from 'node:readline'

const PING_INTERVAL_MS = 200

export async function run (library) {
  // The driver is gone.
  process.stdout.on('error', () => process.exit(0))
  const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]()
  const node = await start(library, JSON.parse((await lines.next()).value))
  for (let line = await lines.next(); !line.done; line = await lines.next()) {
    const command = JSON.parse(line.value)
    if (command.do === 'stop') break
    try {
      await obey(library, node, command)
    } catch (error) {
      tell({ event: 'error', text: String(error) })
    }
  }
  await node.stop()
  process.exit(0)
}

async function start (library, options) {
  const { createLibp2p, generateKeyPairFromSeed, gossipsub, identify, noise, ping, quic, tcp, yamux } = library
  const { degree, rpc_bytes_max: rpcBytesMax, signed } = options
  const isQuic = options.listen.includes('/quic-v1')
  const node = await createLibp2p({
    privateKey: await generateKeyPairFromSeed('Ed25519', Buffer.from(options.identity, 'hex')),
    addresses: { listen: [options.listen] },
    transports: [isQuic ? quic() : tcp()],
    connectionEncrypters: [noise()],
    streamMuxers: [yamux()],
    // By default it refuses to dial the loopback interface's addresses that others announce.
    connectionGater: { denyDialMultiaddr: () => false },
    // It pings with or without the service `ping`, and closes connections on which no answer comes.
    ...(!options.ping && { connectionMonitor: { pingInterval: PING_INTERVAL_MS } }),
    services: {
      identify: identify(),
      // rust-libp2p answers no pings of peers that do not answer its own.
      ...(options.ping && { ping: ping() }),
      pubsub: gossipsub({
        heartbeatInterval: options.heartbeat_ms,
        ...(degree && { D: degree, Dlo: degree, Dhi: degree, Dout: Math.floor(degree / 2), Dscore: degree }),
        maxInboundDataLength: rpcBytesMax,
        maxOutboundBufferSize: 4 * rpcBytesMax,
        floodPublish: false,
        doPX: options.px,
        globalSignaturePolicy: signed ? 'StrictSign' : 'StrictNoSign',
        msgIdFn: signed ? idOfOrigin : idOfContent
      })
    }
  })
  listen(node)
  if (!options.ping) setInterval(() => tellPings(node), PING_INTERVAL_MS / 4)
  tell({ event: 'ready', peer: node.peerId.toString(), addresses: node.getMultiaddrs().map(String) })
  return node
}

function listen (node) {
  const { pubsub } = node.services
  const peer = ({ detail }) => detail.toString()
  node.addEventListener('peer:connect', (event) => tell({ event: 'connected', peer: peer(event) }))
  node.addEventListener('peer:disconnect', (event) => tell({ event: 'disconnected', peer: peer(event) }))
  node.addEventListener('peer:identify', ({ detail: { peerId, signedPeerRecord } }) => {
    if (signedPeerRecord) tell({ event: 'identified', peer: peerId.toString() })
  })
  pubsub.addEventListener('subscription-change', ({ detail: { peerId, subscriptions } }) => {
    for (const { topic, subscribe } of subscriptions) {
      if (subscribe) tell({ event: 'subscribed', peer: peerId.toString(), topic })
    }
  })
  for (const [name, event] of [['gossipsub:graft', 'grafted'], ['gossipsub:prune', 'pruned']]) {
    pubsub.addEventListener(name, ({ detail: { peerId, topic } }) => tell({ event, peer: peerId, topic }))
  }
  pubsub.addEventListener('gossipsub:message', ({ detail: { msg } }) => {
    if (msg.from?.equals(node.peerId)) return
    const hash = createHash('sha256').update(msg.data).digest('hex')
    tell({ event: 'message', topic: msg.topic, hash, from: msg.from?.toString() ?? '' })
  })
}

// The library has no event for this, but notes how long the answer took.
function tellPings (node) {
  for (const connection of node.getConnections()) {
    if (connection.rtt === undefined) continue
    connection.rtt = undefined
    tell({ event: 'pinged', peer: connection.remotePeer.toString() })
  }
}

// The specification's; the library's own lacks the head of the peer id.
function idOfOrigin ({ from, sequenceNumber }) {
  return Buffer.concat([from.toMultihash().bytes, bigEndian(sequenceNumber)])
}

function idOfContent ({ data }) {
  return createHash('sha256').update(data).digest()
}

async function obey ({ multiaddr }, node, command) {
  const { pubsub } = node.services
  switch (command.do) {
    case 'subscribe': return pubsub.subscribe(command.topic)
    case 'unsubscribe': return pubsub.unsubscribe(command.topic)
    case 'connect': return node.dial(multiaddr(command.address))
    case 'publish':
      for (const payload of payloads(command)) await pubsub.publish(command.topic, payload)
      return
    default: throw new Error(`what is ${command.do}?`)
  }
}

function * payloads ({ size, count, first, seed }) {
  for (let index = first; index < first + count; index++) {
    const block = createHash('sha256').update(bigEndian(seed)).update(bigEndian(index)).digest()
    yield Buffer.alloc(size, block)
  }
}

function bigEndian (number) {
  const bytes = Buffer.alloc(8)
  bytes.writeBigUInt64BE(BigInt(number))
  return bytes
}

function tell (event) {
  process.stdout.write(JSON.stringify(event) + '\n')
}
