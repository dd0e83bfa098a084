"""``phonograph notices`` against a real service: the list, the failed list, one notice, telling again."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from faults import ReceiverUnreachable
from ledger import Ledger, changes, deliveries, recordings
from recorder.states import RecordingInput, RecordingState
from tests.console.running import ALICE, EVE, FINISHED, WHEN, Running, cli, fill

FAULT = ReceiverUnreachable("crm.example\x1b[31m cannot be reached.")


@pytest.fixture
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A ledger with a notice that was told, and one that was given up."""
    folder = tmp_path_factory.mktemp("s")
    fill(folder)
    ledger = Ledger.open(folder / "ledger.sqlite")
    with ledger.transaction() as connection:
        changes.begin(connection, "webhook:crm")
        recordings.move(connection, FINISHED, RecordingInput.AGAIN, WHEN + 20)
        recordings.move(connection, FINISHED, RecordingInput.SHORT, WHEN + 21)
        found = changes.untold(connection, "webhook:crm", frozenset(RecordingState), WHEN + 21)
        changes.tell(connection, "webhook:crm", found, WHEN + 21)
        told, failed = deliveries.claim(connection, "webhook:crm", "s", WHEN + 21, 30, most=2)
        deliveries.done(connection, told, "answered 204")
        deliveries.give_up(connection, failed, FAULT)
    ledger.close()
    running = Running(folder)
    yield running
    running.stop()


def _listed(service: Running, *words: str) -> list[tuple[str, str]]:
    told = json.loads(cli(service.file, "--json", "notices", "list", *words).stdout)["notices"]
    return [(one["state"], one["status"]) for one in told]


def test_notices_are_listed_newest_first_and_can_be_narrowed(service: Running) -> None:
    assert _listed(service) == [("incomplete", "failed"), ("processing", "done")]
    assert _listed(service, "--failed") == _listed(service, "--status", "failed") == [("incomplete", "failed")]
    assert _listed(service, "--channel", "mail") == _listed(service, "--recording", EVE.recordings[0].id) == []
    assert len(_listed(service, "--recording", ALICE.recordings[0].id, "--channel", "webhook:crm")) == 2


def test_a_notice_says_why_and_what_to_do_and_is_told_again(service: Running) -> None:
    said = cli(service.file, "notices", "show", "2").stdout
    assert r"crm.example\x1b[31m cannot be reached." in said
    assert "phonograph notices retry NOTICE" in said
    assert cli(service.file, "notices", "retry", "2").stdout == "It waits for its turn again.\n"
    assert _listed(service, "--status", "waiting") == [("incomplete", "waiting")]
    assert cli(service.file, "notices", "retry", "2").exit_code == 1


@pytest.mark.parametrize("words", [("show", "99"), ("retry", "1"), ("show", "x/../../calls")])
def test_what_is_not_there_is_said(service: Running, words: tuple[str, str]) -> None:
    answer = cli(service.file, "notices", *words)
    assert answer.exit_code == 1
    assert answer.stdout == ""
