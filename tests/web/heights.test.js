import assert from "node:assert/strict";
import { test } from "node:test";

import { Heights } from "../../twisted_chat/page/assets/heights.js";

/** A small generator of numbers, the same in each run. */
function numbers(seed) {
  return (below) => {
    seed = (seed * 1_103_515_245 + 12_345) % 2_147_483_648;
    return seed % below;
  };
}

test("places and rows agree with a plain list, whatever is done", () => {
  const next = numbers(7);
  const heights = new Heights();
  let plain = [];
  const guess = () => heights.guess;
  for (let step = 0; step < 3_000; step++) {
    const what = next(10);
    if (what === 0) {
      const count = next(900);
      plain = new Array(count).fill(guess());
      heights.reset(count);
    } else if (what === 1) {
      const count = next(300);
      plain = new Array(count).fill(guess()).concat(plain);
      heights.shift(count);
    } else if (what === 2 && plain.length) {
      const count = next(plain.length);
      plain = plain.slice(count);
      heights.shift(-count);
    } else if (what === 3) {
      const count = Math.max(0, plain.length + next(400) - 200);
      while (plain.length < count) plain.push(guess());
      plain.length = count;
      heights.resize(count);
    } else if (plain.length) {
      const row = next(plain.length);
      const height = 10 + next(90);
      plain[row] = height;
      heights.set(row, height);
    }
    assert.equal(heights.count, plain.length);
    const total = plain.reduce((sum, height) => sum + height, 0);
    assert.ok(Math.abs(heights.total - total) < 0.01, `total after ${step}`);
    if (!plain.length) continue;
    const row = next(plain.length);
    const before = plain.slice(0, row).reduce((sum, height) => sum + height, 0);
    assert.ok(Math.abs(heights.before(row) - before) < 0.01, `place of a row after ${step}`);
    assert.equal(heights.at(before + plain[row] / 2), row);
  }
});

test("a place outside is that of the nearest row", () => {
  const heights = new Heights();
  heights.reset(10);
  assert.equal(heights.at(-100), 0);
  assert.equal(heights.at(1e9), 9);
});
