"""Who may control a recording by phone."""

import pytest

from policy import Identity, may_control, parse

POLICY = parse("""
recordingControl: deny
domains:
  sales.example: {recording: {recordingType: audio}}
  support.example: {recording: {recordingControl: deny}}
users:
  carol@support.example: {recording: {recordingControl: allow}}
  bob@sales.example: {recording: {recordingProfile: skip, recordingControl: deny}}
""", "policy.yaml")


@pytest.mark.parametrize(("user", "domain", "may"), [
    ("alice", "sales.example", True),
    ("bob", "sales.example", False),
    ("carol", "support.example", True),
    ("dave", "support.example", False),
    ("erin", "office.example", False),
    ("frank", None, False),
    (None, "sales.example", False),
])
def test_user_before_domain_before_system(user: str | None, domain: str | None, may: bool) -> None:
    assert may_control(Identity(user=user, domain=domain), POLICY) is may


def test_without_a_word_users_may_and_nameless_parties_may_not() -> None:
    empty = parse("", "policy.yaml")
    assert may_control(Identity(user="alice"), empty)
    assert not may_control(Identity(), empty)
