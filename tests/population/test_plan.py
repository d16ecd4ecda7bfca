"""The plan: which members share programs, streams and tiles."""

import dataclasses
import re
from typing import ClassVar

import jax
import numpy as np
import pytest

from population.small import Shape, assert_same, candidate, plan, train
from wellposed.errors import StudyError
from wellposed.population.memory import RowCounts, parse_size
from wellposed.population.plan import make_plan
from wellposed.recipe import Recipe
from wellposed.techniques.base import Context, Technique, strength, technique
from wellposed.training.metrics import metric


def places(planned):
    """(program, tile, slot, lane) of every member."""
    found = {}
    for p, part in enumerate(planned.programs):
        for t, tile in enumerate(part.tiles):
            for s, slot in enumerate(tile.slots):
                for lane, member in enumerate(slot.members):
                    if member >= 0:
                        assert member not in found
                        assert planned.members[member].split == slot.split
                        found[member] = (p, t, s, lane)
    return found


def test_every_member_has_one_place_and_tiles_have_one_shape():
    shape = Shape(splits=5)
    planned = plan(shape, [candidate(shape, f"l2={i / 100}") for i in range(7)])
    assert sorted(places(planned)) == list(range(35))
    for part in planned.programs:
        for tile in part.tiles:
            assert len(tile.slots) == part.streams
            assert all(len(slot.members) == part.lanes for slot in tile.slots)


def test_cheap_techniques_share_a_program_at_neutral_strength():
    shape = Shape()
    planned = plan(shape, [candidate(shape, text) for text in ("baseline", "l1=0.1", "dropout=0.2", "l2=0.1 + l1=0.2")])
    assert len(planned.programs) == 1
    part = planned.programs[0]
    assert [type(item).__name__ for item in part.program.techniques] == ["Dropout", "L1", "L2"]
    baseline = part.techniques[0]
    assert [item == item.neutral() for item in baseline] == [True, True, True]


def test_structure_makes_programs():
    """What can't be traced or isn't cheap has a program of its own."""
    shape = Shape()
    recipes = ["baseline", "batch-norm", "sam=0.05", "sam=0.1", "l1=0.1", "mixup=0.2"]
    planned = plan(shape, [candidate(shape, text) for text in recipes])
    by_candidate = {planned.members[m].candidate: place[0] for m, place in places(planned).items()}
    assert by_candidate[0] == by_candidate[4]
    assert by_candidate[2] == by_candidate[3]
    assert len({by_candidate[i] for i in (0, 1, 2, 5)}) == 4


def test_small_programs_are_joined():
    """Four techniques that can stand aside share a program where training is short; alone they are the same."""
    shape = Shape()
    texts = ["baseline", "gaussian-noise=0.1", "drop-connect=0.2", "elastic-net=0.1", "lookahead=0.5", "orthogonal=0.1"]
    planned = plan(shape, [candidate(shape, text) for text in texts])
    groups = [sorted({planned.members[m].candidate for m in part.techniques}) for part in planned.programs]
    assert sorted(groups) == [[0], [1, 2, 3, 4], [5]]
    together = train(shape, [candidate(shape, text) for text in texts])
    for number in (1, 4):
        alone = train(shape, [candidate(shape, texts[number])])
        for split in range(shape.splits):
            assert_same(together[number, split], alone[0, split], relative=1e-5)


def test_long_training_keeps_programs_apart():
    shape = Shape(rows=2000, epochs=2000, widths=(64, 64))
    texts = ["gaussian-noise=0.1", "drop-connect=0.2", "elastic-net=0.1"]
    assert len(plan(shape, [candidate(shape, text) for text in texts]).programs) == 3


def test_augmentation_strengths_make_streams():
    """Members of a stream see the same changed rows, so each strength has its own."""
    shape = Shape(splits=2)
    planned = plan(shape, [candidate(shape, text) for text in ("mixup=0.2", "mixup=0.2 + l2=0.1", "mixup=0.4")])
    (part,) = planned.programs
    slots = [slot for tile in part.tiles for slot in tile.slots if any(m >= 0 for m in slot.members)]
    shared = [{planned.members[m].candidate for m in slot.members if m >= 0} for slot in slots]
    assert sorted(map(sorted, shared)) == [[0, 1], [0, 1], [2], [2]]


