import assert from "node:assert/strict";
import { test } from "node:test";

import { MOST, Timeline } from "../../twisted_chat/page/assets/timeline.js";

const text = (seq) => ({ type: "text", session: "s", seq, time: seq, source: "a", data: `${seq}` });
const texts = (from, to) => Array.from({ length: to - from + 1 }, (_, at) => text(from + at));

/** The run that a timeline has, after making sure that it is one. */
function run(timeline) {
  timeline.lines.forEach((line, at) => assert.equal(line.seq, timeline.first + at));
  return [timeline.first, timeline.last];
}

test("new texts are added to the end that they belong to", () => {
  const timeline = new Timeline();
  timeline.append(text(5));
  timeline.append(text(6));
  timeline.append(text(8)); // 7 is missing: it is to be read
  assert.deepEqual(run(timeline), [5, 6]);
  assert.equal(timeline.complete, false);
});

test("pages of history are taken in where they touch", () => {
  const timeline = new Timeline();
  timeline.take(texts(100, 150), { older: true });
  timeline.take(texts(50, 99), { older: true });
  timeline.take(texts(140, 170), {});
  timeline.take(texts(300, 310), {}); // does not touch
  assert.deepEqual(run(timeline), [50, 170]);
  timeline.take(texts(20, 60), { older: false });
  assert.deepEqual(run(timeline), [20, 170]);
  assert.ok(timeline.complete); // older ones were pruned
  timeline.take(texts(300, 310), { older: true, instead: true });
  assert.deepEqual(run(timeline), [300, 310]);
  assert.equal(timeline.complete, false);
  assert.ok(timeline.has(305));
  assert.ok(!timeline.has(299));
  assert.equal(timeline.get(305)?.data, "305");
});

test("a page that comes after a live text makes one run with it", () => {
  const timeline = new Timeline();
  timeline.append(text(11));
  timeline.take(texts(1, 11), { older: false, instead: true });
  assert.deepEqual(run(timeline), [1, 11]);
  assert.ok(timeline.complete);
});

test("an empty page says that there is nothing older", () => {
  const timeline = new Timeline();
  timeline.take([], { older: false });
  assert.ok(timeline.complete);
});

test("what is far from the reader is let go", () => {
  const timeline = new Timeline();
  timeline.take(texts(1, MOST + 100), { older: false });
  timeline.keepAround(50);
  assert.equal(timeline.first, 1);
  assert.ok(timeline.last < MOST);
  timeline.take(texts(timeline.last + 1, MOST + 100), {});
  timeline.keepAround(timeline.last);
  assert.equal(timeline.last, MOST + 100);
  assert.ok(!timeline.complete);
  timeline.keepNewest(100);
  assert.deepEqual(run(timeline), [MOST + 1, MOST + 100]);
});
