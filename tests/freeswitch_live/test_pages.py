"""What docs/freeswitch.md tells an administrator to merge and to type is merged and typed, into a real FreeSWITCH."""

import asyncio
import re
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

import pytest

from tests.freeswitch import FreeSwitchServer
from tests.freeswitch_live.channels import legs, until, variable
from tests.freeswitch_live.test_dialplan import fs_cli
from tests.phone import Phones
from tests.phonograph import Phonograph
from tests.servers import PROJECT
from tests.who_hears import SOUNDS, connected

pytestmark = pytest.mark.freeswitch

PAGE = (PROJECT / "docs" / "freeswitch.md").read_text()
SNIPPETS = re.findall(r"^```xml\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
ACTIONS = [snippet for snippet in SNIPPETS if "<action " in snippet]
_EVENT_SOCKET, _PROFILE = (snippet for snippet in SNIPPETS if "<param " in snippet)
_LIBERAL = '<param name="liberal-dtmf" value="true"/>'
TYPED = list(dict.fromkeys(re.findall(r'fs_cli -x "([^"\n]+)"', PAGE)))

NUMBER = "350"
_AROUND = f"""<include>
  <extension name="typed"><condition field="destination_number" expression="^{NUMBER}$">
    {{actions}}
    <action application="execute_extension" data="reached"/>
  </condition></extension>
  <extension name="theirs"><condition field="destination_number" expression="^(card|welcome)-[a-z]+$">
    <action application="set" data="went=$0"/>
  </condition></extension>
  <extension name="reached"><condition field="destination_number" expression="^reached$">
    <action application="set" data="arrived=yes"/>
    <action application="answer"/>
    <action application="sleep" data="5000"/>
  </condition></extension>
</include>
"""
_DEFAULT = """<include><context name="default">
  <extension name="welcome"><condition field="destination_number" expression="^welcome$">
    <action application="set" data="went=welcome"/>
    <action application="set" data="arrived=yes"/>
    <action application="answer"/>
    <action application="sleep" data="5000"/>
  </condition></extension>
</context></include>
"""


def test_the_page_has_the_snippets_that_are_looked_at_here() -> None:
    assert len(SNIPPETS) == len(ACTIONS) + 2
    assert "listen-port" in _EVENT_SOCKET
    assert all(ElementTree.fromstring(f"<x>{snippet}</x>") is not None for snippet in SNIPPETS)


@pytest.fixture
def typed(freeswitch: FreeSwitchServer, request: pytest.FixtureRequest) -> Iterator[str]:
    """A snippet of the dialplan stands at `NUMBER`, with what it speaks of around it."""
    snippet: str = request.param
    shared = freeswitch.conf / "dialplan" / "shared" / "9-typed.xml"
    default = freeswitch.conf / "dialplan" / "9-default.xml"
    shared.write_text(_AROUND.format(actions=snippet))
    default.write_text(_DEFAULT.replace("><", ">\n<"))
    assert "+OK" in freeswitch.cli("reloadxml")
    yield snippet
    shared.unlink()
    default.unlink()
    freeswitch.cli("reloadxml")


@pytest.mark.parametrize("typed", ACTIONS, indirect=True, ids=range(len(ACTIONS)))
async def test_each_snippet_of_the_dialplan_lets_the_call_go_on_without_phonograph(
        freeswitch: FreeSwitchServer, phones: Phones, typed: str) -> None:
    before = len(freeswitch.log.read_text())
    await (await phones.user("alice")).call(NUMBER).answered
    (leg,) = await legs(freeswitch, 1)
    await until(lambda: variable(freeswitch, leg, "arrived") == "yes")
    went = {"card-${recorder_paused}": "card-ended", "welcome-${recorder_decision}": "welcome-unknown",
            "recorder_next=welcome": "welcome"}
    wanted = next((place for sign, place in went.items() if sign in typed), "")
    assert variable(freeswitch, leg, "went") == wanted
    logged = freeswitch.log.read_text()[before:]
    assert not re.search(r"\[(ERR|CRIT)\]", logged), logged


class Merged(FreeSwitchServer):
    """A FreeSWITCH into whose configuration the page's parameters were put."""

    def _prepare(self) -> None:
        super()._prepare()
        text = _EVENT_SOCKET.replace("8021", str(self.esl_port))
        (self.conf / "autoload_configs" / "event_socket.conf.xml").write_text(
            f'<configuration name="event_socket.conf">\n<settings>\n{text}</settings>\n</configuration>\n')
        for file in (self.conf / "sip_profiles").glob("*.xml"):
            text = file.read_text()
            assert _LIBERAL in text
            file.write_text(text.replace(_LIBERAL, _PROFILE))


async def test_a_freeswitch_with_the_pages_parameters_lets_phonograph_in(tmp_path: Path) -> None:
    server = Merged(tmp_path / "switch")
    server.esl_password = re.findall(r'name="password" value="([^"]+)"', _EVENT_SOCKET)[0]
    await asyncio.to_thread(server.start)
    try:
        async with Phonograph(server, tmp_path, policy="record: audio\n") as service:
            status, told = await service.cli("check")
            assert status == 0, told
    finally:
        await asyncio.to_thread(server.stop)


async def test_what_the_page_types_on_the_console_is_understood(
        freeswitch: FreeSwitchServer, phones: Phones, tmp_path: Path) -> None:
    assert TYPED[0] == "global_getvar recordings_dir"
    assert await fs_cli(freeswitch, TYPED[0]) == str(freeswitch.recordings)
    async with Phonograph(freeswitch, tmp_path, policy="record: audio\n") as service:
        alice, bob = await phones.user("alice", SOUNDS["alice"]), await phones.user("bob", SOUNDS["bob"])
        call = alice.call("102")
        await connected(call, await bob.next_call())

        async def recorded() -> bool:
            return any(segment["state"] == "up" for row in await service.calls() for recording in row["recordings"]
                       for segment in recording["segments"])

        await service.until(recorded, "records nothing")
        leg, _ = await legs(freeswitch, 2)
        shows = {"show channels": leg, "recorder status": "Phonograph on main"}
        for command in TYPED:
            told = await fs_cli(freeswitch, command.replace("UUID", leg))
            while command == "recorder status" and not told:  # the first table comes a moment after the start
                told = await fs_cli(freeswitch, command)
            assert not told.startswith(("-ERR", "-USAGE")), (command, told)
            assert shows.get(command, "") in told, (command, told)
            assert told.startswith("+OK") or not command.startswith(("recorder p", "recorder re")), (command, told)
