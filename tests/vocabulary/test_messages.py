"""The vocabulary: what any bytes become, and what is said to them."""

from __future__ import annotations

import json
from typing import get_args

import msgspec
from hypothesis import example, given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from twisted_chat.vocabulary import messages
from twisted_chat.vocabulary.errors import Code
from twisted_chat.vocabulary.messages import (
    MAX_FRAME,
    BadRequest,
    Error,
    Join,
    Login,
    NotAnObject,
    Ping,
    Place,
    Request,
    Response,
    Say,
    Text,
    decode,
    encode,
)

json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.integers(min_value=-(2**80), max_value=2**80)
    | st.floats()
    | st.text(st.characters(), max_size=20),  # with lone surrogates
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)

TYPES = sorted(kind.__struct_config__.tag for kind in get_args(Request))
FIELDS = sorted({name for kind in get_args(Request) for name in kind.__struct_encode_fields__})

nearly_requests = st.builds(
    lambda kind, fields: {"type": kind, **fields},
    st.sampled_from(TYPES) | st.text(),
    st.dictionaries(st.sampled_from(FIELDS), json_values, max_size=5),
)
"""Objects with the right words in the wrong places, and sometimes in the right ones."""


def as_json(value: object) -> bytes:
    """Return JSON as Python writes it: NaN and lone surrogates (escaped) too."""
    return json.dumps(value).encode()


def deep(opening: str, closing: str) -> bytes:
    """Return as much nesting as a frame holds."""
    depth = MAX_FRAME // (len(opening) + len(closing)) - 1
    return (opening * depth + "1" + closing * depth).encode()


class DecodeTests(SynchronousTestCase):
    def assert_answerable(self, message: bytes) -> None:
        """The promise: a request, or a refusal that can be sent."""
        try:
            found = decode(message)
        except (BadRequest, NotAnObject) as refused:
            self.assertEqual(refused.code, "bad-request")
            id = refused.id if isinstance(refused, BadRequest) else None
            answer = encode(Error(code=refused.code, data=str(refused), id=id))
            self.assertLess(len(answer), 4_096)
        else:
            self.assertIsInstance(found, get_args(Request))
            encode(found)

    @given(st.binary())
    @example(b"")
    @example(b"\0" * MAX_FRAME)
    @example(b"[" * MAX_FRAME)
    @example(deep("[", "]"))
    @example(deep('{"type":', "}"))
    @example(b'{"type":"ping","x":' + deep("[", "]") + b"}")
    @example(b'{"type":"' + b"x" * 65_000 + b'"}')
    @example(b'{"type":"' + b"\\u0000" * 10_000 + b'"}')
    @example(b'{"type":"join","session":"a","after":' + b"9" * 65_000 + b"}")
    @example(b'{"type":"join","session":"a","after":1e999999999}')
    @example(b'{"type":"ping","type":"logout"}')
    def test_any_bytes(self, message: bytes) -> None:
        """Any bytes become a request, BadRequest or NotAnObject; the refusal fits in a frame."""
        self.assert_answerable(message)

    @given(json_values.map(as_json))
    def test_any_json(self, message: bytes) -> None:
        """So does any JSON."""
        self.assert_answerable(message)

    @given(nearly_requests.map(as_json))
    def test_nearly_requests(self, message: bytes) -> None:
        """So does any object that resembles a request: and it never closes the connection."""
        self.assert_answerable(message)
        try:
            decode(message)
        except NotAnObject:
            # Python writes NaN and Infinity, which are not JSON.
            self.assertTrue(b"NaN" in message or b"Infinity" in message, message)
        except BadRequest:
            pass

    @given(nearly_requests.map(as_json), st.data())
    def test_damaged(self, message: bytes, data: st.DataObject) -> None:
        """So does a request with bytes lost, doubled or overwritten."""
        start = data.draw(st.integers(0, len(message)))
        end = data.draw(st.integers(start, len(message)))
        self.assert_answerable(message[:start] + data.draw(st.binary()) + message[end:])
        self.assert_answerable(message[:end] + message[start:])

    def test_objects_only(self) -> None:
        """What is no JSON object closes the connection: framing may have been lost."""
        for message in (b"", b"hello", b"[]", b'"text"', b"17", b"null", b"{", b'{"type":"ping"}x'):
            with self.assertRaises(NotAnObject):
                decode(message)
        for message in (b'\xef\xbb\xbf{"type":"ping"}', '{"type":"ping"}'.encode("utf-16")):
            with self.assertRaises(NotAnObject):
                decode(message)
        with self.assertRaises(NotAnObject):  # UTF-8 only
            decode('{"type":"text","data":"é"}'.encode("latin-1"))

    def test_refusals_name_their_request(self) -> None:
        """A refusal bears the ``id`` of what it answers, wherever that can be read."""
        for message in (
            b'{"type":"nope","id":"7"}',
            b'{"id":"7"}',
            b'{"type":["text"],"id":"7"}',
            b'{"type":"text","id":"7"}',
            b'{"type":"text","data":5,"id":"7"}',
            b'{"type":"text","data":"\\ud800","id":"7"}',
            b'{"id":"7","type":"join","session":"a","after":-1}',
        ):
            with self.assertRaises(BadRequest) as refused:
                decode(message)
            self.assertEqual(refused.exception.id, "7", message)
        for id in (b'""', b"7", b'"' + b"x" * 65 + b'"', b'"\\udfff"', b"[1]"):
            with self.assertRaises(BadRequest) as refused:
                decode(b'{"type":"ping","id":' + id + b"}")
            self.assertIsNone(refused.exception.id)

    def test_unknown_fields(self) -> None:
        """A newer client's extra fields are ignored; so is the order of fields."""
        message = b'{"later":{"a":[1]},"id":"1","colour":null,"type":"ping"}'
        self.assertEqual(decode(message), Ping(id="1"))

    def test_null_is_absent(self) -> None:
        """An optional field that is null is left out."""
        message = b'{"type":"join","session":"a","after":null,"epoch":null,"id":null}'
        self.assertEqual(decode(message), Join(session="a"))

    def test_wrong_values(self) -> None:
        """A field of the wrong type, or over its limit, is refused and not bent into shape."""
        for message in (
            b'{"type":"text"}',
            b'{"type":"text","data":null}',
            b'{"type":"text","data":17}',
            b'{"type":"text","data":"a","session":3}',
            b'{"type":"join"}',
            b'{"type":"join","session":"a","after":"1"}',
            b'{"type":"join","session":"a","after":1.5}',
            b'{"type":"join","session":"a","after":true}',
            b'{"type":"join","session":"a","after":-1}',
            b'{"type":"join","session":"a","after":9007199254740992}',
            b'{"type":"create","session":"a","keep":1}',
            b'{"type":"create","session":"a","topic":"' + b"t" * 257 + b'"}',
            b'{"type":"history","limit":0}',
            b'{"type":"ping","id":""}',
            b'{"type":"Text","data":"a"}',
            b'{"type":"welcome"}',
        ):
            with self.assertRaises(BadRequest):
                decode(message)

    def test_resume_is_bounded(self) -> None:
        """A login names at most 64 sessions to come back to."""
        for count, fine in ((64, True), (65, False)):
            message = as_json({"type": "login", "user": "a", "resume": [{"session": "b"}] * count})
            if fine:
                self.assertEqual(
                    decode(message), Login(user="a", resume=[Place(session="b")] * count)
                )
            else:
                with self.assertRaises(BadRequest):
                    decode(message)

    @given(st.text())
    @example("\0\a\x1b[2J\u202e\u2028\ufeff\U0010ffff")
    @example("e\u0301 and \u00e9, \ufb01 and \uff21")
    def test_text_is_kept_as_sent(self, data: str) -> None:
        """No text is changed on its way: not composed, not trimmed, not escaped twice."""
        for message in (encode(Say(data=data)), as_json({"type": "text", "data": data})):
            self.assertEqual(decode(message), Say(data=data))
        text = Text(session="a", seq=1, time=2, source="b", data=data)
        self.assertEqual(json.loads(encode(text))["data"], data)


