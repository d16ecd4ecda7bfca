"""The conformance suite passes what is right (tests/techniques/test_catalog.py) and finds what is wrong."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import pytest

from wellposed.errors import TechniqueError
from wellposed.techniques import catalog
from wellposed.techniques.base import Own, Technique, kernels, strength, technique
from wellposed.testing import TechniqueSuite
from wellposed.testing.techniques import register_if_own
from wellposed.testing.trial import trial_of

GOOD = """Adds squared weights to the loss.

    loss ← loss + λ Σ w²

    Args:
        weight: λ ≥ 0, default 0.1.

    Source: none.
    """


@pytest.fixture(autouse=True)
def _nothing_registered_afterwards(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(catalog, "_REGISTERED", {})


def suite(**members: Any) -> type[TechniqueSuite]:
    """The suite of a technique with these members."""
    words = {"name": "mine", "family": "test", "reference": "none", "__doc__": GOOD}
    words |= {"__annotations__": {"weight": "float"}, "weight": strength(default=0.1, neutral=0.0, search=(0.01, 1.0))}
    cls = technique(type("Mine", (Technique,), {**words, **members}))
    return type("Suite", (TechniqueSuite,), {"technique": cls})


def norms(self, params, own, hidden, mask):
    """The gradient of a norm at zero is no number."""
    return self.weight * sum(jnp.sqrt(jnp.sum(jnp.square(w))) for w in kernels(params, ("hidden1", "output")))


def shifted(self, params, own, hidden, mask):
    return (self.weight + 1.0) * sum(jnp.sum(jnp.square(w)) for w in kernels(params, ("hidden1", "output")))


def counts_padding(self, params, own, hidden, mask):
    return self.weight * jnp.mean(jnp.square(hidden["hidden1"]))


def divides_by_all(self, params, own, hidden, mask):
    return self.weight * jnp.sum(jnp.square(hidden["hidden1"]) * mask[:, None]) / mask.size


def always(self, h, layer, own, *, mask, rng, train):
    return h * (1.0 - 0.1 * self.weight)


def its_own(self, context, params, key):
    return Own(params={"scale": jnp.float32(1.0)})


def scaled(self, params, own, rng, *, train):
    return jax.tree.map(lambda w: w * (1.0 + self.weight * (own.params["scale"] - 1.0)), params)


def nothing(self, loss):
    return loss


def asks(self, loss):
    return loss * 2.0 if self.weight > 0 else loss


class TestFinds:
    """Each wrong technique, by the test that should find it."""

    def test_a_norm_without_safe_gradient(self):
        wrong = suite(penalty=norms)
        with pytest.raises(AssertionError, match="diverges where all weights are zero"):
            wrong().test_finite_at_both_ends(trial_of(wrong.technique))

    def test_a_neutral_strength_that_acts(self):
        wrong = suite(penalty=shifted)
        with pytest.raises(AssertionError, match="scores differ from the baseline's by"):
            wrong().test_neutral_equals_the_baseline(trial_of(wrong.technique))

    def test_padding_that_counts(self):
        wrong = suite(penalty=counts_padding)
        with pytest.raises(AssertionError, match="rows of mask 0 change the update"):
            wrong().test_padding_rows_do_not_matter(trial_of(wrong.technique))

    def test_a_mean_over_all_rows(self):
        wrong = suite(penalty=divides_by_all)
        with pytest.raises(AssertionError, match=r"padding changes the update by .*: divide by real rows"):
            wrong().test_padding_rows_do_not_matter(trial_of(wrong.technique))

    def test_what_never_acts(self):
        wrong = suite(batch_loss=nothing)
        with pytest.raises(AssertionError, match="the predictions differ from the baseline's by"):
            wrong().test_acts(trial_of(wrong.technique))

    def test_an_if(self):
        wrong = suite(batch_loss=asks)
        with pytest.raises(TechniqueError, match=r"Mine\.batch_loss: fails at line"):
            wrong().test_acts(trial_of(wrong.technique))

    def test_what_a_saved_model_would_lack(self):
        wrong = suite(hidden=always)
        with pytest.raises(AssertionError, match="changes values of input in inference"):
            wrong().test_values_stay_as_they_are_in_inference(trial_of(wrong.technique))

    def test_parameters_that_averages_would_miss(self):
        wrong = suite(init=its_own, weights=scaled)
        with pytest.raises(
            AssertionError, match=r'write takes = \("averages of the weights",\): some are trained apart'
        ):
            wrong().test_parameters_of_its_own_are_known_to_averages(trial_of(wrong.technique))

    def test_a_docstring_without_source(self):
        wrong = suite(__doc__="Does something.\n\n    w ← 0\n")
        with pytest.raises(AssertionError, match=r"the docstring needs a line 'Source: \.\.\.'"):
            wrong().test_documented()

    def test_a_search_space_beyond_its_bounds(self):
        wrong = suite(search_space=classmethod(lambda cls: {"weight": (-1.0, 1.0, False)}))
        with pytest.raises(TechniqueError, match="Mine: weight must be a number in"):
            wrong().test_search_space_lies_within_bounds()

    def test_options_that_json_changes(self):
        wrong = suite(config=lambda self: {"name": "mine", "weight": 1.0})
        with pytest.raises(AssertionError, match="JSON changes Mine"):
            wrong().test_json_and_back()

    def test_a_name_that_is_taken(self):
        with pytest.raises(TechniqueError, match="Mine: L2 has that name already"):
            register_if_own(suite(name="l2").technique)


def test_check_runs_all_of_it(monkeypatch: pytest.MonkeyPatch):
    ran: list[str] = []

    class Two(TechniqueSuite):
        technique = catalog.find("l2")

    def noted(name: str) -> Callable[[TechniqueSuite], None]:
        return lambda self: ran.append(name)

    for name in [name for name in dir(Two) if name.startswith("test_")]:
        monkeypatch.setattr(Two, name, noted(name))
    monkeypatch.setattr(Two, "test_acts", lambda self, tmp_path: ran.append(f"test_acts {Path(tmp_path).is_dir()}"))
    monkeypatch.setattr(Two, "test_neutral_equals_the_baseline", None)
    passed = Two.check()
    assert "test_acts True" in ran
    assert "test_neutral_equals_the_baseline" not in passed
    assert len(passed) == len(ran) >= 10


def test_a_technique_without_strengths_has_no_tests_of_them():
    class Without(TechniqueSuite):
        technique = catalog.find("layer-norm")

    class Neutral(TechniqueSuite):
        technique = catalog.find("l2")

    absent = [name for name in dir(Without) if name.startswith("test_") and getattr(Without, name) is None]
    assert absent == [
        "test_bad_strengths_are_refused",
        "test_neutral_equals_the_baseline",
        "test_search_space_lies_within_bounds",
        "test_strengths_share_a_program",
    ]
    assert all(callable(getattr(Neutral, name)) for name in dir(Neutral) if name.startswith("test_"))
