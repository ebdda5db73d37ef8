"""The log in PostgreSQL: what every log promises, with a real server."""

from __future__ import annotations

import pytest
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from tests.kit.postgres import postgres
from tests.log.test_log import LogTests
from tests.log.test_log_sqlite import InlineWorker
from twisted_chat.log.contract import Log
from twisted_chat.log.postgres import PostgresLog, open_postgres

pytestmark = pytest.mark.slow


class PostgresLogTests(LogTests, SynchronousTestCase):
    """The suite of all logs."""

    def setUp(self) -> None:
        self.server = postgres()
        super().setUp()

    def make_log(self) -> Log:
        return self.open(self.server.url())

    def open(self, url: str) -> PostgresLog:
        self.url = url
        return open_postgres(url, self.clock or Clock(), InlineWorker)

    def reopened(self, log: Log) -> Log | None:
        self.got(log.close())
        return self.open(self.url)
