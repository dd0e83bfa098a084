"""A way to a server on which things go wrong: answers that never come, slow lines, lines that break.

    with Troubled(server.port) as way:
        way.hangs = True
        ...  # who speaks to way.endpoint gets no answer any more
"""

from __future__ import annotations

import socket
import socketserver
import threading
import time
from types import TracebackType
from typing import Self

__all__ = ["Troubled"]

_BLOCK = 16_384


class Troubled:
    """A TCP port on loopback that passes on to another one.

    Attributes:
        hangs: requests are passed on, answers are not.
        rate: bytes a second that are taken; None: as many as come.
        cut_after: after so many bytes of one connection it is cut; None: never.
        answer: what is answered instead of asking the server.
        connections: how many there were.
    """

    def __init__(self, port: int) -> None:
        self.hangs = False
        self.rate: float | None = None
        self.cut_after: int | None = None
        self.answer: bytes | None = None
        self.connections = 0
        self._over = threading.Event()
        way = self

        class Handler(socketserver.BaseRequestHandler):
            def handle(self) -> None:
                way._pass_on(self.request, port)

        self._server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)

    @property
    def endpoint(self) -> str:
        """Its URL."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def _pass_on(self, asker: socket.socket, port: int) -> None:
        self.connections += 1
        if self.answer is not None:
            asker.recv(_BLOCK)
            asker.sendall(self.answer)
            return
        with socket.create_connection(("127.0.0.1", port)) as server:
            answers = threading.Thread(target=self._answers, args=(server, asker), daemon=True)
            answers.start()
            self._requests(asker, server)
            for end in (server, asker):
                _shut(end)
            answers.join()

    def _requests(self, asker: socket.socket, server: socket.socket) -> None:
        passed = 0
        while block := _received(asker):
            passed += len(block)
            if self.cut_after is not None and passed > self.cut_after:
                return
            if self.rate is not None and self._over.wait(len(block) / self.rate):
                return
            if not _sent(server, block):
                return

    def _answers(self, server: socket.socket, asker: socket.socket) -> None:
        while block := _received(server):
            if self.hangs:
                self._over.wait()
                return
            if self.rate is not None:
                time.sleep(len(block) / self.rate)  # a thread of a slow line has nothing to await
            if not _sent(asker, block):
                return


def _received(end: socket.socket) -> bytes:
    try:
        return end.recv(_BLOCK)
    except OSError:
        return b""


def _sent(end: socket.socket, block: bytes) -> bool:
    try:
        end.sendall(block)
    except OSError:
        return False
    return True


def _shut(end: socket.socket) -> None:
    try:
        end.shutdown(socket.SHUT_RDWR)
    except OSError:
        return  # the other side was faster
