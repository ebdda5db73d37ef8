import assert from "node:assert/strict";
import { test } from "node:test";

import { occurrences, termsOf } from "../../twisted_chat/page/assets/marks.js";

const found = (text, query) => occurrences(text, termsOf(query)).map(({ from, to }) => text.slice(from, to));

test("the words that were looked for are found", () => {
  assert.deepEqual(found("Deployed the deployment", "deploy*"), ["Deployed", "deployment"]);
  assert.deepEqual(found("out of memory, and out", '"out of memory"'), ["out", "of", "memory"]);
  assert.deepEqual(found("I can't, can I", "can't"), ["can", "t"]);
  assert.deepEqual(found("Cafe\u0301 CAFÉ cafes", "café"), ["Cafe\u0301", "CAFÉ"]);
  assert.deepEqual(found("новыи\u0306 новый", "нОвый"), ["новыи\u0306", "новый"]);
  assert.deepEqual(found("anything", '"'), []);
});

test("it takes no time", () => {
  const began = performance.now();
  occurrences("a ".repeat(8_000), termsOf('"a a a a a a" a* "a a"'));
  assert.ok(performance.now() - began < 300);
});
