import assert from "node:assert/strict";
import { test } from "node:test";

import { harmless, plain } from "../../twisted_chat/page/assets/format.js";
import { parts } from "../../twisted_chat/page/assets/markdown.js";
import { Mention } from "../../twisted_chat/page/assets/mention.js";

/** The parts of a text, as `kind:value`, or `kind(…)` around others. */
const written = (all) => all.map((part) => {
  if (part.kind === "item") return `item${part.number ?? ""}(${written(part.parts)})`;
  if (part.parts) return `${part.kind}(${written(part.parts).join("|")})`;
  return `${part.kind}:${part.value}`;
});
const partsOf = (text, mention = null) => written(parts(text, mention));
const walk = (all) => all.flatMap((part) => (part.parts ? [part, ...walk(part.parts)] : [part]));
const linksIn = (text) => walk(parts(text, null)).filter(({ kind }) => kind === "link");
const valuesOf = (all) => walk(all).map((part) => part.value ?? "").join("");

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
    ["**https://example.org/a**", "https://example.org/a"],
    ["https://example.org/a_b_c*d", "https://example.org/a_b_c*d"],
  ]) assert.deepEqual(linksIn(text).map(({ value }) => value), [link], text);
});

test("nothing else is a link", () => {
  for (const text of [
    "javascript:alert(1)", "data:text/html,x", "file:///etc/passwd", "//evil.test", "ftp://x.test",
    "http://", "https://[", "http://%", "xhttp//a", "mailto:a@b.test", "example.org",
    "[x](javascript:alert(1))", "[x](//evil.test)", "[x](data:text/html,x)",
  ]) assert.deepEqual(linksIn(text), [], text);
});

test("a link may have words, but none that claim to lead elsewhere", () => {
  const [link] = linksIn("see [the plan](https://x.test/a_(b)) today");
  assert.deepEqual([link.value, link.href], ["the plan", "https://x.test/a_(b)"]);
  for (const text of ["[bank.test](https://evil.test/)", "[https://bank.test](https://evil.test/)"]) {
    assert.ok(linksIn(text).every(({ value, href }) => href.startsWith(value)), text);
    assert.ok(valuesOf(parts(text, null)).includes("https://evil.test/"), text);
  }
});

test("code is set off, and what is in it is left alone", () => {
  assert.deepEqual(partsOf("run `ls -l` now"), ["text:run ", "code:ls -l", "text: now"]);
  assert.deepEqual(partsOf("`https://example.org`"), ["code:https://example.org"]);
  assert.deepEqual(partsOf("`**a**`"), ["code:**a**"]);
  assert.deepEqual(partsOf("a ` b"), ["text:a ` b"]);
  assert.deepEqual(partsOf("`a\nb`"), ["text:`a\nb`"]);
  assert.deepEqual(partsOf("``"), ["text:``"]);
  assert.deepEqual(partsOf("it's 5` and `x` ok"), ["text:it's 5", "code: and ", "text:x` ok"]);
});

test("blocks of code", () => {
  assert.deepEqual(partsOf("before\n```py\nx = 1\n\n*y*\n```\nafter"), [
    "text:before", "block:x = 1\n\n*y*", "text:after",
  ]);
  assert.deepEqual(partsOf("```one line```"), ["block:one line"]);
  assert.deepEqual(partsOf("``` never closed"), ["text:``` never closed"]);
  assert.deepEqual(partsOf("``````"), ["text:``````"]);
});

test("bold, italics, strike", () => {
  for (const [text, expected] of [
    ["**bold**", ["strong(text:bold)"]],
    ["__bold__", ["strong(text:bold)"]],
    ["*it* and _it_", ["em(text:it)", "text: and ", "em(text:it)"]],
    ["~~gone~~", ["del(text:gone)"]],
    ["***both***", ["strong(em(text:both))"]],
    ["**a *b* c**", ["strong(text:a |em(text:b)|text: c)"]],
    ["(*a*), \"**b**\"!", ["text:(", "em(text:a)", "text:), \"", "strong(text:b)", "text:\"!"]],
    ["**`x`**", ["strong(code:x)"]],
    ["**Größe** 😀 *😀*", ["strong(text:Größe)", "text: 😀 ", "em(text:😀)"]],
  ]) assert.deepEqual(partsOf(text), expected, text);
});

