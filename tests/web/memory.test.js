import assert from "node:assert/strict";
import { beforeEach, mock, test } from "node:test";

import { Marks } from "../../twisted_chat/page/assets/memory.js";

beforeEach(() => {
  const kept = new Map();
  globalThis.localStorage = {
    getItem: (key) => kept.get(key) ?? null,
    setItem: (key, value) => void kept.set(key, value),
  };
  mock.timers.reset();
  mock.timers.enable({ apis: ["setTimeout"] });
});

test("what was read is known in the next tab, of the same user alone", () => {
  const marks = new Marks("Zoe");
  marks.set("plans", "e1", 7);
  mock.timers.tick(500);
  assert.equal(new Marks("zoe").get("plans", "e1"), 7);
  assert.equal(new Marks("zoe").get("plans", "e2"), -1);
  assert.equal(new Marks("eve").get("plans", "e1"), -1);
});

test("two tabs do not take back what the other has read", () => {
  const before = new Marks("zoe");
  for (const session of ["a", "b", "c"]) before.set(session, "e1", 1);
  before.save();
  const [one, two] = [new Marks("zoe"), new Marks("zoe")];
  one.set("a", "e1", 9);
  one.set("b", "e2", 2);
  one.save();
  two.set("a", "e1", 5);
  two.set("c", "e1", 3);
  two.save();
  const after = new Marks("zoe");
  assert.deepEqual([after.get("a", "e1"), after.get("b", "e2"), after.get("c", "e1")], [9, 2, 3]);
});

test("the marks of the sessions that were used last are kept", () => {
  const marks = new Marks("zoe");
  for (let number = 0; number < 400; number++) marks.set(`s${number}`, "e", 1);
  marks.save();
  marks.set("s100", "e", 2);
  marks.set("new", "e", 1);
  marks.save();
  const after = new Marks("zoe");
  assert.deepEqual(["s99", "s100", "s101", "new"].map((name) => after.get(name, "e")), [-1, 2, -1, 1]);
});
