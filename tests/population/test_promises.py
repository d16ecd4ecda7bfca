"""What is promised about neighbours (promises 1 and 2), and what all recipes of a (fold, seed) have in common."""

import numpy as np
import pytest

from population.small import Shape, assert_same, candidate, plan, train

RECIPES = ["baseline", "l2=0.01", "l1=0.001 + dropout=0.2", "dropout=0.4", "l2=0.1 + dropout=0.1"]

SHAPES = [
    Shape(),
    Shape(features=1, widths=(1,), batch=5, rows=11, validation=3, splits=2),
    Shape(features=13, widths=(9,), outputs=3, batch=8, rows=8, monitor=0, splits=5),
    Shape(widths=(), batch=3, rows=10, splits=1),
    Shape(features=3, widths=(17, 2, 5), outputs=4, batch=32, rows=33, splits=4, epochs=3),
]


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_promise_1_place_and_neighbours_do_not_matter_to_the_bit(shape):
    """The same tile program: any lane, any stream, any neighbours, one of them NaN; and once more."""
    usual = [candidate(shape, text) for text in RECIPES if shape.widths or "dropout" not in text]
    wild = [*usual, candidate(shape, "l2=0.001", learning_rate=1e30)]
    tame = [*usual, candidate(shape, "l2=0.001", learning_rate=0.02)]
    first, again = train(shape, tame), train(shape, tame)
    random = np.random.default_rng(shape.features)
    lanes, streams = random.permutation(len(wild)), random.permutation(shape.splits)
    moved = train(shape, [wild[index] for index in lanes], streams)
    assert_shapes_equal(shape, tame, wild)
    for number in range(len(usual)):
        for split in range(shape.splits):
            assert_same(first[number, split], again[number, split])
            assert_same(first[number, split], moved[list(lanes).index(number), split])
    for split in range(shape.splits):
        assert moved[list(lanes).index(len(usual)), split].diverged
        assert not first[len(usual), split].diverged


def assert_shapes_equal(shape, first, second):
    """The promise is about one program; the planner must not have made two."""
    a, b = plan(shape, first), plan(shape, second)
    assert [(p.program, p.streams, p.lanes) for p in a.programs] == [
        (p.program, p.streams, p.lanes) for p in b.programs
    ]


def test_promise_2_another_tile_or_program_stays_within_1e_5_at_50_steps():
    shape = Shape(rows=70, epochs=5)  # 10 steps an epoch
    together = train(shape, [candidate(shape, text) for text in RECIPES])
    for number, text in enumerate(RECIPES):
        alone = train(shape, [candidate(shape, text)], [1])
        assert_same(together[number, 1], alone[0, 1], relative=1e-5)


def test_a_stopped_member_makes_room_and_nothing_else_changes(monkeypatch):
    """Repacking survivors into fewer tiles changes no bit."""
    shape = Shape(splits=4, epochs=12)
    recipes = [f"early-stopping={patience}" for patience in (1, 2, 1, 3, 1, 12, 1)]
    candidates = [candidate(shape, text, learning_rate=0.01 + 0.002 * i) for i, text in enumerate(recipes)]
    monkeypatch.setattr("wellposed.population.tiling._MOST_MEMBERS", 4)  # many small tiles
    packed = train(shape, candidates)
    assert len({member.epochs_run for member in packed.values()}) > 1
    monkeypatch.setattr(
        "wellposed.population.tiles.TileBuilder.repack", lambda self, live: [t for t in live if t.active.any()]
    )
    left = train(shape, candidates)
    for key, member in packed.items():
        assert_same(member, left[key])


def test_all_recipes_share_weights_order_and_masks():
    """A penalty of strength 0 beside dropout is dropout alone, to the bit: the masks are the same."""
    shape = Shape()
    members = train(shape, [candidate(shape, "dropout=0.3"), candidate(shape, "dropout=0.3 + l2=0.0")])
    for split in range(shape.splits):
        assert_same(members[0, split], members[1, split])


def test_the_seed_changes_everything_random():
    shape = Shape(splits=1)
    first, second = (train(shape, [candidate(shape, "baseline")], seed=seed)[0, 0] for seed in (0, 1))
    assert not np.array_equal(first.curves, second.curves)


def test_epochs_are_traced_and_a_finished_member_stays_as_it_is():
    shape = Shape(splits=1)
    short, long = candidate(shape, "baseline", epochs=2), candidate(shape, "baseline", epochs=4)
    members = train(shape, [short, long])
    assert (members[0, 0].epochs_run, members[1, 0].epochs_run) == (2, 4)
    np.testing.assert_array_equal(members[0, 0].curves, members[1, 0].curves[:2])


def test_a_candidate_that_stops_early_follows_the_whole_schedule():
    """Two of four epochs are the first two of all four, to the bit; two epochs of their own schedule are not."""
    shape = Shape(splits=1)
    settings = {"schedule": "cosine", "learning_rate": 0.1}
    whole, part = candidate(shape, "baseline", **settings), candidate(shape, "baseline", stop=2, **settings)
    squeezed, beyond = candidate(shape, "baseline", epochs=2, **settings), candidate(shape, "l2=0", stop=9, **settings)
    members = train(shape, [whole, part, squeezed, beyond])
    assert [members[number, 0].epochs_run for number in range(4)] == [4, 2, 2, 4]
    np.testing.assert_array_equal(members[1, 0].curves, members[0, 0].curves[:2])
    assert not np.allclose(members[2, 0].curves[1], members[0, 0].curves[1], rtol=1e-3)
    assert_same(members[0, 0], members[3, 0])


def test_a_diverging_member_is_counted_and_leaves_its_last_epoch():
    shape = Shape(splits=1)
    members = train(shape, [candidate(shape, "baseline"), candidate(shape, "l2=0.01", learning_rate=1e30)])
    assert members[0, 0].diverged == 0
    assert members[0, 0].epochs_run == shape.epochs
    assert members[1, 0].diverged == members[1, 0].epochs_run >= 1
    assert np.isfinite(members[0, 0].curves).all()
