"""Which leg is a trunk, and which way a call goes."""

import pytest

from policy import Direction, TrunkNames, direction_of, is_trunk

TRUNKS = TrunkNames(
    endpoints=frozenset({"trunk-a"}),
    contexts=frozenset({"from-trunk"}),
    gateways=frozenset({"carrier"}),
    profiles=frozenset({"external"}),
)


def test_any_listed_name_makes_a_leg_a_trunk() -> None:
    assert is_trunk(TRUNKS, endpoint="trunk-a", context="default")
    assert is_trunk(TRUNKS, endpoint="alice", context="from-trunk")
    assert is_trunk(TRUNKS, gateway="carrier", profile="internal")
    assert is_trunk(TRUNKS, gateway="other", profile="external")


def test_a_leg_with_no_listed_name_is_none() -> None:
    assert not is_trunk(TRUNKS)
    assert not is_trunk(TRUNKS, endpoint="alice", context="default", gateway="other", profile="internal")
    assert not is_trunk(TrunkNames(), endpoint="trunk-a", context="from-trunk", gateway="carrier", profile="external")


def test_a_name_counts_only_as_what_it_is_listed_for() -> None:
    assert not is_trunk(TRUNKS, endpoint="from-trunk", context="carrier", gateway="external", profile="trunk-a")


def test_names_compare_exactly() -> None:
    assert not is_trunk(TRUNKS, endpoint="Trunk-A")
    assert not is_trunk(TRUNKS, endpoint="trunk-ab")
    assert not is_trunk(TRUNKS, context="")


@pytest.mark.parametrize(
    ("caller", "callee", "direction"),
    [
        (True, False, Direction.INBOUND),
        (False, True, Direction.OUTBOUND),
        (False, False, Direction.INTERNAL),
        (True, True, Direction.INBOUND),
    ],
)
def test_the_trunks_give_the_direction(caller: bool, callee: bool, direction: Direction) -> None:
    assert direction_of(caller, callee) is direction