test("what is no mark stays as it was written", () => {
  for (const text of [
    "2*3*4", "2 * 3 * 4", "snake_case_name", "__init__.py", "a ** b", "**", "****", "**open",
    "*open\nnever", "¯\\_(ツ)_/¯", "^_^ and ^_^", ">_< >_<", "~home~", "a~~b~~c", "~/x ~/y", "*a *b",
    "\\*a\\*", "C:\\*", "-", "- ", "1.", "1.5 is", "-x", "->", "#no", "a > b", ">quoted", "[a](b)",
  ]) {
    const found = walk(parts(text, null));
    assert.ok(found.every(({ kind }) => kind === "text"), `${text}: ${partsOf(text)}`);
    assert.equal(valuesOf(found), text);
  }
});

test("quotes and lists", () => {
  assert.deepEqual(partsOf("> one\n> two\nthree"), ["quote(text:one\ntwo)", "text:three"]);
  assert.deepEqual(partsOf("> > deep"), ["quote(quote(text:deep))"]);
  assert.deepEqual(partsOf("say:\n- a\n- *b*\n  more\nend"), [
    "text:say:", "list(item(text:a)|item(em(text:b),text:\nmore))", "text:end",
  ]);
  assert.deepEqual(partsOf("7. a\n8) b"), ["list(item7(text:a)|item8(text:b))"]);
});

test("one's name is set off, but not in code or links", () => {
  const mention = new Mention("zoe");
  assert.deepEqual(partsOf("zoe: `zoe` https://zoe.test/zoe **Zoe**", mention), [
    "name:zoe", "text:: ", "code:zoe", "text: ", "link:https://zoe.test/zoe", "text: ", "strong(name:Zoe)",
  ]);
});

test("no text is lost, whatever it is", () => {
  const pieces = ["`", "```", "\n", "a", "https://x.test/", ")", "(", " ", "zoe", "<b>", "\u202e", ".",
    "*", "**", "_", "~~", "> ", "- ", "1. ", "[a](https://y.test/)"];
  let seed = 3;
  for (let round = 0; round < 20_000; round++) {
    let text = "";
    for (let length = seed % 14; length > 0; length--) {
      seed = (seed * 1_103_515_245 + 12_345) % 2_147_483_648;
      text += pieces[(seed >> 8) % pieces.length];
    }
    seed = (seed * 1_103_515_245 + 12_345) % 2_147_483_648;
    const signs = (all) => all.replaceAll("[a](https://y.test/)", "a").replace(/[`\n*_~> 1.()[\]-]/g, "");
    assert.equal(signs(valuesOf(parts(text, new Mention("zoe")))), signs(text), text);
  }
});

test("long and nasty texts take no time", () => {
  for (const text of [
    "https://x.test/" + ")".repeat(16_000), "`".repeat(16_001), "```".repeat(5_001), "`a".repeat(8_000),
    "http://".repeat(2_300), "(".repeat(8_000) + "https://x.test" + ")".repeat(8_000), "@".repeat(16_000),
    "*a ".repeat(5_000), " *a".repeat(5_000), "**a *b _c ~~d ".repeat(1_100), "> ".repeat(8_000), "- a\n".repeat(4_000),
    "[a](".repeat(4_000), "[".repeat(16_000), "[a](https://x.test/".repeat(800), "*a*".repeat(5_000),
    "_ _".repeat(5_000), "> - **\n".repeat(2_300), " \n".repeat(8_000), "  ".repeat(8_000) + "- x",
  ]) {
    const began = performance.now();
    parts(text, new Mention("zoe"));
    assert.ok(performance.now() - began < 200, text.slice(0, 20));
  }
});

test("control characters are shown, and do nothing", () => {
  assert.equal(harmless("\x02bold\x0f \x0304,01red\x03 \x04ff0000x \x1dit\x1d 3\x033"), "bold red x it 3");
  assert.equal(harmless("\x1b[31m\0\x07\x7f\x9b\tok\r\n\r"), "␛[31m␀␇␡\ufffd\tok\n␍");
});

test("in a line", () => {
  assert.equal(plain("**a**\n- b\n- `c`\n> d"), "a b c d");
});
