"""The policy file: its documented names and defaults, and a clear word for every mistake."""

import re
import string
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from faults import PolicyInvalid
from policy import (
    ConferenceNames,
    Permission,
    Policy,
    RecordingProfile,
    RecordingType,
    Subject,
    SystemDefault,
    TrunkNames,
    parse,
)

DOCUMENTED = """\
recordIncomingPSTN: true
record: none
subject: caller
trunks: {endpoints: [trunk-a], contexts: [from-trunk], gateways: [], profiles: []}
domains:
  sales.example: {recording: {recordingType: audio, recordingProfile: always}}
users:
  alice@sales.example: {recording: {recordingType: all, recordingProfile: always}}
  bob: {recording: {recordingProfile: skip}}
"""


def test_the_documented_file_is_read() -> None:
    assert parse(DOCUMENTED, "policy.yaml") == Policy(
        record_incoming_pstn=True,
        record=SystemDefault.NONE,
        subject=Subject.CALLER,
        trunks=TrunkNames(frozenset({"trunk-a"}), frozenset({"from-trunk"})),
        domains={"sales.example": Permission(RecordingType.AUDIO, RecordingProfile.ALWAYS)},
        users={
            "alice@sales.example": Permission(RecordingType.ALL, RecordingProfile.ALWAYS),
            "bob": Permission(RecordingType.ALL, RecordingProfile.SKIP),
        },
    )


def test_the_file_on_the_administrators_page_is_read() -> None:
    page = Path(__file__).parents[2] / "docs" / "policy.md"
    (text,) = re.findall(r"```yaml\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL)
    policy = parse(text, "policy.yaml")
    assert set(policy.users) == {"alice@sales.example", "bob", "200"}


def test_conferences_are_listed_by_name_and_by_profile_and_without_the_key_there_is_no_list() -> None:
    listed = parse("conferences: {names: [board, '8001'], profiles: [recorded]}\n", "policy.yaml").conferences
    assert listed == ConferenceNames(frozenset({"board", "8001"}), frozenset({"recorded"}))
    assert parse("conferences: {}\n", "policy.yaml").conferences == ConferenceNames()
    assert parse("conferences:\n", "policy.yaml").conferences is None


@pytest.mark.parametrize("text", ["", "trunks:\ndomains:\nusers:\n", "trunks: {endpoints: }\nusers: {}\n"])
def test_missing_keys_and_empty_sections_have_their_documented_defaults(text: str) -> None:
    policy = parse(text, "policy.yaml")
    assert (policy.record_incoming_pstn, policy.record, policy.subject) == (False, "none", "caller")
    assert (policy.trunks, policy.domains, policy.users) == (TrunkNames(), {}, {})


def test_a_permission_without_keys_records_all_always() -> None:
    (permission,) = parse("users: {alice: {recording: {}}}", "policy.yaml").users.values()
    assert permission.as_dict() == {"recordingType": "all", "recordingProfile": "always"}


def test_the_last_at_sign_of_a_user_key_parts_user_and_domain() -> None:
    policy = parse("users: {a@B@C.example: {recording: {}}}", "policy.yaml")
    assert list(policy.users) == ["a@B@c.example"]


def test_the_domain_of_a_key_is_kept_in_lower_case_and_the_user_as_written() -> None:
    text = "domains: {Sales.EXAMPLE: {recording: {}}}\nusers: {Alice@Sales.EXAMPLE: {recording: {}}}"
    policy = parse(text, "policy.yaml")
    assert (list(policy.domains), list(policy.users)) == (["sales.example"], ["Alice@sales.example"])


def test_users_that_differ_in_case_are_two_users() -> None:
    assert len(parse("users: {bob: {recording: {}}, Bob: {recording: {}}}", "policy.yaml").users) == 2


signs = st.sampled_from(":-[]{}\n \t'\"#&*!%,?|>~") | st.characters()
keys = ["recordIncomingPSTN", "record", "subject", "trunks", "domains", "users", "recording", "recordingType"]
others = ["endpoints", "bob", "a.example", "none", "true", "all", "no", "1"]
marks = [": ", ":\n  ", "\n", "{", "}", "[", "]", ", "]


@given(st.text(signs) | st.lists(st.sampled_from(keys + others + marks), max_size=20).map("".join))
def test_any_text_is_a_policy_or_refused_with_a_line(text: str) -> None:
    refused: PolicyInvalid | None = None
    try:
        parse(text, "policy.yaml")
    except PolicyInvalid as fault:
        refused = fault
    if refused is not None:
        assert isinstance(refused.details["line"], int)
        assert refused.message.startswith(f"policy.yaml:{refused.details['line']}: ")
        assert refused.message.encode()


labels = st.text(string.ascii_lowercase + string.digits + "-.é", min_size=1, max_size=8)
people = st.text(string.ascii_letters + string.digits + "+._-\"'\\é:#", min_size=1, max_size=8)
user_keys = st.one_of(people, st.builds("{}@{}".format, people, labels))
permissions = st.builds(Permission, st.sampled_from(RecordingType), st.sampled_from(RecordingProfile))
names = st.frozensets(people, max_size=3)
policies = st.builds(
    Policy,
    record_incoming_pstn=st.booleans(),
    record=st.sampled_from(SystemDefault),
    subject=st.sampled_from(Subject),
    trunks=st.builds(TrunkNames, names, names, names, names),
    domains=st.dictionaries(labels, permissions, max_size=3),
    users=st.dictionaries(user_keys, permissions, max_size=4),
)


def text_of(policy: Policy, spell: Callable[[str], str]) -> str:
    """A policy as a file; every name goes through `spell`."""

    def entries(of: str) -> list[str]:
        held = policy.domains if of == "domains" else policy.users
        return [f"{of}:"] + [
            f"  {spell(key)}:\n    recording:\n      recordingType: {permission.recording_type}\n"
            f"      recordingProfile: {permission.recording_profile}"
            for key, permission in held.items()
        ]

    trunks = policy.trunks
    lists = {
        "endpoints": trunks.endpoints,
        "contexts": trunks.contexts,
        "gateways": trunks.gateways,
        "profiles": trunks.profiles,
    }
    lines = [
        f"recordIncomingPSTN: {str(policy.record_incoming_pstn).lower()}",
        f"record: {policy.record}",
        f"subject: {policy.subject}",
        "trunks:",
        *(f"  {kind}: [{', '.join(map(spell, held))}]" for kind, held in lists.items()),
        *entries("users"),
        *entries("domains"),
    ]
    return "\n".join(lines)


@given(policies)
def test_a_policy_that_was_written_is_read_back(policy: Policy) -> None:
    def in_single_quotes(name: str) -> str:
        return "'" + name.replace("'", "''") + "'"

    assert parse(text_of(policy, in_single_quotes), "policy.yaml") == policy
