"""Every mistake that an administrator can make in the policy file, and the sentence that each one gets."""

import pytest

from faults import PolicyInvalid
from policy import parse


def refused(text: str) -> PolicyInvalid:
    with pytest.raises(PolicyInvalid) as caught:
        parse(text, "policy.yaml")
    return caught.value


MISTAKES = [
    pytest.param(
        "recordIncomingPstn: true",
        (
            "1: recordIncomingPstn: is an unknown key; allowed: recordIncomingPSTN, record, "
            "subject, recordingControl, recordingTarget, trunks, conferences, domains, users, announcement, people"
        ),
        id="unknown at the top",
    ),
    pytest.param(
        "trunks:\n  endpoint: [a]",
        "2: trunks.endpoint: is an unknown key; allowed: endpoints, contexts, gateways, profiles",
        id="unknown in trunks",
    ),
    pytest.param(
        "users:\n  bob:\n    recording: {}\n    since: x",
        "4: users.bob.since: is an unknown key; allowed: recording",
        id="unknown in an entry",
    ),
    pytest.param(
        "domains:\n  a.example:\n    recording:\n      type: all",
        "4: domains.'a.example'.recording.type: is an unknown key; allowed: recordingType, recordingProfile, "
        "recordingControl, recordingTarget, announcement",
        id="unknown in a permission",
    ),
    pytest.param(
        "recordIncomingPSTN: 'yes'",
        "1: recordIncomingPSTN: 'yes' is not a value for this key; allowed: true, false",
        id="text for a flag",
    ),
    pytest.param(
        "recordIncomingPSTN: 1",
        "1: recordIncomingPSTN: '1' is not a value for this key; allowed: true, false",
        id="number for a flag",
    ),
    pytest.param(
        "recordIncomingPSTN:",
        "1: recordIncomingPSTN: nothing is not a value for this key; allowed: true, false",
        id="nothing for a flag",
    ),
    pytest.param(
        "record: audios",
        "1: record: 'audios' is not a value for this key; allowed: none, all, video, audio",
        id="wrong default",
    ),
    pytest.param(
        "record: None",
        "1: record: 'None' is not a value for this key; allowed: none, all, video, audio",
        id="default in capitals",
    ),
    pytest.param(
        "record: no",
        "1: record: YAML reads 'no' as false, which is not a value for this key; allowed: none, all, video, audio",
        id="YAML's no",
    ),
    pytest.param(
        "record: on",
        "1: record: YAML reads 'on' as true, which is not a value for this key; allowed: none, all, video, audio",
        id="YAML's on",
    ),
    pytest.param(
        "record: ~", "1: record: '~' is not a value for this key; allowed: none, all, video, audio", id="YAML's null"
    ),
    pytest.param(
        "record: ''",
        "1: record: an empty text is not a value for this key; allowed: none, all, video, audio",
        id="empty text",
    ),
    pytest.param(
        "subject: both",
        "1: subject: 'both' is not a value for this key; allowed: caller, callee, any",
        id="wrong subject",
    ),
    pytest.param(
        "subject: [any]",
        "1: subject: a list is not a value for this key; allowed: caller, callee, any",
        id="list for a word",
    ),
    pytest.param(
        "subject: {any: x}",
        "1: subject: a mapping is not a value for this key; allowed: caller, callee, any",
        id="mapping for a word",
    ),
    pytest.param(
        "users:\n  bob:\n    recording:\n      recordingType: sound",
        "4: users.bob.recording.recordingType: 'sound' is not a value for this key; allowed: all, video, audio, none",
        id="wrong type",
    ),
    pytest.param(
        "users:\n  bob:\n    recording:\n      recordingProfile: off",
        (
            "4: users.bob.recording.recordingProfile: YAML reads 'off' as false, which is not "
            "a value for this key; allowed: always, optional, skip"
        ),
        id="wrong profile",
    ),
    pytest.param(
        "record: " + "x" * 500,
        (
            "1: record: 'xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx...' is not a value for this "
            "key; allowed: none, all, video, audio"
        ),
        id="a very long value",
    ),
    pytest.param("users: [bob]", "1: users: must be a mapping of keys to values", id="section that is no mapping"),
    pytest.param(
        "users:\n  bob: skip", "2: users.bob: must be a mapping of keys to values", id="entry that is no mapping"
    ),
    pytest.param("users:\n  bob:", "2: users.bob: must be a mapping of keys to values", id="entry that is empty"),
    pytest.param(
        "users:\n  bob: {}",
        "2: users.bob: has no permission in it; allowed: recording",
        id="entry without a permission",
    ),
    pytest.param(
        "users:\n  bob: {recording: all}",
        "2: users.bob.recording: must be a mapping of keys to values",
        id="permission that is no mapping",
    ),
    pytest.param(
        "trunks:\n  gateways: carrier",
        "2: trunks.gateways: must be a list of names, in [brackets]",
        id="trunks that are no list",
    ),
    pytest.param(
        "trunks:\n  endpoints:\n    - a\n    - 0200",
        "4: trunks.endpoints[1]: '0200' is not read as a name: put it in quotes",
        id="trunk that is a number",
    ),
    pytest.param(
        "trunks: {contexts: [[a]]}",
        "1: trunks.contexts[0]: a list is not read as a name: put it in quotes",
        id="trunk that is a list",
    ),
    pytest.param(
        "trunks: {contexts: [from trunk]}",
        "1: trunks.contexts[0]: 'from trunk' is not a name: it is empty or has a space or control sign in it",
        id="trunk with a space",
    ),
    pytest.param(
        "trunks: {profiles: [external, external]}",
        "1: trunks.profiles[1]: a duplicate: 'external' is already in this list",
        id="trunk named twice",
    ),
    pytest.param(
        "domains:\n  a.example: {recording: {}}\n  A.Example: {recording: {}}",
        "3: domains.'A.Example': a duplicate: domains are the same in any case, and this one is on line 2",
        id="domain twice in other case",
    ),
    pytest.param(
        "users:\n  bob@a.example: {recording: {}}\n  bob@A.example: {recording: {}}",
        "3: users.'bob@A.example': a duplicate: domains are the same in any case, and this one is on line 2",
        id="user twice in other case of the domain",
    ),
    pytest.param(
        "users:\n  bob: {recording: {}}\n  bob: {recording: {}}",
        "3: users.bob: a duplicate: the key is already on line 2",
        id="user twice",
    ),
    pytest.param(
        "users:\n  200: {recording: {}}",
        "2: users.200: YAML reads this key as a number, not as text: put it in quotes",
        id="user that is a number",
    ),
    pytest.param(
        "users:\n  '@a.example': {recording: {}}",
        "2: users.'@a.example': is not `user@domain` or `user`",
        id="user without a name",
    ),
    pytest.param(
        "users:\n  bob@: {recording: {}}",
        "2: users.'bob@': is not `user@domain` or `user`",
        id="user without the domain",
    ),
    pytest.param(
        "users:\n  bob b: {recording: {}}", "2: users.'bob b': is not `user@domain` or `user`", id="user with a space"
    ),
    pytest.param(
        "users:\n  '': {recording: {}}", "2: users.'': is not `user@domain` or `user`", id="user that is empty"
    ),
    pytest.param(
        "domains:\n  bob@a.example: {recording: {}}",
        "2: domains.'bob@a.example': is not a domain",
        id="domain with a user",
    ),
]


@pytest.mark.parametrize(("text", "message"), MISTAKES)
def test_a_mistake_is_refused_with_file_line_key_and_what_is_allowed(text: str, message: str) -> None:
    assert refused(text).message == f"policy.yaml:{message}"


def test_the_details_of_a_fault_are_those_of_its_first_mistake() -> None:
    assert dict(refused("subject: any\nrecord: x\nextra: 1\n").details) == {
        "file": "policy.yaml",
        "line": 2,
        "key": "record",
        "allowed": "none, all, video, audio",
    }


def test_all_mistakes_are_told_at_once_in_the_order_of_the_file() -> None:
    text = "users:\n  bob: {recording: {recordingType: x}}\nrecord: x\nextra: 1\n"
    assert [line.split(": ")[:2] for line in refused(text).message.splitlines()] == [
        ["policy.yaml:2", "users.bob.recording.recordingType"],
        ["policy.yaml:3", "record"],
        ["policy.yaml:4", "extra"],
    ]
