"""Several variables of a channel in one operation."""

import pytest

from ari_app.variables import at_once


def test_they_are_set_in_order() -> None:
    assert at_once({"RULE": "user", "ID": "", "DECISION": "skip"}) == ("ARRAY(RULE,ID,DECISION)", "user,,skip")


@pytest.mark.parametrize("value", ["a,b", '"a', "a\\b", "${a}", "(a", "[a"])
def test_no_value_runs_into_the_next(value: str) -> None:
    _, values = at_once({"RULE": value, "DECISION": "skip"})
    rule, decision = values.split(",")
    assert set(rule) <= set("ab_")
    assert decision == "skip"
