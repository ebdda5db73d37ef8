// A client written from docs/protocol.md alone, in another language. Zoë talks to bob, loses her
// connection before she has seen his answer, and comes back.   node foreign_client.mjs PORT
import { equal } from 'node:assert/strict'
import { once } from 'node:events'
import { connect } from 'node:net'

class Client {
  socket = connect(process.argv[2], '127.0.0.1')

  async ask(request) {
    const frame = Buffer.from('\0\0\0\0' + JSON.stringify(request))
    frame.writeUInt32BE(frame.length - 4)
    this.socket.write(frame)
    return this.receive(request.id)
  }
  async receive(id) { // past the events before it
    const message = JSON.parse(await this.read((await this.read(4)).readUInt32BE()))
    return message.id === id ? message : this.receive(id)
  }
  async read(size) {
    return this.socket.read(size) ?? once(this.socket, 'readable').then(() => this.read(size))
  }
}

const zoe = new Client()
const { token } = await zoe.ask({ type: 'login', user: 'Zoë', id: 'in' })
const { epoch, head } = await zoe.ask({ type: 'join', session: 'foreign', id: 'join' })
const question = { type: 'text', session: 'foreign', data: 'Understood? ✓', id: 'q-1' }
equal((await zoe.ask(question)).seq, head + 1)
zoe.socket.destroy()

const back = new Client()
await back.ask({ type: 'login', user: 'Zoë', token, id: 'in', resume: [{ session: 'foreign', after: head + 1, epoch }] })
equal((await back.receive('a-1')).data, 'Understood! ✓')
equal((await back.ask({ ...question, data: 'once only' })).seq, head + 1)
await back.ask({ type: 'logout', id: 'out' })
