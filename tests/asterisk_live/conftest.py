"""Fixtures of the tests on the real Asterisk."""

from collections.abc import Iterator
from functools import partial

import pytest

from tests.asterisk import AsteriskServer
from tests.asterisk_live.dialplans import Dialplan, add


@pytest.fixture
def dialplan(asterisk: AsteriskServer) -> Iterator[Dialplan]:
    """Adds lines to the context of the users' calls."""
    file = asterisk.folder / "conf" / "extensions.conf"
    before = file.read_text()
    yield partial(add, asterisk)
    file.write_text(before)
    asterisk.cli("dialplan reload")
