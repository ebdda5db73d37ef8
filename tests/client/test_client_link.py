"""Why there is no connection, and whether it may go better."""

from __future__ import annotations

from OpenSSL import SSL
from twisted.internet import error
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from twisted_chat.client.link import hopeless, sentence


class SentenceTests(SynchronousTestCase):
    def test_one_line(self) -> None:
        """Why there is no connection is one line, whatever it is."""
        for problem, words in (
            (error.ConnectionRefusedError("111"), "connection refused"),
            (error.DNSLookupError("x"), "no such host"),
            (error.ConnectionLost(), "the connection was lost"),
            (ValueError("two\nlines"), "two lines"),
            (KeyError(), "KeyError"),
            (
                SSL.Error([("SSL routines", "", "certificate verify failed")]),
                "TLS: certificate verify failed",
            ),
            (SSL.Error(), "Error"),
        ):
            self.assertEqual(sentence(Failure(problem)), words)


class HopelessTests(SynchronousTestCase):
    def test_tls(self) -> None:
        """A certificate, or a port without TLS, will not go better; a lost connection may."""
        ssl = type("Error", (Exception,), {"__module__": "OpenSSL.SSL"})
        name = type("VerificationError", (Exception,), {"__module__": "service_identity"})
        for problem, words in (
            (ssl([("SSL routines", "", "certificate verify failed")]), "certificate verify failed"),
            (ssl([("SSL routines", "", "wrong version number")]), "does not speak it"),
            (name(), "not for this host"),
        ):
            reason = sentence(Failure(problem))
            self.assertIn(words, reason)
            self.assertTrue(hopeless(reason), reason)
        for problem in (
            ssl(-1, "Unexpected EOF"),
            error.ConnectionLost(),
            ConnectionRefusedError(),
        ):
            self.assertFalse(hopeless(sentence(Failure(problem))))
