"""The first call of a FreeSWITCH's life, whose events come half a second late unless somebody sees to it."""

from pathlib import Path

import pytest

from tests.freeswitch import FreeSwitchServer
from tests.phone import Phones
from tests.phonograph import Phonograph
from tests.recorded import ALICE, BOB, best_of_three, converse, said, whole

pytestmark = pytest.mark.freeswitch


async def test_it_is_recorded_from_its_first_words_on(tmp_path: Path) -> None:
    async def whole_from_the_answer(tried: int) -> None:
        folder = tmp_path / str(tried)
        with FreeSwitchServer(folder / "switch") as server:
            async with Phonograph(server, folder, policy="record: audio\n") as service, Phones(server) as phones:
                alice, bob = await phones.user("alice", ALICE), await phones.user("bob", BOB)
                talk = await converse(service, alice, bob, "102")
                assert whole(said(talk.caller, ALICE), talk.tracks()[0])

    await best_of_three(whole_from_the_answer)
