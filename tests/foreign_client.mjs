// A client written from docs/protocol.md alone, in another language:  node foreign_client.mjs PORT
import assert from 'node:assert/strict'
import net from 'node:net'

async function* messages(socket) {
  let bytes = Buffer.alloc(0), end
  for await (const chunk of socket) {
    bytes = Buffer.concat([bytes, chunk])
    for (; bytes.length >= 4 && bytes.length >= (end = 4 + bytes.readUInt32BE(0)); bytes = bytes.subarray(end))
      yield JSON.parse(bytes.toString('utf8', 4, end))
  }
}
function connect() {
  const socket = net.connect(Number(process.argv[2]), '127.0.0.1'), incoming = messages(socket)
  const say = (message) => {
    const body = Buffer.from(JSON.stringify(message)), length = Buffer.alloc(4)
    length.writeUInt32BE(body.length)
    socket.write(Buffer.concat([length, body]))
  }
  const until = async (type, id) => {
    for (let message; (message = (await incoming.next()).value); assert.notEqual(message.type, 'error', message.data))
      if (message.type === type && message.id === id) return message
    throw new Error('The server has closed the connection.')
  }
  return { say, until, hangUp: () => socket.destroy() }
}

const first = connect()
first.say({ type: 'login', user: 'Zoë', id: 'in' })
const { token } = await first.until('welcome', 'in')
first.say({ type: 'create', session: 'foreign', id: 'new' })
const { epoch } = await first.until('session', 'new')
for (const n of [1, 2, 3]) first.say({ type: 'text', session: 'foreign', data: `text ${n} ✓`, id: `t${n}` })
for (const n of [1, 2, 3]) assert.equal((await first.until('text', `t${n}`)).seq, n)
first.hangUp() // with text 1 seen, and 2 and 3 (let us say) not

const second = connect()
second.say({ type: 'login', user: 'Zoë', token, resume: [{ session: 'foreign', after: 1, epoch }] })
for (const n of [2, 3]) assert.equal((await second.until('text', `t${n}`)).data, `text ${n} ✓`)
second.say({ type: 'text', session: 'foreign', data: 'once only', id: 't3' })
assert.equal((await second.until('text', 't3')).data, 'text 3 ✓')
second.say({ type: 'logout', id: 'out' })
await second.until('bye', 'out')
console.log('understood')
