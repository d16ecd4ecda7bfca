"""The multilayer perceptron: what its layers become."""

from __future__ import annotations

import pytest

from wellposed.errors import StudyError
from wellposed.network.layers import Activation
from wellposed.network.mlp import MLP


def test_each_hidden_layer_may_have_its_own_activation() -> None:
    network = MLP((4, 3), ["tanh", "leaky_relu(negative_slope=0.3)"]).build(
        features=2, outputs=1, output_activation="linear"
    )
    found = [layer.name for block in network.blocks for _, layer in block.layers if isinstance(layer, Activation)]
    assert found == ["tanh", "leaky_relu(negative_slope=0.3)"]


def test_widths_without_brackets_are_refused() -> None:
    with pytest.raises(StudyError) as caught:
        MLP(20, 20)  # type: ignore[arg-type]
    assert str(caught.value) == "network: widths stand in one pair of brackets, got 20. Write MLP((20, 20))."


def test_activations_must_be_as_many_as_hidden_layers() -> None:
    with pytest.raises(StudyError) as caught:
        MLP((4, 3), ("tanh",))
    assert str(caught.value) == "network: 2 hidden layers need one activation or 2, got ('tanh',)"
