"""Recipes: composition, their text and back, grids, and what is refused."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wellposed.errors import TechniqueError
from wellposed.recipe import BASELINE, Recipe, parse, parse_grid
from wellposed.techniques.base import Context
from wellposed.techniques.catalog import CATALOG
from wellposed.techniques.noise import Dropout
from wellposed.techniques.penalties import L1, L2


def test_the_order_of_plus_does_not_matter():
    assert L2(1e-3) + Dropout(0.2) == Dropout(0.2) + L2(1e-3)
    assert (L2(1e-3) + Dropout(0.2) + L1(0.1)).name == "dropout=0.2 + l1=0.1 + l2=0.001"
    assert Recipe() == BASELINE == parse("baseline")


@pytest.mark.parametrize("cls", CATALOG)
def test_text_and_back(cls):
    recipe = Recipe((cls.example(),))
    assert parse(recipe.name) == recipe


@given(st.floats(0, 0.99), st.floats(0, 1e6), st.sampled_from(["kernel", "bias", "activity"]))
def test_any_strength_survives_its_text(rate, penalty, on):
    recipe = Dropout(rate) + L1(penalty, on=on)
    assert parse(recipe.name) == recipe


@given(st.text(max_size=60))
def test_any_text_gives_recipes_or_a_technique_error(written):
    with contextlib.suppress(TechniqueError):
        assert parse_grid(written)


@pytest.mark.parametrize(
    ("written", "names"),
    [
        ("l2=1e-5..1e-1", ["l2=1e-05", "l2=0.0001", "l2=0.001", "l2=0.01", "l2=0.1"]),
        ("dropout=0.1|0.2|0.5", ["dropout=0.1", "dropout=0.2", "dropout=0.5"]),
        ("dropout=0..0.4:3", ["dropout=0.0", "dropout=0.2", "dropout=0.4"]),
        ("l1=1e+3", ["l1=1000.0"]),
        ("l1=0.1+l2=0.1|0.2", ["l1=0.1 + l2=0.1", "l1=0.1 + l2=0.2"]),
        ("l1=1e-4,on=activity + dropout=0.2", ["dropout=0.2 + l1=0.0001,on=activity"]),
    ],
)
def test_grids(written, names):
    assert [recipe.name for recipe in parse_grid(written)] == names


@pytest.mark.parametrize(
    ("written", "message"),
    [
        ("l2=1e-4...1e-2", "l2: a range has two dots, got 1e-4...1e-2. Write e.g. 1e-5..1e-1."),
        ("l2=1e-1..1e-4", "l2: a range goes from a smaller to a larger positive value, got 1e-1..1e-4"),
        (
            "l2=0.1 + l2=0.2",
            "recipe: l2 is given twice with the same options, got l2=0.1 + l2=0.2. "
            "Keep one of them, or give them different layers.",
        ),
        (
            "early-stopping=5 + best-epoch",
            "recipe: only one technique can decide when training stops and what is kept, "
            "got best-epoch + early-stopping. Keep one of them.",
        ),
        (
            "ema=0.9 + snapshots",
            "recipe: only one technique can decide which weights predict, got ema + snapshots. Keep one of them.",
        ),
        ("l2=x", "l2: l2 must be a number, got x"),
        ("l2=0.1 +", "recipe: a technique is missing beside a +, got l2=0.1 +. Write e.g. 'l2=1e-3 + dropout=0.2'."),
        ("l2=1e-9..1:2000", "l2: a range needs at least 2 values after ':', got 1e-9..1:2000"),
    ],
)
def test_refusals(written, message):
    with pytest.raises(TechniqueError) as caught:
        parse_grid(written)
    assert str(caught.value) == message


def test_techniques_joined_with_a_comma():
    with pytest.raises(TechniqueError) as caught:
        parse("dropout=0.2,layers=last,weight-decay=1e-3 + l1=1e-4")
    assert str(caught.value) == (
        "recipe: techniques are joined with +, got dropout=0.2,layers=last,weight-decay=1e-3. "
        "Write dropout=0.2,layers=last + weight-decay=1e-3."
    )


CONTEXT = Context(3, 3, "classification", ("input", "hidden1", "hidden2", "output"), (3, 3, 3, 3), 6)


@pytest.mark.parametrize(
    ("written", "message"),
    [
        (
            "max-norm=3 + weight-norm",
            "recipe: only one technique can decide how long a unit's weights are, got weight-norm + max-norm. "
            "Keep one of them, or give them separate layers.",
        ),
        (
            "max-norm=3,layers=hidden1/output + unit-norm,layers=hidden2/output",
            "recipe: only one technique can decide how long a unit's weights are, got max-norm + unit-norm. "
            "Keep one of them, or give them separate layers.",
        ),
        (
            "snapshots + schedule=cosine",
            "recipe: only one technique can decide the training's schedule, got schedule + snapshots. "
            "Keep one of them.",
        ),
        (
            "batch-norm,layers=hidden1 + layer-norm",
            "recipe: only one technique can decide how values are normalized, got batch-norm + layer-norm. "
            "Keep one of them, or give them separate layers.",
        ),
        (
            "k-heads + shake-shake",
            "recipe: only one technique can decide how many copies of a layer there are, got k-heads + shake-shake. "
            "Keep one of them.",
        ),
        (
            "sam + asam",
            "recipe: only one technique can decide where the gradient is taken, got asam + sam. Keep one of them.",
        ),
        (
            "weight-norm + l2,layers=output",
            "recipe: l2 needs lengths of the trained weights, which mean nothing beside weight-norm, "
            "got weight-norm + l2. Keep one of them, or give them separate layers.",
        ),
        (
            "weight-norm,layers=hidden1 + weight-decay",
            "recipe: weight-decay needs lengths of the trained weights, which mean nothing beside weight-norm, "
            "got weight-norm + weight-decay. Keep one of them.",
        ),
        (
            "l0,layers=hidden1 + lookahead",
            "recipe: lookahead needs averages of the weights, which mean nothing beside l0, got l0 + lookahead. "
            "Keep one of them.",
        ),
    ],
)
def test_two_without_a_meaning_together_are_refused(written, message):
    recipe = parse(written)
    with pytest.raises(TechniqueError) as caught:
        recipe.check(CONTEXT)
    assert str(caught.value) == message


@pytest.mark.parametrize(
    "written",
    [
        "max-norm=3,layers=hidden1 + unit-norm,layers=output",
        "max-norm=3 + l2=0.1",
        "ema=0.9 + lookahead=0.5",
        "weight-norm,layers=hidden1 + l2,layers=hidden2/output",
        "weight-norm + l1,on=activity",
        "weight-norm + orthogonal,form=cosine-units",
        "weight-norm + l0",
        "l0 + l2",
        "batch-norm,layers=hidden1 + layer-norm,layers=hidden2",
    ],
)
def test_what_meets_nowhere_is_fine(written):
    parse(written).check(CONTEXT)
