"""The load generator's checks: whatever is wrong with deliveries makes a run fail."""

from __future__ import annotations

import json
from collections.abc import Sequence

from twisted.trial.unittest import SynchronousTestCase

from benchmarks.checking import PAYLOAD, Muted, Reader, Sender, Stream, Wrong
from benchmarks.report import plot, table
from benchmarks.wire import Wire, frame, id_of, wire


def native(text: str, seq: int) -> bytes:
    """Return what our server sends for a payload."""
    found = {
        "type": "text",
        "session": "lobby",
        "seq": seq,
        "time": 1,
        "source": f"m{text[:5]}",
        "data": text,
        "id": id_of(text),
    }
    return frame(json.dumps(found))


def irc(text: str) -> bytes:
    """Return what an IRC server sends for a payload."""
    return f":m{text[:5]}!m@127.0.0.1 PRIVMSG #lobby :{text}\r\n".encode()


class CheckingTests(SynchronousTestCase):
    """Two readers of our own protocol, of whom the first talks."""

    def setUp(self) -> None:
        spoken: Wire = wire("native")
        self.stream = Stream(spoken.parser(None), "lobby", echoes=True)
        self.sender = Sender(0, None)
        self.stream.senders[self.sender.key] = self.sender
        self.talker = Reader(self.stream, "the talker", self.sender)
        self.other = Reader(self.stream, "the other")
        self.texts = self.sender.say(4, 0)
        self.frames = [native(text, seq) for seq, text in enumerate(self.texts, 1)]

    def give(self, reader: Reader, frames: Sequence[bytes]) -> None:
        reader.received(memoryview(b"".join(frames)))

    def test_everything_once_and_in_order(self) -> None:
        """Each reader gets everything, cut anywhere: the run is good, and all is acknowledged."""
        data = memoryview(b"".join(self.frames))
        for place in range(0, len(data), 7):
            self.talker.received(data[place : place + 7])
        for place in range(0, len(data), 50):
            self.other.received(data[place : place + 50])
        self.stream.check_complete()
        self.assertEqual(self.stream.texts, 4)
        self.assertEqual(self.sender.outstanding, 0)
        self.assertEqual(self.stream.acknowledged, [self.sender] * 4)
        self.assertEqual(self.stream.owed, 2 * len(data))

    def test_lost_for_everybody(self) -> None:
        """A hole in the numbering is a lost text."""
        self.give(self.talker, self.frames[:1])
        self.assertRaises(Wrong, self.give, self.other, self.frames[:1] + self.frames[2:])

    def test_lost_with_right_numbers(self) -> None:
        """A server that loses a text before it numbers it is found out too."""
        wrong = [native(self.texts[0], 1), native(self.texts[2], 2)]
        self.assertRaises(Wrong, self.give, self.talker, wrong)

    def test_lost_for_one(self) -> None:
        """One reader lacks a text in the middle, or at the end."""
        self.give(self.talker, self.frames)
        self.assertRaises(Wrong, self.give, self.other, [self.frames[0], *self.frames[2:]])
        self.setUp()
        self.give(self.talker, self.frames)
        self.give(self.other, self.frames[:3])
        self.assertRaises(Wrong, self.stream.check_complete)

    def test_never_delivered(self) -> None:
        """What nobody has received is missed at the end."""
        for reader in (self.talker, self.other):
            self.give(reader, self.frames[:3])
        self.assertRaises(Wrong, self.stream.check_complete)

    def test_doubled(self) -> None:
        """A text comes again: to everybody, under a new number, or to one."""
        self.assertRaises(Wrong, self.give, self.talker, [self.frames[0], self.frames[0]])
        self.setUp()
        again = [native(self.texts[0], 1), native(self.texts[0], 2)]
        self.assertRaises(Wrong, self.give, self.talker, again)
        self.setUp()
        self.give(self.talker, self.frames)
        doubled = [self.frames[0], *self.frames]
        self.assertRaises(Wrong, self.give, self.other, doubled)

    def test_reordered(self) -> None:
        """Two texts change places: for everybody, or for one."""
        swapped = [self.frames[1], self.frames[0]]
        self.assertRaises(Wrong, self.give, self.talker, swapped)
        self.setUp()
        self.give(self.talker, self.frames)
        self.assertRaises(Wrong, self.give, self.other, swapped)

    def test_changed(self) -> None:
        """A byte is not what was sent: for everybody, or for one."""
        changed = self.frames[0].replace(b"xxxx", b"xxyx")
        self.assertRaises(Wrong, self.give, self.talker, [changed])
        self.setUp()
        self.give(self.talker, self.frames)
        self.assertRaises(Wrong, self.give, self.other, [changed])

    def test_wrong_source(self) -> None:
        """A text bears somebody else's name."""
        wrong = self.frames[0].replace(b"m00000", b"m00001")
        self.assertRaises(Wrong, self.give, self.talker, [wrong])


