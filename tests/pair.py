"""Two phones without a switch: each is the other's."""

import asyncio
import socket
from collections.abc import AsyncIterator

import pytest_asyncio

from tests.phone import Phone
from tests.rtp import Ticker
from tests.sounds import noise
from tests.useragent import Address

__all__ = ["HERE", "THERE", "pair"]

HERE, THERE = noise(11, seconds=5), noise(12, seconds=5)


def free_addresses() -> tuple[Address, Address]:
    with (
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as two,
    ):
        one.bind(("127.0.0.1", 0))
        two.bind(("127.0.0.1", 0))
        return one.getsockname(), two.getsockname()


@pytest_asyncio.fixture
async def pair() -> AsyncIterator[tuple[Phone, Phone]]:
    """Two phones, each the other's server."""
    here, there = free_addresses()
    ticker = Ticker(asyncio.get_running_loop())
    one, two = Phone("here", there, ticker, HERE), Phone("there", here, ticker, THERE)
    await one.agent.open(*here)
    await two.agent.open(*there)
    yield one, two
    await one.close()
    await two.close()
