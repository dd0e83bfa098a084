"""The keys that the tests of encryption share: making one takes a while."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests import keys
from tests.keys import Listener


@pytest.fixture(scope="package")
def listener() -> Iterator[Listener]:
    """Who has the private key of listener@voice.example."""
    with keys.listener() as found:
        found.make("listener@voice.example")
        yield found
