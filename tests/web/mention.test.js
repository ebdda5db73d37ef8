import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import { folded, Mention } from "../../twisted_chat/page/assets/mention.js";

const vectors = JSON.parse(readFileSync(new URL("../vocabulary/mentions.json", import.meta.url), "utf8"));

test("what is a mention is the same everywhere", () => {
  assert.ok(vectors.length > 50);
  for (const { name, text, mentions } of vectors) {
    assert.equal(new Mention(name).isIn(text), mentions, `${name} in ${text}`);
  }
});

test("what is found is the name as it was sent, with its @", () => {
  const found = (name, text) => new Mention(name).find(text).map(({ from, to }) => text.slice(from, to));
  assert.deepEqual(found("zoe", "Zoe and @zoe, not zoes"), ["Zoe", "@zoe"]);
  assert.deepEqual(found("Jürgen", "hi Ju\u0308rgen 😀 @JÜRGEN!"), ["Ju\u0308rgen", "@JÜRGEN"]);
  assert.deepEqual(found("strauss", "der Strauß"), ["Strauß"]);
  assert.deepEqual(found("", "nobody is here"), []);
});

test("every name that there can be is a name, not a pattern", () => {
  for (const name of ["a-b.c", "(x)", "[y]", "a|b", "a+b", "^_^", "{1}", "ab=~", "Ünï", "李小龍", "a^b;c"]) {
    assert.ok(new Mention(name).isIn(`hello @${name} there`), name);
    assert.ok(!new Mention(name).isIn("something else"), name);
  }
});

test("case is folded as Unicode does it", () => {
  for (const [one, other] of [["ẞ", "ss"], ["ΣΑΣ", "σασ"], ["ς", "σ"], ["K", "k"], ["ﬁ", "fi"], ["İ", "i\u0307"]]) {
    assert.equal(folded(one), folded(other), one);
  }
  assert.notEqual(folded("ı"), folded("i"));
});

test("long texts take no time", () => {
  for (const text of ["@".repeat(16_000), "alice".repeat(3_000), "e\u0301".repeat(8_000), "a://".repeat(4_000)]) {
    const began = performance.now();
    new Mention("alice").find(`${text} alice`);
    assert.ok(performance.now() - began < 200, text.slice(0, 20));
  }
});
