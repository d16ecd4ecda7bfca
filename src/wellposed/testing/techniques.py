"""The conformance suite of techniques: what each claims of itself, checked in training."""

from __future__ import annotations

import dataclasses
import inspect
import json
import math
import tempfile
from pathlib import Path
from typing import Any, ClassVar

import jax
import numpy as np
import pytest

from wellposed.errors import TechniqueError
from wellposed.population.plan import Slot
from wellposed.recipe import Recipe, parse
from wellposed.techniques.base import Technique, overrides
from wellposed.techniques.catalog import find, register
from wellposed.testing.padding import padded_step
from wellposed.testing.trial import WILD, Result, Trial, baseline, trial_of

__all__ = ["TechniqueSuite"]


class TechniqueSuite:
    """Tests of one technique; a subclass names it, and pytest finds the tests.

    The technique is trained in small populations: at its reference strengths, at both ends of its search ranges, at its
    neutral strengths, and beside a network that diverges. Most of the time goes into one compilation, which JAX's
    persistent cache keeps. A technique without strengths, or without a neutral one, has no tests of them.

    Example:
        >>> class TestLogitPenalty(TechniqueSuite):
        ...     technique = LogitPenalty  # doctest: +SKIP
    """

    technique: ClassVar[type[Technique]]

    def __init_subclass__(cls, **words: Any) -> None:
        super().__init_subclass__(**words)
        if "technique" in vars(cls):
            for name in _without_meaning(cls.technique):
                setattr(cls, name, None)  # pytest finds nothing there

    @pytest.fixture
    def trial(self) -> Trial:
        """The technique in training."""
        return trial_of(self.technique)

    @classmethod
    def check(cls) -> list[str]:
        """Runs every test without pytest, as in a notebook.

        Returns:
            The names of those that passed.

        Raises:
            AssertionError, TechniqueError: the first that fails.
        """
        passed = []
        for name in [name for name in dir(cls) if name.startswith("test_") and callable(getattr(cls, name))]:
            test = getattr(cls(), name)
            with tempfile.TemporaryDirectory() as folder:
                offered = {"trial": lambda: trial_of(cls.technique), "tmp_path": lambda folder=folder: Path(folder)}
                test(**{word: offered[word]() for word in inspect.signature(test).parameters})
                passed.append(name)
        return passed

    # -- what it says of itself ------------------------------------------------------------------------------------

    def test_text_and_back(self) -> None:
        """Recipes as text: the command line, results and saved models name techniques so."""
        register_if_own(self.technique)
        for item in _instances(self.technique):
            recipe = Recipe((item,))
            _require(parse(recipe.name) == recipe, f"the text {recipe.name!r} means {parse(recipe.name).name!r}")

    def test_json_and_back(self) -> None:
        """`Technique.config` through JSON gives the same technique."""
        register_if_own(self.technique)
        for item in _instances(self.technique):
            config = json.loads(json.dumps(item.config(), allow_nan=False))
            _require(find(config.pop("name"))(**config) == item, f"JSON changes {item}")

    def test_search_space_lies_within_bounds(self) -> None:
        """Every end of `search_space` is a strength that is accepted."""
        space = self.technique.search_space()
        unknown = set(space) - set(self.technique.strengths())
        _require(not unknown, f"search_space names what is no strength: {', '.join(sorted(unknown))}")
        for name, (low, high, log) in space.items():
            _require(low < high and (low > 0 or not log), f"search_space: {name} from {low} to {high}, log={log}")
        _instances(self.technique)

    def test_bad_strengths_are_refused(self) -> None:
        """A strength must be a finite number, or the neutral one."""
        for name in self.technique.strengths():
            for value in (math.nan, True, "much", None):
                with pytest.raises(TechniqueError, match=rf"^{self.technique.__name__}: {name} must be a number in"):
                    self.technique(**{name: value})

    def test_documented(self) -> None:
        """The docstring: one line, the equation, every field, the source."""
        text = inspect.getdoc(self.technique) or ""
        first, _, rest = text.partition("\n\n")
        equation = rest.partition("\n\n")[0]
        _require(first.endswith(".") and "\n" not in first, "the docstring begins with one line that ends with a dot")
        _require(any(sign in equation for sign in "←=<≤~"), "the docstring's second paragraph holds the equation")
        _require("\nSource: " in text, "the docstring needs a line 'Source: ...'")
        fields = [field.name for field in dataclasses.fields(self.technique)]  # type: ignore[arg-type]
        silent = [name for name in fields if f"\n    {name}" not in text and f", {name}: " not in text]
        _require(not silent, f"the docstring's Args lack {', '.join(silent)}")

    # -- in training -----------------------------------------------------------------------------------------------

    def test_strengths_share_a_program(self, trial: Trial) -> None:
        """Strengths are traced: no ``if`` of one, no program for each."""
        _require(len(trial.plan.programs) == 1, f"{len(trial.plan.programs)} programs for strengths alone")

    def test_neutral_equals_the_baseline(self, trial: Trial) -> None:
        """At its neutral strengths every score is the baseline's, to the rounding of another program."""
        neutral, base = trial.usual["neutral"], baseline(trial)
        # after 200 updates: the whole catalogue stays below 2.4e-7 in scores, 6e-7 in predictions
        worst = np.nanmax(np.abs(neutral.curves[:, :-1] - base.curves[:, :-1]))
        _require(worst <= 2e-6, f"scores differ from the baseline's by {worst:.1e}")
        _require(neutral.epochs_run == base.epochs_run, "training ends at another epoch than the baseline's")
        worst = np.abs(neutral.predictions - base.predictions).max()
        _require(worst <= 5e-6, f"predictions differ from the baseline's by {worst:.1e}")

    def test_acts(self, trial: Trial) -> None:
        """At some strength of its range the result is another than the baseline's."""
        base = baseline(trial)
        far = max(_distance(trial.usual[name], base) for name in trial.strengths)
        _require(far > 1e-4, f"the predictions differ from the baseline's by {far:.1e} at most")

    def test_finite_at_both_ends(self, trial: Trial) -> None:
        """Scores and weights stay finite over the whole range, and from weights that are all zero."""
        for name in trial.strengths:
            _require(_finite(trial.usual[name]), f"{trial.items[name]} diverges")
        for name in trial.strengths:
            _require(_finite(trial.from_zero[name]), f"{trial.items[name]} diverges where all weights are zero")

    def test_neighbours_and_places_do_not_matter(self, trial: Trial) -> None:
        """A member is the same to the bit alone, beside diverging members, and in another lane and stream."""
        number, _, slot = trial.slot("example")
        usual, wild = trial.usual["example"], trial.names.index("wild")
        if trial.plan.candidates[wild].training.learning_rate == WILD:  # it may set the learning rate itself
            _require(trial.usual["wild"].diverged > 0, "the neighbour should have diverged")
        lanes, streams = trial.part.lanes, trial.part.streams
        alone = Slot(slot.split, (number, *[-1] * (lanes - 1)))
        beside = Slot(slot.split, (*[wild] * (lanes - 1), number))
        filler = Slot(slot.split, (wild,) * lanes)
        for words, chosen, place in (
            ("alone", [alone] * streams, (0, 0)),
            ("beside diverging members", [*[filler] * (streams - 1), beside], (streams - 1, lanes - 1)),
        ):
            result = trial.run(chosen)[place[0]][place[1]]
            _require(usual.same(result), f"{words}, its result is another")

    def test_padding_rows_do_not_matter(self, trial: Trial) -> None:
        """Rows of mask 0 change nothing; where chance has no part, a minibatch without them gives the same."""
        step = padded_step(trial)
        _require(not step.padding_matters, "rows of mask 0 change the update")
        if not step.random:
            _require(step.distance < 1e-5, f"padding changes the update by {step.distance:.1e}: divide by real rows")

    def test_values_stay_as_they_are_in_inference(self, trial: Trial) -> None:
        """A saved model is network and weights alone: with ``train=False`` the hook ``hidden`` does nothing."""
        for name in trial.strengths:
            for layer, before, after in trial.inference(name):
                _require(np.array_equal(before, after), f"{trial.items[name]} changes values of {layer} in inference")

    def test_parameters_of_its_own_are_known_to_averages(self, trial: Trial) -> None:
        """Averages are of the network's parameters: where others belong to the weights, they mean nothing."""
        trained_apart = overrides(trial.items["example"], "weights") and trial.own_parameters
        told = "averages of the weights" in self.technique.takes
        _require(told or not trained_apart, 'write takes = ("averages of the weights",): some are trained apart')

    def test_a_saved_model_predicts_the_same(self, trial: Trial, tmp_path: Path) -> None:
        """Weights, once techniques have done to them what they do in inference, predict without the technique."""
        from wellposed.testing.saved import saved_predictions

        register_if_own(self.technique)
        result = trial.usual["example"]
        predictions = saved_predictions(trial, result, tmp_path)
        worst = np.abs(predictions - result.predictions[:, :-1]).max()
        _require(worst < 1e-5, f"predictions of the saved model differ by {worst:.1e}")


