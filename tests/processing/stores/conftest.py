from __future__ import annotations

import pytest

from tests.seaweed import SeaweedServer


@pytest.fixture
def bucket(seaweed: SeaweedServer) -> str:
    """A bucket of the test's own."""
    return seaweed.bucket()
