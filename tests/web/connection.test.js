import assert from "node:assert/strict";
import { afterEach, beforeEach, mock, test } from "node:test";

import { Connection, Lost, Refused } from "../../twisted_chat/page/assets/connection.js";

/** A socket whose other end is the test. */
class FakeSocket {
  static OPEN = 1;
  /** @type {FakeSocket[]} */
  static all = [];
  readyState = 0;
  sent = [];
  closed = false;

  constructor(url) {
    this.url = url;
    FakeSocket.all.push(this);
  }

  open() {
    this.readyState = 1;
    this.onopen();
  }

  send(data) {
    this.sent.push(JSON.parse(data));
  }

  say(message) {
    this.onmessage({ data: JSON.stringify(message) });
  }

  close() {
    this.closed = true;
    this.readyState = 3;
  }

  break() {
    this.readyState = 3;
    this.onclose?.();
  }
}

let links = [];
let heard = [];
let connection;

beforeEach(() => {
  mock.timers.enable({ apis: ["setTimeout", "setInterval", "Date"], now: 1_000_000 });
  globalThis.WebSocket = FakeSocket;
  FakeSocket.all = [];
  links = [];
  heard = [];
  connection = new Connection("ws://x/ws", {
    opened: () => links.push("opened"),
    received: (message) => heard.push(message.type),
    changed: () => links.push(connection.link),
  });
});

afterEach(() => {
  connection.stop();
  mock.timers.reset();
});

const socket = () => FakeSocket.all.at(-1);

/** Be connected, and logged in. */
function ready() {
  connection.start();
  socket().open();
  connection.welcomed();
}

/** Let time pass, second by second, as a computer that is awake does. */
function pass(seconds) {
  for (let second = 0; second < seconds; second++) mock.timers.tick(1_000);
}

test("answers find their questions, whatever comes between", async () => {
  ready();
  const first = connection.ask({ type: "who", session: "a" });
  const second = connection.ask({ type: "join", session: "b" });
  const [a, b] = socket().sent;
  socket().say({ type: "text", session: "x", seq: 1 });
  socket().say({ type: "error", code: "banned", data: "No.", id: b.id });
  socket().say({ type: "who", session: "a", users: [], count: 0, id: a.id });
  assert.equal((await first).type, "who");
  await assert.rejects(second, (error) => error instanceof Refused && error.code === "banned");
  assert.deepEqual(heard, ["text", "error", "who"]);
});

test("a list comes in parts", async () => {
  ready();
  const parts = [];
  const last = connection.ask({ type: "list" }, (part) => parts.push(part));
  const { id } = socket().sent[0];
  socket().say({ type: "list", sessions: [1], users: [], more: true, id });
  socket().say({ type: "list", sessions: [2], users: [], id });
  assert.deepEqual((await last).sessions, [2]);
  assert.equal(parts.length, 1);
});

test("what was asked when it broke is known to be lost", async () => {
  ready();
  const question = connection.ask({ type: "list" });
  socket().break();
  await assert.rejects(question, Lost);
  await assert.rejects(connection.ask({ type: "list" }), Lost);
  assert.equal(connection.link, "waiting");
});

test("delays grow, to half a minute at most, and begin anew after a success", () => {
  connection.start();
  const delays = [];
  for (let attempt = 0; attempt < 14; attempt++) {
    socket().break();
    const due = connection.due - Date.now();
    delays.push(due);
    mock.timers.tick(due);
  }
  assert.ok(delays[0] <= 400);
  assert.ok(delays.at(-1) >= 15_000);
  assert.ok(Math.max(...delays) <= 30_000);
  socket().open();
  connection.welcomed();
  socket().break();
  assert.ok(connection.due - Date.now() <= 400);
});

test("a server that is silent is asked, and left when it does not answer", () => {
  ready();
  pass(36);
  assert.deepEqual(socket().sent.at(-1), { type: "ping" });
  socket().say({ type: "pong" });
  pass(20);
  assert.equal(FakeSocket.all.length, 1);
  pass(25);
  assert.equal(connection.link, "connecting");
  assert.equal(FakeSocket.all.length, 2);
  assert.ok(FakeSocket.all[0].closed);
});

test("a server that never answers the login is left", () => {
  connection.start();
  socket().open();
  pass(29);
  assert.equal(connection.link, "greeting");
  pass(7);
  assert.equal(FakeSocket.all.length, 2);
});

test("without a network the connection is given up at once", () => {
  ready();
  connection.renew();
  assert.ok(FakeSocket.all[0].closed);
  mock.timers.tick(0);
  assert.equal(connection.link, "connecting");
});

test("after a sleep it makes sure at once", () => {
  ready();
  pass(10);
  mock.timers.setTime(Date.now() + 3_600_000);
  pass(6);
  assert.deepEqual(socket().sent.at(-1), { type: "ping" });
  pass(9);
  assert.equal(FakeSocket.all.length, 2);
});

test("a server that says when to come back is heard", () => {
  ready();
  connection.leaving(5_000);
  assert.ok(FakeSocket.all[0].closed);
  mock.timers.tick(4_999);
  assert.equal(FakeSocket.all.length, 1);
  mock.timers.tick(2_502);
  assert.equal(FakeSocket.all.length, 2);
});

test("a connection that does not come about is given up", () => {
  connection.start();
  mock.timers.tick(15_000);
  assert.equal(connection.link, "waiting");
});

test("an old socket's last words are not heard", () => {
  ready();
  const old = socket();
  old.break();
  connection.hurry();
  socket().open();
  assert.equal(old.onmessage, null);
  assert.equal(connection.link, "greeting");
});

test("who stops does not come back", () => {
  ready();
  connection.stop();
  pass(120);
  assert.equal(FakeSocket.all.length, 1);
  assert.equal(connection.link, "off");
});