class MutedTests(SynchronousTestCase):
    """On IRC a sender does not see its own texts: it is owed all others, in order."""

    def setUp(self) -> None:
        self.stream = Stream(wire("irc").parser(None), "lobby", echoes=False)
        self.senders = [Sender(index, None) for index in range(2)]
        for sender in self.senders:
            self.stream.senders[sender.key] = sender
        self.talker = Muted(self.stream, "the talker")
        self.senders[0].behind = self.talker
        self.observer = Reader(self.stream, "the observer")
        mine, others = self.senders[0].say(2, 0), self.senders[1].say(2, 0)
        self.all = [irc(text) for text in (mine[0], others[0], mine[1], others[1])]
        self.others = [irc(text) for text in others]

    def test_skips_its_own(self) -> None:
        """It may read what others said, as far as that is known, and no more."""
        self.assertEqual(self.talker.allowance(), 0)
        self.observer.received(memoryview(b"".join(self.all)))
        wanted = b"".join(self.others)
        self.assertEqual(self.talker.allowance(), len(wanted))
        self.talker.received(memoryview(wanted[:30]))
        self.talker.received(memoryview(wanted[30:]))
        self.assertEqual(self.talker.allowance(), 0)
        self.stream.check_complete()
        self.assertEqual(self.stream.owed, len(wanted) + len(b"".join(self.all)))

    def test_its_own_is_wrong(self) -> None:
        """Its own text comes to it, or another's twice."""
        self.observer.received(memoryview(b"".join(self.all)))
        self.assertRaises(Wrong, self.talker.received, memoryview(self.all[0]))
        twice = memoryview(self.others[0] * 2)
        self.assertRaises(Wrong, self.talker.received, twice)


class WireTests(SynchronousTestCase):
    """What is said, and what is found again in what comes back."""

    def test_frames(self) -> None:
        """A batch of texts is so many frames, each with its payload."""
        texts = Sender(7, None).say(3, 123)
        said = bytearray(wire("native").say("here", texts))
        for text in texts:
            length = int.from_bytes(said[:4], "big")
            found = json.loads(said[4 : 4 + length])
            self.assertEqual(
                found, {"type": "text", "session": "here", "id": id_of(text), "data": text}
            )
            self.assertEqual(len(text), PAYLOAD)
            del said[: 4 + length]
        self.assertEqual(said, b"")

    def test_refusals_are_wrong(self) -> None:
        """An error among the texts ends the run."""
        refusal = bytearray(frame('{"type":"error","code":"not-stored","data":"no"}'))
        self.assertRaises(Wrong, wire("native").parser(None).next, refusal, 0)

    def test_redis(self) -> None:
        """A published payload is found in a message."""
        (text,) = Sender(3, None).say(1, 5)
        message = f"*3\r\n$7\r\nmessage\r\n$5\r\nlobby\r\n$100\r\n{text}\r\n"
        parser = wire("resp").parser(None)
        self.assertIsNone(parser.next(bytearray(message[:-1].encode()), 0))
        self.assertEqual(parser.next(bytearray(message.encode()), 0), (len(message), text))


class ReportTests(SynchronousTestCase):
    """Tables and plots."""

    def test_table(self) -> None:
        """Columns are as wide as what is in them."""
        self.assertEqual(
            table(["a", "bcd"], [["x", "1"]]), "| a   | bcd |\n|-----|----:|\n| x   |   1 |"
        )

    def test_plot(self) -> None:
        """A plot has a line and its name, even of one point."""
        drawn = plot("t", "x", "y", {"ours & theirs": [(1, 0.1), (10, 0.01)], "b": [(1, 1)]})
        self.assertIn("ours &amp; theirs", drawn)
        self.assertEqual(drawn.count("<polyline"), 2)
