"""Dialplan of a test's own, and that of the pages."""

import re
from collections.abc import Callable

from tests.asterisk import PROJECT, AsteriskServer

Dialplan = Callable[[str], None]
"""Adds lines to the context of the users' calls, until the test is over."""


def page(name: str) -> str:
    """The dialplan examples of a page."""
    text = (PROJECT / "docs" / name).read_text()
    return "\n".join(re.findall(r"^```dialplan\n(.*?)^```$", text, re.MULTILINE | re.DOTALL))


def add(server: AsteriskServer, lines: str) -> None:
    """Adds lines to the context of the users' calls; calls that are up go on."""
    file = server.folder / "conf" / "extensions.conf"
    file.write_text(f"{file.read_text()}\n[from-users](+)\n{lines}\n")
    server.cli("dialplan reload")
