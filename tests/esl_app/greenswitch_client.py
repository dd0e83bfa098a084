"""A client of the event socket that is not ours, in a process of its own: gevent patches nothing of the tests'.

``python -m tests.esl_app.greenswitch_client PORT PASSWORD COUNT SUBSCRIPTION`` subscribes, waits for that many events,
asks two questions, and prints what it got as JSON.
"""

from __future__ import annotations

import json
import sys
from typing import Any

import gevent
from greenswitch import InboundESL

SECONDS = 40


def main() -> int:
    """Talk to the server.

    Returns:
        The exit status: 0 when all came in time.
    """
    port, password, count, subscription = int(sys.argv[1]), sys.argv[2], int(sys.argv[3]), sys.argv[4]
    events: list[dict[str, str]] = []
    complete = gevent.event.Event()

    def happened(event: Any) -> None:
        events.append(event.headers)
        if len(events) == count:
            complete.set()

    client = InboundESL(host="127.0.0.1", port=port, password=password)
    client.connect()
    client.register_handle("*", happened)
    with gevent.Timeout(SECONDS):
        subscribed = client.send(subscription).data
        complete.wait()
        status = client.send("api status").data
        job = client.send("bgapi version").headers["Job-UUID"]
        client.send("exit")
    json.dump({"subscribed": subscribed, "events": events, "status": status, "job": job}, sys.stdout)
    return 0


if __name__ == "__main__":
    sys.exit(main())
