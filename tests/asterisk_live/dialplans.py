"""Dialplan of a test's own, and that of the pages; what a telephone gets to know of a decision."""

import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

import pytest

from tests.asterisk import AsteriskServer
from tests.phone import CallFailed, Phone
from tests.servers import PROJECT

Dialplan = Callable[[str], None]
"""Adds lines to the context of the users' calls, until the test is over."""

ANSWERS = {"record": 486, "skip": 480, "unknown": 403}
"""What a caller gets whose dialplan was told so: Hangup(17), Hangup(19), Hangup(21)."""


def page(name: str) -> str:
    """The dialplan examples of a page."""
    text = (PROJECT / "docs" / name).read_text()
    return "\n".join(re.findall(r"^```dialplan\n(.*?)^```$", text, re.MULTILINE | re.DOTALL))


def add(server: AsteriskServer, lines: str) -> None:
    """Adds lines to the context of the users' calls; calls that are up go on."""
    file = server.folder / "conf" / "extensions.conf"
    file.write_text(f"{file.read_text()}\n[from-users](+)\n{lines}\n")
    server.cli("dialplan reload")


@contextmanager
def added(server: AsteriskServer, lines: str = "") -> Iterator[None]:
    """The lines are there inside; afterwards the users' context is as it was, whoever has changed it."""
    file = server.folder / "conf" / "extensions.conf"
    before = file.read_text()
    add(server, lines)
    try:
        yield
    finally:
        file.write_text(before)
        server.cli("dialplan reload")


def add_extension(server: AsteriskServer, number: str, steps: Iterable[str]) -> None:
    """Adds an extension of the given steps to what users may dial."""
    for priority, step in enumerate(steps, start=1):
        server.cli(f"dialplan add extension {number},{priority},{step} into users")


def tells(step: str, number: str = "300") -> str:
    """An extension that does one step and refuses the call by what it was told."""
    return (f"exten => {number},1,{step}\n same => n,Gosub(tells,1)\n same => n,Hangup(34)\n"
            "exten => tells,1,ExecIf($[\"${RECORDER_DECISION}\" = \"record\"]?Hangup(17))\n"
            " same => n,ExecIf($[\"${RECORDER_DECISION}\" = \"skip\"]?Hangup(19))\n"
            " same => n,ExecIf($[\"${RECORDER_DECISION}\" = \"unknown\"]?Hangup(21))\n same => n,Return()")


async def told(phone: Phone, number: str = "300", **headers: str) -> int:
    """The status with which a call is refused."""
    with pytest.raises(CallFailed) as refused:
        await phone.call(number, headers={name.replace("_", "-"): value for name, value in headers.items()}).answered
    return refused.value.status
