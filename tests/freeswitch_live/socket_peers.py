"""Whoever may sit at the other end of FreeSWITCH's application ``socket``, as a process of its own.

    python socket_peers.py PORT closes|silent|connects|kill|stop|connect-kill|connect-stop

``kill`` and ``stop`` send themselves SIGKILL or SIGSTOP when a call has come in; ``connect-..`` once it was answered.
"""

import os
import signal
import socket
import sys
from pathlib import Path

PEERS = ("closes", "silent", "connects", "kill", "stop", "connect-kill", "connect-stop")
STALLS = ("silent", "connects", "stop", "connect-stop")
"""Of these nothing comes, and the connection stays."""
PROGRAM = Path(__file__)


def _main(port: int, peer: str) -> None:
    door = socket.create_server(("127.0.0.1", port), backlog=64)
    print("listens", flush=True)  # noqa: T201
    calls = []
    while True:
        call, _ = door.accept()
        calls.append(call)
        print("called", flush=True)  # noqa: T201
        if peer.startswith("connect"):
            call.sendall(b"connect\n\n")
            answer = b""
            while b"\n\n" not in answer:
                answer += call.recv(1 << 16)
        if peer == "closes":
            call.close()
        elif peer.endswith("kill"):
            os.kill(os.getpid(), signal.SIGKILL)
        elif peer.endswith("stop"):
            os.kill(os.getpid(), signal.SIGSTOP)


if __name__ == "__main__":
    _main(int(sys.argv[1]), sys.argv[2])
