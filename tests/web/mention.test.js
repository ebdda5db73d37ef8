import assert from "node:assert/strict";
import { test } from "node:test";

import { mentionOf } from "../../twisted_chat/page/assets/mention.js";

const isIn = (name, text) => text.search(mentionOf(name)) >= 0;

test("a name is found as a word of its own", () => {
  for (const text of ["zoe", "zoe: look", "@zoe", "(Zoe)", "hi zoe!", "ask zoe's", "é zoe"]) {
    assert.ok(isIn("zoe", text), text);
  }
  for (const text of ["zoey", "azoe", "zoe_", "zoe\u0301", "z oe", "ézoe", ""]) {
    assert.ok(!isIn("zoe", text), text);
  }
});

test("a short name has to be called", () => {
  assert.ok(!isIn("a", "a word"));
  assert.ok(isIn("a", "ask @a"));
});

test("every name that there can be is a name, not a pattern", () => {
  for (const name of ["a-b.c", "(x)", "[y]", "a|b", "a+b", "^_^", "{1}", "ab=~", "Ünï", "李小龍", "a^b;c"]) {
    assert.ok(isIn(name, `hello @${name} there`), name);
    assert.ok(!isIn(name, "something else"), name);
  }
});