@technique
class Slow(Technique):
    """Trains with a hundredth of the learning rate, for two epochs."""

    strength: float = strength(default=1.0, neutral=0.0, search=(0.1, 1.0))
    name: ClassVar[str] = "slow"
    family: ClassVar[str] = "test"
    reference: ClassVar[str] = "none"

    def training(self, spec):
        return dataclasses.replace(spec, learning_rate=spec.rate / 100, epochs=2)


@technique
class Shrunk(Technique):
    """Predicts with scaled weights; cheap, with a neutral strength."""

    factor: float = strength(default=0.5, neutral=1.0, search=(0.1, 1.0))
    name: ClassVar[str] = "shrunk"
    family: ClassVar[str] = "test"
    reference: ClassVar[str] = "none"
    cheap: ClassVar[bool] = True

    def inference(self, params, own):
        return (jax.tree.map(lambda leaf: leaf * self.factor, params),)


@technique
class ShrunkAgain(Shrunk):
    """Another of its kind."""

    name: ClassVar[str] = "shrunk-again"


def test_a_technique_may_rewrite_learning_rate_and_epochs():
    shape = Shape(splits=1)
    ordinary, slow = candidate(shape, "baseline"), candidate(shape, Recipe((Slow(),)))
    members = train(shape, [ordinary, slow, candidate(shape, "baseline", learning_rate=1e-4, epochs=2)])
    assert members[1, 0].epochs_run == 2
    assert_same(members[1, 0], members[2, 0], relative=1e-6)


def test_techniques_that_decide_the_prediction_keep_to_their_own_program():
    """In one program the neutral one would overwrite the other's weights."""
    shape = Shape(splits=1)
    alone = train(shape, [candidate(shape, Recipe((Shrunk(0.5),)))])
    recipes = [Recipe((Shrunk(0.5),)), Recipe((ShrunkAgain(0.3),)), "l2=0.0"]
    beside = train(shape, [candidate(shape, recipe) for recipe in recipes])
    np.testing.assert_allclose(alone[0, 0].curves, beside[0, 0].curves, rtol=1e-5)


def test_splits_with_other_step_counts_are_in_other_tiles():
    shape = Shape(batch=7)
    candidates = [candidate(shape, "baseline")]
    context = Context(5, 1, "classification", (), (), 7)
    sizes = [RowCounts(21, 0, 5), RowCounts(22, 0, 5), RowCounts(20, 0, 5)]
    planned = make_plan(
        candidates, sizes, context=context, loss=shape.loss, metrics=(metric("accuracy"),), memory=10**9
    )
    (part,) = planned.programs
    assert sorted((tile.steps, [s.split for s in tile.slots if s.members != (-1,)]) for tile in part.tiles) in (
        [(3, [0]), (3, [2]), (4, [1])],
        [(3, [0, 2]), (4, [1])],
    )


def test_memory_bounds_tiles_and_names_what_is_needed():
    shape = Shape(rows=5000, features=50, splits=6, validation=1000)
    candidates = [candidate(shape, f"l2={i / 100}") for i in range(4)]
    free, bound = plan(shape, candidates), plan(shape, candidates, memory=16 * 10**6)
    assert free.programs[0].bytes_per_tile > bound.programs[0].bytes_per_tile
    assert bound.programs[0].bytes_per_tile <= (16 * 10**6 - 6 * 6000 * 53 * 4) // 2
    message = r"^memory: too little for one stream of members, got 1 MB\. Give at least `memory='(.*)'`\.$"
    with pytest.raises(StudyError, match=message) as caught:
        plan(shape, candidates, memory=10**6)
    enough = re.match(message, str(caught.value))
    assert enough is not None
    plan(shape, candidates, memory=parse_size(enough.group(1)))


def test_row_counts_fill_up_to_equal_blocks():
    assert RowCounts(1279, 0, 320).padded(1000) == RowCounts(1280, 0, 320)
    assert RowCounts(100, 10, 0).padded(64) == RowCounts(100, 10, 0)


@pytest.mark.parametrize(("text", "size"), [("4GB", 4 * 10**9), ("2 GiB", 2**31), (10**7, 10**7), ("1.5mb", 1500000)])
def test_sizes(text, size):
    assert parse_size(text) == size


@pytest.mark.parametrize("text", ["4 potatoes", "", "-1GB", "10", "1e99GB5"])
def test_sizes_that_are_none(text):
    with pytest.raises(StudyError, match=r"^memory: must be a size of at least 1 MB"):
        parse_size(text)
