"""Every pair of the catalogue is tried; what is refused says why and what to do."""

from __future__ import annotations

from wellposed.techniques.catalog import CATALOG, find
from wellposed.testing.combinations import Refusal, refused_pairs


def test_a_refused_pair_says_why_and_what_to_do():
    classes = [find(name) for name in ("l2", "max-norm", "unit-norm", "early-stopping", "best-epoch")]
    assert list(refused_pairs(classes)) == [
        Refusal(
            ("max-norm", "unit-norm"),
            "only one technique can decide how long a unit's weights are",
            "Keep one of them, or give them separate layers.",
        ),
        Refusal(
            ("best-epoch", "early-stopping"),
            "only one technique can decide when training stops and what is kept",
            "Keep one of them.",
        ),
    ]


def test_techniques_for_different_data_are_no_refused_pair():
    """C-Mixup is for numbers, label smoothing for classes: they never meet."""
    assert not list(refused_pairs([find("c-mixup"), find("label-smoothing")]))


def test_every_refusal_of_the_catalogue_has_a_remedy():
    refused = list(refused_pairs(CATALOG))
    assert not [pair for pair in refused if not pair.remedy]
    assert len({pair.names for pair in refused}) == len(refused)
