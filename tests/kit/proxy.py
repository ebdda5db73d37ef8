"""A wire between a program and a server that a test can cut: nothing goes through, nothing ends."""

from __future__ import annotations

import selectors
import socket
import threading
from contextlib import suppress
from typing import Self

from tests.kit.daemon import free_port


class Wire:
    """Carries every connection to ``port`` of the server at ``target``, unless it is ``cut``."""

    def __init__(self, target: int) -> None:
        self.target = target
        self.port = free_port()
        self._uncut = threading.Event()
        self._uncut.set()
        self._closed = False
        self._sockets: list[socket.socket] = []
        self._listener = socket.create_server(("127.0.0.1", self.port))
        threading.Thread(target=self._accept, daemon=True).start()

    def cut(self) -> None:
        """Let nothing through from now on."""
        self._uncut.clear()

    def mend(self) -> None:
        """Let what waits go on."""
        self._uncut.set()

    def _accept(self) -> None:
        while not self._closed:
            with suppress(OSError):
                near, _ = self._listener.accept()
                threading.Thread(target=self._carry, args=(near,), daemon=True).start()

    def _carry(self, near: socket.socket) -> None:
        self._uncut.wait()
        try:
            far = socket.create_connection(("127.0.0.1", self.target), 5)
        except OSError:
            near.close()
            return
        self._sockets += [near, far]
        with selectors.DefaultSelector() as selector, suppress(OSError):
            selector.register(near, selectors.EVENT_READ, far)
            selector.register(far, selectors.EVENT_READ, near)
            while not self._closed:
                for key, _ in selector.select(1.0):
                    data = key.fileobj.recv(65_536)  # type: ignore[union-attr]
                    self._uncut.wait()
                    if not data:
                        raise OSError
                    key.data.sendall(data)
        near.close()
        far.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._closed = True
        self._uncut.set()
        self._listener.close()
        for one in self._sockets:
            one.close()
