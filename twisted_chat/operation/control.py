"""The operator's UNIX socket: ``--admin PATH``. One line of JSON in, one line of JSON out.

::

    {"order": "kick", "given": {"session": "ops", "user": "eve"}}
    {"lines": ["Done."]}                     or  {"refused": "There is no such session."}

The socket's mode is 0600: whoever can open it is the operator, and nobody else can.
"""

from __future__ import annotations

import os
from typing import Any, Final

from attrs import define
from msgspec import DecodeError, Struct
from msgspec.json import Decoder, encode
from twisted.internet.defer import Deferred
from twisted.internet.error import CannotListenError
from twisted.internet.interfaces import IListeningPort
from twisted.internet.protocol import Factory
from twisted.logger import Logger
from twisted.protocols.basic import LineOnlyReceiver
from twisted.protocols.policies import TimeoutMixin

from twisted_chat.operation.orders import ORDERS, Refused, Running
from twisted_chat.vocabulary.errors import ChatError

MAX_ORDER: Final = 16_384
"""Bytes of an order, at most."""

SILENT_SECONDS: Final = 10
"""How long one who has opened the socket may be silent."""


class Asked(Struct):
    """An order, as it comes."""

    order: str
    given: dict[str, Any] = {}


_asked = Decoder(Asked)


class Control(LineOnlyReceiver, TimeoutMixin):
    """One operator: asks once, and is answered."""

    delimiter = b"\n"
    MAX_LENGTH = MAX_ORDER
    factory: ControlFactory
    transport: Any

    _logger = Logger()

    def connectionMade(self) -> None:
        """Wait for an order, and not for ever."""
        self.setTimeout(SILENT_SECONDS)

    def callLater(self, period: float, func: Any) -> Any:
        """Give TimeoutMixin our clock."""
        return self.factory.running.reactor.callLater(period, func)

    def connectionLost(self, reason: Any = None) -> None:
        """Wait no longer."""
        self.setTimeout(None)

    def lineReceived(self, line: bytes) -> None:
        """Carry out one order."""
        self.setTimeout(None)
        self.transport.pauseProducing()
        done = Deferred.fromCoroutine(self._carry_out(line))
        done.addErrback(lambda failure: self._logger.failure("An order failed", failure))

    async def _carry_out(self, line: bytes) -> None:
        try:
            asked = _asked.decode(line)
            if asked.order not in ORDERS:
                raise Refused(f"There is no order {asked.order!r}.")
            self._logger.info("The operator asks for {order}", order=asked.order)
            answer = {"lines": await ORDERS[asked.order](self.factory.running, asked.given)}
        except (ChatError, Refused) as refused:
            answer = {"refused": str(refused)}  # type: ignore[dict-item]
        except (DecodeError, TypeError, ValueError) as problem:
            answer = {"refused": f"That is no order: {problem}."}  # type: ignore[dict-item]
        except Exception:
            self._logger.failure("Could not carry out an order")
            answer = {"refused": "Something went wrong; see the daemon's log."}  # type: ignore[dict-item]
        self.transport.write(encode(answer) + b"\n")
        self.transport.loseConnection()


@define(eq=False, slots=False)
class ControlFactory(Factory):
    """The socket."""

    noisy = False
    protocol = Control  # type: ignore[assignment]  # it knows its factory
    running: Running


def listen(reactor: Any, path: str, running: Running) -> IListeningPort:
    """Open the socket; one that a killed daemon left behind is replaced. Raises CannotListenError.

    Nobody else can open it at any moment: it is made with the mode that it has.
    """
    before = os.umask(0o177)
    try:
        port: IListeningPort = reactor.listenUNIX(
            path, ControlFactory(running), mode=0o600, wantPID=True
        )
    except OSError as problem:
        raise CannotListenError("admin", path, problem) from None
    finally:
        os.umask(before)
    return port
