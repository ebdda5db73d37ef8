"""Asking: every request has its handler, in one place."""

from __future__ import annotations

from typing import get_args

from twisted.trial.unittest import SynchronousTestCase

from twisted_chat.chat import chat
from twisted_chat.chat.asking import HANDLERS, answers
from twisted_chat.vocabulary.messages import Login, Logout, Ping, Register, Request, Say

OF_THE_CONNECTION = {Login, Logout, Ping, Register}
"""What a connection answers before, or without, a User."""


class AskingTests(SynchronousTestCase):
    def test_every_request_has_one_handler(self) -> None:
        """What can be decoded can be answered."""
        self.assertIsNotNone(chat.Chat)  # it registers them
        self.assertEqual(set(HANDLERS) | OF_THE_CONNECTION, set(get_args(Request)))
        self.assertRaises(TypeError, answers(Say), HANDLERS[Say])
