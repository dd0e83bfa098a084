"""What ``phonograph check`` says of a FreeSWITCH, each line for one reason."""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator
from pathlib import Path

import pytest_asyncio

from service.findings import Finding, Verdict
from service.freeswitch_check import examine
from service.switch_settings import FreeSwitchSettings
from tests.esl_app.replay_server import PASSWORD, ReplayServer
from tests.esl_app.test_outbound import Switch, listening
from tests.servers import free_port


@pytest_asyncio.fixture
async def server() -> AsyncIterator[ReplayServer]:
    def sees(line: str) -> str:
        return "true" if Path(line.partition(" ")[2]).exists() else "false"

    async with ReplayServer({"module_exists": "true", "file_exists": sees}) as listening:
        yield listening


async def look(server: ReplayServer, spool: Path, *, servers: bool = False, **more: str) -> list[Finding]:
    settings = FreeSwitchSettings.model_validate({"kind": "freeswitch", "host": "127.0.0.1", "port": server.port,
                                                  "password": PASSWORD, "spool": spool, **more})
    return [finding async for finding in examine("main", settings, servers=servers)]


def verdicts(findings: list[Finding]) -> dict[str, Verdict]:
    return {finding.subject.removeprefix("main: "): finding.verdict for finding in findings}


def left_in(folder: Path) -> list[str]:
    return [file.name for file in folder.iterdir()]


async def test_a_switch_on_which_all_is_well_and_nothing_is_left_in_its_spool(server: ReplayServer,
                                                                              tmp_path: Path) -> None:
    findings = await look(server, tmp_path)
    assert verdicts(findings) == {"event socket": Verdict.OK, "modules": Verdict.OK, "spool": Verdict.OK}
    assert findings[0].said == "FreeSWITCH Version 1.11.2-release  64bit"
    assert left_in(tmp_path) == []
    await server.until(lambda: not server.clients)


async def test_where_recording_servers_are_configured_a_profile_that_runs_is_looked_for(server: ReplayServer,
                                                                                       tmp_path: Path) -> None:
    server.answers["sofia status"] = "   users\tprofile\t sip:mod_sofia@127.0.0.1:5060\tRUNNING (0)\n"
    server.answers["status"] = ("0 session(s) per Sec out of max 30, peak 0, last 5min 0 \n"
                                "1000 session(s) max                                       \n")
    finding = (await look(server, tmp_path, servers=True))[-1]
    assert (finding.subject, finding.verdict) == ("main: recording servers", Verdict.OK)
    assert finding.said == ("audio can be sent by the profile users; "
                            "each call takes two sessions more, of 1000, and of 30 a second")
    server.answers["sofia status"] = "-ERR sofia Command not found!\n"
    finding = (await look(server, tmp_path, servers=True))[-1]
    assert (finding.subject, finding.verdict) == ("main: recording servers", Verdict.FAIL)
    assert "mod_sofia" in finding.remedy


async def test_nobody_listens(tmp_path: Path) -> None:
    async with ReplayServer() as gone:
        pass
    assert verdicts(await look(gone, tmp_path)) == {"event socket": Verdict.FAIL}


async def test_a_wrong_password(server: ReplayServer, tmp_path: Path) -> None:
    (finding,) = await look(server, tmp_path, password="wrong")
    assert (finding.subject, finding.verdict) == ("main: password", Verdict.FAIL)
    assert "wrong" not in finding.said
    assert finding.remedy


async def test_an_access_list_that_does_not_know_us(server: ReplayServer, tmp_path: Path) -> None:
    server.rude = True
    (finding,) = await look(server, tmp_path)
    assert "access list" in finding.said


async def test_an_old_switch(server: ReplayServer, tmp_path: Path) -> None:
    server.answers["version"] = "FreeSWITCH Version 1.8.7 (64bit)\n"
    (finding,) = await look(server, tmp_path)
    assert (finding.subject, finding.verdict) == ("main: event socket", Verdict.FAIL)
    assert "1.8" in finding.said


async def test_a_missing_module_is_named_and_the_rest_is_looked_at(server: ReplayServer, tmp_path: Path) -> None:
    server.answers["module_exists mod_sndfile"] = "false"
    findings = await look(server, tmp_path)
    assert verdicts(findings) == {"event socket": Verdict.OK, "modules": Verdict.FAIL, "spool": Verdict.OK}
    assert "mod_sndfile" in findings[1].said
    assert "mod_commands" not in findings[1].said


async def test_a_folder_that_the_switch_sees_as_another_one(server: ReplayServer, tmp_path: Path) -> None:
    findings = await look(server, tmp_path, spool_there="/somewhere/else")
    assert verdicts(findings)["spool"] is Verdict.FAIL
    assert any(line.startswith("api file_exists /somewhere/else/.phonograph-check-") for line in server.lines)
    assert left_in(tmp_path) == []


async def test_a_folder_that_is_not_there(server: ReplayServer, tmp_path: Path) -> None:
    assert verdicts(await look(server, tmp_path / "missing"))["spool"] is Verdict.FAIL


async def test_a_folder_under_another_name_over_there(server: ReplayServer, tmp_path: Path) -> None:
    (tmp_path / "here").mkdir()
    (tmp_path / "there").symlink_to(tmp_path / "here")
    findings = await look(server, tmp_path / "here", spool_there=str(tmp_path / "there"))
    assert verdicts(findings)["spool"] is Verdict.OK


async def test_an_address_to_listen_at_that_is_free(server: ReplayServer, tmp_path: Path) -> None:
    listen = f"127.0.0.1:{free_port(socket.SOCK_STREAM)}"
    finding = (await look(server, tmp_path, listen=listen))[0]
    assert (finding.subject, finding.verdict, finding.said) == ("main: listen", Verdict.OK, f"{listen} is free")
    assert verdicts(await look(server, tmp_path, listen=listen))["listen"] is Verdict.OK


async def test_an_address_where_phonograph_listens(server: ReplayServer, tmp_path: Path) -> None:
    async with listening(Switch()) as outbound:
        finding = (await look(server, tmp_path, listen=f"127.0.0.1:{outbound.port}"))[0]
    assert (finding.verdict, "Phonograph listens on" in finding.said) == (Verdict.OK, True)


async def test_an_address_where_somebody_else_listens(server: ReplayServer, tmp_path: Path) -> None:
    async with ReplayServer() as other:
        finding = (await look(server, tmp_path, listen=f"127.0.0.1:{other.port}"))[0]
    assert (finding.verdict, "does not greet" in finding.said) == (Verdict.NOTE, True)
    assert finding.remedy


async def test_an_address_that_this_machine_does_not_have(server: ReplayServer, tmp_path: Path) -> None:
    finding = (await look(server, tmp_path, listen="192.0.2.1:8084", listen_clients="192.0.2.0/28"))[0]
    assert (finding.subject, finding.verdict) == ("main: listen", Verdict.FAIL)
    assert "Nothing can listen on 192.0.2.1:8084" in finding.said
