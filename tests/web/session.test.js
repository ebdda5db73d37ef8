import assert from "node:assert/strict";
import { test } from "node:test";

import { otherOf, Session } from "../../twisted_chat/page/assets/session.js";

/** Read marks that are kept nowhere. */
function marks(known = {}) {
  return {
    get: (session, epoch) => known[`${session} ${epoch}`] ?? -1,
    set: (session, epoch, seq) => void (known[`${session} ${epoch}`] = seq),
  };
}

const snapshot = (fields) => ({
  type: "session", session: "ops", epoch: "e1", head: 10, users: ["alice"], count: 1, topic: "",
  owner: null, ...fields,
});
const text = (seq) => ({ type: "text", session: "ops", seq, time: 1, source: "bob", data: "x" });

test("whom one talks with", () => {
  assert.equal(otherOf("@alice,Bob", "bob"), "alice");
  assert.equal(otherOf("@alice,Bob", "alice"), "Bob");
  assert.equal(otherOf("ops", "alice"), "");
});

test("a session that one sees for the first time has nothing unread", () => {
  const session = new Session("ops", "alice");
  session.snapshot(snapshot(), marks());
  assert.equal(session.unread, 0);
  assert.ok(session.receive(text(11)));
  assert.equal(session.unread, 1);
});

test("one that was read before has what came since", () => {
  const session = new Session("ops", "alice");
  session.snapshot(snapshot(), marks({ "ops e1": 4 }));
  assert.equal(session.unread, 6);
  session.visit();
  assert.equal(session.newFrom, 5);
});

test("what was seen is not taken in again", () => {
  const session = new Session("ops", "alice");
  session.snapshot(snapshot(), marks());
  assert.ok(!session.receive(text(10)));
  assert.ok(session.receive(text(11)));
  assert.ok(!session.receive(text(11)));
});

test("coming back goes on from where one was: what was missed follows", () => {
  const session = new Session("ops", "alice");
  session.snapshot(snapshot(), marks());
  session.receive(text(11));
  assert.ok(session.snapshot(snapshot({ head: 20 }), marks()));
  assert.equal(session.head, 11);
  for (let seq = 12; seq <= 20; seq++) assert.ok(session.receive(text(seq)));
  assert.equal(session.unread, 10);
});

test("a reset, or a new life, begins anew", () => {
  const session = new Session("ops", "alice");
  session.snapshot(snapshot(), marks());
  session.receive(text(11));
  session.readTo(11);
  assert.ok(!session.snapshot(snapshot({ head: 500, reset: true }), marks()));
  assert.equal(session.head, 500);
  assert.equal(session.timeline.lines.length, 0);
  assert.equal(session.unread, 489);
  assert.ok(!session.snapshot(snapshot({ epoch: "e2", head: 3 }), marks()));
  assert.deepEqual([session.head, session.unread], [3, 3]);
});