def _without_meaning(cls: type[Technique]) -> list[str]:
    """Tests of what the technique doesn't have."""
    of_strengths = [
        TechniqueSuite.test_search_space_lies_within_bounds,
        TechniqueSuite.test_bad_strengths_are_refused,
        TechniqueSuite.test_strengths_share_a_program,
    ]
    found = [test.__name__ for test in of_strengths if not cls.strengths()]
    return found + (
        [TechniqueSuite.test_neutral_equals_the_baseline.__name__] if cls.example().neutral() is None else []
    )


def register_if_own(cls: type[Technique]) -> None:
    """So that its name is known."""
    try:
        known = find(cls.name)
    except TechniqueError:
        known = None
    if known is not cls:
        register(cls)


def _instances(cls: type[Technique]) -> list[Technique]:
    """The example, and the technique at both ends of its search ranges."""
    example, space = cls.example(), cls.search_space()
    ends = [{name: ends[index] for name, ends in space.items()} for index in (0, 1)]
    return [example, *(dataclasses.replace(example, **end) for end in ends)]  # type: ignore[type-var]


def _distance(a: Result, b: Result) -> float:
    return float(np.abs(a.predictions - b.predictions).max())


def _finite(result: Result) -> bool:
    leaves: list[Any] = jax.tree.leaves(result.member.params)
    scores = result.curves[: result.epochs_run]
    return not result.diverged and bool(np.isfinite(scores).all()) and all(np.isfinite(leaf).all() for leaf in leaves)


def _require(condition: bool, message: str) -> None:
    if not condition:
        raise AssertionError(message)
