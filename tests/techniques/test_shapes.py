"""Shapes of dropout over layers, against Auto-PyTorch's pictures drawn by hand."""

from __future__ import annotations

import pytest

from wellposed.techniques.shapes import SHAPES, shares

DRAWN = {
    ("brick", 4): (1, 1, 1, 1),
    ("funnel", 4): (1, 0.75, 0.5, 0.25),
    ("long-funnel", 5): (1, 1, 1, 1, 0.5),
    ("long-funnel", 8): (1, 1, 1, 1, 1, 0.75, 0.5, 0.25),
    ("diamond", 5): (1 / 3, 2 / 3, 1, 2 / 3, 1 / 3),
    ("hexagon", 5): (0.5, 1, 1, 1, 0.5),
    ("triangle", 4): (0.25, 0.5, 0.75, 1),
    ("stairs", 4): (1, 1, 0.5, 0.5),
    ("stairs", 5): (1, 0.6, 0.6, 0.2, 0.2),
}


@pytest.mark.parametrize(("shape", "layers"), DRAWN)
def test_as_drawn(shape: str, layers: int):
    assert shares(shape, layers) == pytest.approx(DRAWN[shape, layers])


@pytest.mark.parametrize("shape", SHAPES)
def test_one_factor_a_layer_and_the_largest_is_one(shape: str):
    for layers in range(1, 13):
        found = shares(shape, layers)
        assert len(found) == layers
        assert max(found) == 1.0
        assert min(found) > 0.0
