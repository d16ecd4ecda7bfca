"""What every technique of the catalogue claims of itself, checked for all of them alike by `wellposed.testing`."""

from __future__ import annotations

import dataclasses

import pytest

from wellposed.errors import TechniqueError
from wellposed.network.randomness import study_key
from wellposed.techniques.base import Context, Technique
from wellposed.techniques.catalog import CATALOG, explain, find
from wellposed.testing import TechniqueSuite


def suite(cls: type[Technique]) -> type[TechniqueSuite]:
    """The suite of one technique: pytest collects a class for each."""
    return type(f"Test{cls.__name__}", (TechniqueSuite,), {"technique": cls, "__module__": __name__})


globals().update({f"Test{cls.__name__}": suite(cls) for cls in CATALOG})


def test_names_are_unique_and_found():
    assert len({cls.name for cls in CATALOG}) == len(CATALOG)
    assert all(find(cls.name) is cls for cls in CATALOG)
    assert find(" Weight_Decay ").name == "weight-decay"


def test_unknown_name():
    with pytest.raises(TechniqueError) as error:
        find("dropuot")
    assert str(error.value) == (
        "recipe: no technique of that name, got dropuot. Did you mean dropout? `wellposed techniques` lists all."
    )
    with pytest.raises(TechniqueError) as error:
        find("zzz")
    assert str(error.value) == (
        "recipe: no technique of that name, got zzz. "
        "`wellposed techniques` lists all; one of your own comes with --techniques FILE.py or wp.register."
    )


def test_explain():
    assert explain(find("max-norm")).endswith(
        "Strengths:\n    limit: default 3, in (0, ∞); usual from 1 to 4\n\n"
        "Options:\n    layers: default all\n\n"
        "Hooks: update\n\n"
        "Reference: Srivastava, Hinton, Krizhevsky, Sutskever and Salakhutdinov 2014, Dropout: a simple way to prevent "
        'neural networks from overfitting, JMLR 15, §5.1\n\nExample: --with "max-norm=3.0"'
    )


def test_messages_of_bad_values():
    cases = {
        ("dropout", "rate", 1): "Dropout: rate must be a number in [0, 1), got 1. Usual values lie between 0 and 0.8.",
        ("max-norm", "limit", 0): "MaxNorm: limit must be a number in (0, ∞), got 0. Usual values lie between 1 and 4.",
        ("mixup", "alpha", 33): "Mixup: alpha must be a number in [0, 32], got 33. Usual values lie between 0 and 1.",
        ("l1", "on", "gamma"): "L1: on must be one of kernel, bias, activity, got gamma",
        ("early-stopping", "patience", 0): (
            "EarlyStopping: patience must be a number in [1, ∞), got 0. Usual values lie between 5 and 100."
        ),
        ("snapshots", "cycles", 1): ("Snapshots: cycles must be a whole number from 2 to 10, got 1. Usual are 3 to 5."),
        ("batch-norm", "momentum", 1): (
            "BatchNorm: momentum must be a number in [0, 1), got 1. Keras's value is 0.99."
        ),
    }
    for (name, field, value), message in cases.items():
        with pytest.raises(TechniqueError) as error:
            find(name)(**{field: value})
        assert str(error.value) == message


def test_layers_that_are_not_there(context: Context):
    linear = dataclasses.replace(context, layers=("input", "output"), widths=(3, 2))
    with pytest.raises(TechniqueError) as error:
        find("dropout")().check(linear)
    assert str(error.value) == (
        "Dropout: the network has no such layer, got hidden. Give it a hidden layer, or leave the technique out."
    )
    with pytest.raises(TechniqueError) as error:
        find("l2")(layers="hidden3").check(context)
    assert str(error.value) == (
        "L2: no layer of that name, got hidden3. Choose from all, hidden, last, hidden1, hidden2, output."
    )
    with pytest.raises(TechniqueError) as error:
        find("l2")(on="activity", layers="output").check(context)
    assert str(error.value) == (
        "L2: no layer of that name, got output. Choose from all, hidden, last, hidden1, hidden2."
    )


def test_last_is_the_deepest_of_many_layers():
    """Parameters come in alphabetical order, where hidden10 stands before hidden9."""
    hidden = tuple(f"hidden{i}" for i in range(1, 12))
    context = Context(3, 1, "regression", ("input", *hidden, "output"), (3,) * 13, 6)
    own = find("dropout")(layers="last").init(context, {}, study_key(0))
    assert own.state.value == ("hidden11",)
    assert find("l1")(layers="hidden2/hidden11").places(context) == {"kernel:hidden2", "kernel:hidden11"}


@pytest.mark.parametrize("cls", CATALOG, ids=lambda cls: cls.name)
def test_explained(cls: type[Technique]):
    text = explain(cls)
    assert text.startswith(f"{cls.name} ({cls.__name__}), {cls.family}")
    assert f"Reference: {cls.reference}" in text


@pytest.mark.parametrize("cls", CATALOG, ids=lambda cls: cls.name)
def test_cheap_ones_have_a_neutral_strength(cls: type[Technique]):
    """Cheap techniques stand at it in other recipes' programs."""
    assert not cls.cheap or cls.example().neutral() is not None
