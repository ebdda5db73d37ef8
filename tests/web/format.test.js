import assert from "node:assert/strict";
import { test } from "node:test";

import { harmless, tokens } from "../../twisted_chat/page/assets/format.js";
import { mentionOf } from "../../twisted_chat/page/assets/mention.js";

/** The parts of a text, as `kind:value`. */
const parts = (text, mention = null) => tokens(text, mention).map(({ kind, value }) => `${kind}:${value}`);
const linksIn = (text) => tokens(text, null).filter(({ kind }) => kind === "link").map(({ value }) => value);

test("links are found, without the punctuation around them", () => {
  for (const [text, link] of [
    ["see https://example.org.", "https://example.org"],
    ["(https://example.org/a_(b))", "https://example.org/a_(b)"],
    ["<http://example.org/?q=1&r=2#x>,", "http://example.org/?q=1&r=2#x"],
    ["HTTPS://EXAMPLE.ORG!", "HTTPS://EXAMPLE.ORG"],
    ["https://example.org/a…", "https://example.org/a"],
    ["https://例え.jp/道", "https://例え.jp/道"],
    ["\"https://example.org/a\"", "https://example.org/a"],
    ["https://example.org/a\u202egpj.exe", "https://example.org/a"],
  ]) assert.deepEqual(linksIn(text), [link], text);
});

test("nothing else is a link", () => {
  for (const text of [
    "javascript:alert(1)", "data:text/html,x", "file:///etc/passwd", "//evil.test", "ftp://x.test",
    "http://", "https://[", "http://%", "xhttp//a", "mailto:a@b.test", "example.org",
  ]) assert.deepEqual(linksIn(text), [], text);
});

test("code is set off, and what is in it is left alone", () => {
  assert.deepEqual(parts("run `ls -l` now"), ["text:run ", "code:ls -l", "text: now"]);
  assert.deepEqual(parts("`https://example.org`"), ["code:https://example.org"]);
  assert.deepEqual(parts("a ` b"), ["text:a ` b"]);
  assert.deepEqual(parts("`a\nb`"), ["text:`a\nb`"]);
  assert.deepEqual(parts("``"), ["text:``"]);
  assert.deepEqual(parts("it's 5` and `x` ok"), ["text:it's 5", "code: and ", "text:x` ok"]);
});

test("blocks of code", () => {
  assert.deepEqual(parts("before\n```py\nx = 1\n\ny\n```\nafter"), [
    "text:before", "block:x = 1\n\ny", "text:after",
  ]);
  assert.deepEqual(parts("```one line```"), ["block:one line"]);
  assert.deepEqual(parts("``` never closed"), ["text:``` never closed"]);
  assert.deepEqual(parts("``````"), ["text:``````"]);
});

test("one's name is set off, but not in code or links", () => {
  const mention = mentionOf("zoe");
  assert.deepEqual(parts("zoe: `zoe` https://zoe.test/zoe", mention), [
    "name:zoe", "text:: ", "code:zoe", "text: ", "link:https://zoe.test/zoe",
  ]);
});

test("no text is lost, whatever it is", () => {
  const pieces = ["`", "```", "\n", "a", "https://x.test/", ")", "(", " ", "zoe", "<b>", "\u202e", "."];
  let seed = 3;
  for (let round = 0; round < 5_000; round++) {
    let text = "";
    for (let length = seed % 14; length > 0; length--) {
      seed = (seed * 1_103_515_245 + 12_345) % 2_147_483_648;
      text += pieces[(seed >> 8) % pieces.length];
    }
    seed = (seed * 1_103_515_245 + 12_345) % 2_147_483_648;
    const signs = (all) => [...all.replace(/[`\n]/g, "")].join("");
    assert.equal(signs(tokens(text, mentionOf("zoe")).map(({ value }) => value).join("")), signs(text), text);
  }
});

test("long and nasty texts take no time", () => {
  for (const text of [
    "https://x.test/" + ")".repeat(16_000), "`".repeat(16_001), "```".repeat(5_001), "`a".repeat(8_000),
    "http://".repeat(2_300), "(".repeat(8_000) + "https://x.test" + ")".repeat(8_000), "@".repeat(16_000),
  ]) {
    const began = performance.now();
    tokens(text, mentionOf("zoe"));
    assert.ok(performance.now() - began < 200, text.slice(0, 20));
  }
});

test("control characters are shown, and do nothing", () => {
  assert.equal(harmless("\x1b[31m\0\x07\x7f\x9b\tok\r\n\r"), "␛[31m␀␇␡\ufffd\tok\n␍");
});
