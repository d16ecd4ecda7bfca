"""Warnings: techniques that changed nothing."""

import copy

import numpy as np
import pytest

import wellposed as wp
from wellposed.studies.warnings import warnings_of


def entry(name, losses, **others):
    """What the warnings read of a recipe's entry; a baseline that overfits and is done."""
    per_member = [{"fold": 0, "seed": seed, "loss": loss, "accuracy": 0.5} for seed, loss in enumerate(losses)]
    scores = {"train": {"loss": {"mean": 0.1}}, "validation": {"loss": {"mean": 0.9}, "per_member": per_member}}
    return {"name": name, "members": len(losses), "failed": 0, "collapsed": 0, "improving": 0, **scores, **others}


BASE = [0.7, 0.8]


def warned(*entries):
    return warnings_of([entry("baseline", BASE), *entries], "accuracy", "max", 5)


def test_a_recipe_that_never_acted_is_named():
    last = [float(np.nextafter(np.float32(loss), np.float32(1))) for loss in BASE]
    message = "clip-value=100 never acted: its members are the baseline's to the last digit."
    assert warned(entry("clip-value=100", BASE), entry("l2=0.1", [0.7, 0.81])) == [message]
    assert warned(entry("clip-value=100", last)) == [message]
    assert warned(entry("a", BASE), entry("b", BASE)) == [
        "a, b never acted: their members are the baseline's to the last digit."
    ]
    many = warned(*(entry(name, BASE) for name in "abcdef"))
    assert many == ["a, b, c, d and 2 more never acted: their members are the baseline's to the last digit."]


@pytest.mark.parametrize(
    "other",
    [
        entry("best-epoch", BASE),
        entry("l2=0.1", [0.7, 0.8001]),
        entry("l2=0.1", [0.7, None]),
        entry("l2=0.1", BASE, failed=1),
    ],
)
def test_others_are_not(other):
    before = copy.deepcopy(other)
    assert warned(other) == []
    assert other == before


def test_a_recipe_that_equals_the_second_baseline_is_explained():
    stopped = [0.65, 0.75]
    message = (
        "early-stopping=20 scored as best-epoch to the last digit: both went back to the same epochs, as no score on "
        "monitor rows got better later."
    )
    assert warned(entry("best-epoch", stopped), entry("early-stopping=20", stopped)) == [message]
    assert warned(entry("best-epoch", stopped), entry("early-stopping=20", [0.65, 0.76])) == []


def test_a_real_clip_beyond_every_gradient():
    random = np.random.default_rng(0)
    x = random.normal(size=(60, 3))
    data = wp.read((x, (x[:, 0] > 0).astype(int)), name="plain")
    recipes = ["clip-value=1000", "clip-value=0.0001"]
    study = wp.compare(data, (4,), recipes, epochs=3, folds=2, seeds=1, references=False)
    found = [warning for warning in study.results["warnings"] if "never acted" in warning]
    assert found == ["clip-value=1000.0 never acted: its members are the baseline's to the last digit."]


def test_an_underfitting_baseline_is_told_first():
    underfits = entry("baseline", BASE, improving=2)
    assert warnings_of([underfits], "accuracy", "max", 5) == [
        "The baseline underfits: after 5 epochs most of its members are still improving on monitor rows. Techniques "
        "against overfitting can't help yet; train longer (`epochs`) or raise `learning_rate`."
    ]