class VocabularyTests(SynchronousTestCase):
    def test_types_are_unique(self) -> None:
        """Each ``type`` means one request to a server, and one answer or event to a client."""
        for union in (Request, Response):
            tags = [kind.__struct_config__.tag for kind in get_args(union)]
            self.assertEqual(len(tags), len(set(tags)))

    def test_every_message_is_in_a_union(self) -> None:
        """No message is forgotten: each class of the vocabulary is asked for or answered."""
        classes = {
            kind
            for kind in vars(messages).values()
            if isinstance(kind, type) and issubclass(kind, messages.Message)
        }
        known = {*get_args(Request), *get_args(Response)}
        self.assertEqual({kind for kind in classes if not kind.__subclasses__()}, known)

    def test_every_request_and_answer_can_bear_an_id(self) -> None:
        """Any request may be told from others by its ``id``."""
        for kind in get_args(Request):
            self.assertIn("id", kind.__struct_fields__)
        events = {kind for kind in get_args(Response) if "id" not in kind.__struct_fields__}
        self.assertEqual(events, {messages.Joined, messages.Presence, messages.IsTyping})

    def test_defaults_are_not_sent(self) -> None:
        """What is at its default takes no room on the wire."""
        self.assertEqual(
            encode(Error(code="empty", data="")), b'{"type":"error","code":"empty","data":""}'
        )

    def test_codes(self) -> None:
        """An ``error`` bears each of the codes, and no other can be decoded by a client."""
        for code in get_args(Code):
            raw = as_json({"type": "error", "code": code, "data": "x"})
            found = msgspec.json.decode(raw, type=Response)
            self.assertEqual(found, Error(code=code, data="x"))
        with self.assertRaises(msgspec.ValidationError):
            msgspec.json.decode(as_json({"type": "error", "code": "x", "data": ""}), type=Error)
