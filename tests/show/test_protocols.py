"""The table of protocols: the ranking's rules first, dashes for what was not judged."""

from __future__ import annotations

from typing import Any

from stages.show.protocols import OWN, protocols
from tests.show.made_up import bare, entry, whole


def test_the_rules_of_the_ranking_come_first() -> None:
    own, gepc, stg_nf = protocols([entry("knn", whole(0.8))])
    assert (own.name, own.own, own.pairs, own.rules) == (OWN, True, (("0.750", "0.800"),), ("A rule.",))
    assert (gepc.name, gepc.own, gepc.pairs) == ("gepc", False, (("0.600", "0.650"),))
    assert (stg_nf.pairs, stg_nf.rules) == ((("0.700", "0.800"),), ("Its middle frame.",))


def test_a_run_that_was_not_judged_by_a_protocol_has_dashes() -> None:
    rows = protocols([entry("stg_nf", bare(0.9)), entry("knn", whole(0.8))])
    assert rows[1].pairs == (("–", "–"), ("0.600", "0.650"))
    assert rows[1].rules == ("Its last frame.",)


def test_a_protocol_of_the_same_rules_is_not_told_twice() -> None:
    same = {"own": {"raw": 0.1, "smoothed": 0.1, "rules": ["A rule."]}}
    assert [row.name for row in protocols([entry("knn", bare(0.8, protocols=same))])] == [OWN]


def test_without_protocols_there_is_no_table() -> None:
    assert protocols([entry("knn", bare(0.8))]) == []
    assert protocols([entry("knn", bare(0.8, protocols=None))]) == []


def test_undefined_figures_are_dashes() -> None:
    found: dict[str, Any] = {"gepc": {"raw": None, "smoothed": None, "rules": []}}
    assert protocols([entry("knn", bare(None, protocols=found))])[1].pairs == (("–", "–"),)
