"""What every technique of the catalogue claims of itself, checked for all of them alike."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from wellposed.errors import TechniqueError
from wellposed.network.mlp import Outputs
from wellposed.network.randomness import Rng, study_key
from wellposed.techniques.base import Batch, Context, Evaluation, Monitor, Own, Technique, overrides
from wellposed.techniques.catalog import CATALOG, explain, find

every = pytest.mark.parametrize("cls", CATALOG, ids=lambda cls: cls.name)
HIDDEN = {"hidden1": (6, 3), "hidden2": (6, 3)}


class Bench:
    """Calls each hook as the engine does; ``params``, values and gradients can all be set to zero."""

    def __init__(self, context: Context, params: Any, batch: Batch, rng: Rng, scale: Any = 1.0):
        self.context, self.batch, self.rng = context, batch, rng
        self.params = jax.tree.map(lambda leaf: leaf * scale, params)
        self.grads = jax.tree.map(lambda leaf: 3.0 * leaf[::-1], self.params)
        numbers = np.random.default_rng(2)
        self.values = {
            name: scale * jnp.asarray(numbers.normal(size=shape), jnp.float32) for name, shape in HIDDEN.items()
        }
        self.values["input"] = scale * batch.x

    def own(self, item: Technique) -> Own:
        prepared = item.prepare(self.context, {"x": np.asarray(self.batch.x), "y": np.asarray(self.batch.y)})
        prepared = jax.tree.map(jnp.asarray, prepared)
        return item.init(self.context, self.params, study_key(1))._replace(prepared=prepared)

    def evaluate(self, params: Any, batch: Batch, *, draw: int = 0) -> Evaluation:
        """A linear network under noise: passes differ as they do under dropout."""
        noise = jax.random.normal(self.rng.again(draw).key("noise"), batch.y.shape)
        logits = batch.x @ params["output"]["dense"]["kernel"] + noise
        loss = jnp.sum(jnp.square(logits - batch.y) * batch.mask[:, None])
        return Evaluation(loss, Outputs(logits[None], {}), {})

    def calls(self, item: Technique) -> dict[str, Callable[[Any], Any]]:
        """By hook: a function of the technique (or of `Technique`, for the identity) that gives the hook's result."""
        own, params, rng, mask = self.own(item), self.params, self.rng, self.batch.mask
        hidden = {name: self.values[name] for name in HIDDEN}
        settings = dict(lr=jnp.float32(0.1), preconditioner=jax.tree.map(jnp.ones_like, params), step=jnp.int32(10))

        def values(hooks: Any) -> Any:
            return {
                name: hooks.hidden(item, h, name, own, mask=mask, rng=rng, train=True)
                for name, h in self.values.items()
            }

        def grad(params: Any) -> tuple[Any, Evaluation]:
            return jax.tree.map(lambda w, g: g + 0.1 * w, params, self.grads), self.evaluate(params, self.batch)

        def updated(hooks: Any) -> Any:
            new, state = hooks.update(item, self.grads, params, own, **settings, total=jnp.int32(10))
            return new, hooks.inference(item, new, own._replace(state=state))[0]

        def epochs(hooks: Any) -> Any:
            after, results = own, []
            for epoch, score in enumerate((1.0, 0.5, 0.7, 0.4)):
                monitor = Monitor({"loss": jnp.float32(score), "accuracy": jnp.float32(-score)})
                state, stop, keep = hooks.epoch_end(item, after, monitor, epoch=jnp.int32(epoch))
                after = own._replace(state=state)
                results.append((jnp.asarray(stop), jnp.asarray(keep)))
            return results

        losses = jnp.asarray([0.0, 0.3, -0.2], jnp.float32)
        return {
            "augment": lambda hooks: hooks.augment(item, self.batch, own, rng),
            "weights": lambda hooks: hooks.weights(item, params, own, rng, train=True),
            "hidden": values,
            "row_loss": lambda hooks: hooks.row_loss(
                item, losses[None], Outputs(jnp.zeros((1, 3, 3)), hidden), self.batch, own
            ),
            "batch_loss": lambda hooks: jax.vmap(jax.value_and_grad(lambda loss: hooks.batch_loss(item, loss)))(losses),
            "penalty": lambda hooks: jnp.float32(0.0) + hooks.penalty(item, params, own, hidden, mask),
            "objective": lambda hooks: hooks.objective(item, self.evaluate, params, self.batch, own, rng, draw=0),
            "differentiate": lambda hooks: hooks.differentiate(item, grad, params, own),
            "gradients": lambda hooks: hooks.gradients(item, self.grads, own, rng, step=jnp.int32(3)),
            "update": updated,
            "epoch_end": epochs,
        }


@pytest.fixture
def bench(context: Context, params: Any, batch: Batch, rng: Rng) -> Bench:
    return Bench(context, params, batch, rng)


@pytest.fixture
def bench_of_zeros(context: Context, params: Any, batch: Batch, rng: Rng) -> Bench:
    return Bench(context, params, batch, rng, scale=0.0)


def traced(item: Technique) -> Technique:
    """The technique as a hook sees it: strengths are arrays."""
    return jax.tree.map(jnp.float32, item)


def at(cls: type[Technique], end: int) -> Technique:
    """The technique at the low (0) or high (1) end of its search ranges."""
    return cls(**{name: space[end] for name, space in cls.search_space().items()})


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


@every
def test_example_survives_json(cls: type[Technique]):
    item = cls.example()
    config = json.loads(json.dumps(item.config()))
    assert find(config.pop("name"))(**config) == item


@every
def test_search_space_lies_within_bounds(cls: type[Technique]):
    assert set(cls.search_space()) <= set(cls.strengths())
    for low, high, log in cls.search_space().values():
        assert low < high
        assert low > 0 or not log
    at(cls, 0), at(cls, 1)


@every
def test_documented(cls: type[Technique]):
    text = explain(cls)
    first, equation = (cls.__doc__ or "").split("\n\n")[:2]
    assert first.endswith(".")
    assert len(first.splitlines()) == 1
    assert any(sign in equation for sign in "←=<")
    assert "\n    Source: " in (cls.__doc__ or "")
    fields = dataclasses.fields(cls)  # type: ignore[arg-type]
    assert all(f"        {field.name}: " in (cls.__doc__ or "") for field in fields)
    assert f"Reference: {cls.reference}" in text
    assert text.startswith(f"{cls.name} ({cls.__name__}), {cls.family}")


def test_explain():
    assert explain(find("max-norm")).endswith(
        "Strengths:\n    limit: default 3, in (0, ∞); searched from 1 to 4\n\n"
        "Options:\n    layers: default all\n\n"
        "Hooks: update\n\n"
        "Reference: Srivastava, Hinton, Krizhevsky, Sutskever and Salakhutdinov 2014, Dropout: a simple way to prevent "
        'neural networks from overfitting, JMLR 15, §5.1\n\nExample: --with "max-norm=3.0"'
    )


@every
def test_acts_somewhere(cls: type[Technique], bench: Bench):
    """At one end of its range every technique changes something."""
    changed = [
        hook
        for item in (at(cls, 0), at(cls, 1))
        for hook, call in bench.calls(traced(item)).items()
        if overrides(item, hook) and not _equal(call(cls), call(Technique))
    ]
    trains = jax.tree.leaves(bench.own(cls.example()).params)  # weight norm changes what the optimizer moves
    assert changed or trains or overrides(cls.example(), "network")


@every
def test_neutral_is_the_identity_hook_by_hook(cls: type[Technique], bench: Bench, bench_of_zeros: Bench):
    item = cls.example().neutral()
    if item is None:
        assert not cls.cheap or not cls.strengths()
        pytest.skip("has no neutral strength")
    for where in (bench, bench_of_zeros):
        for hook, call in where.calls(traced(item)).items():
            if overrides(item, hook):
                assert _equal(call(cls), call(Technique)), hook


@every
def test_gradients_are_finite(cls: type[Technique], context: Context, params: Any, batch: Batch, rng: Rng):
    """At both ends of the search range, at the weights given and where weights, values and gradients are zero."""

    @jax.jit
    def finite(item: Technique, scale: Any) -> Any:
        bench = Bench(context, params, batch, rng, scale)
        results = [call(cls) for hook, call in bench.calls(item).items() if overrides(item, hook)]
        hidden = {name: bench.values[name] for name in HIDDEN}
        grads = jax.grad(_training_loss, (1, 2))(item, bench.params, hidden, bench)
        return jnp.all(jnp.stack([jnp.all(jnp.isfinite(leaf)) for leaf in jax.tree.leaves((results, grads))]))

    for end in (0, 1):
        for scale in (1.0, 0.0):
            assert finite(traced(at(cls, end)), jnp.float32(scale)), (end, scale)


def _training_loss(item: Technique, params: Any, hidden: dict[str, Any], bench: Bench) -> Any:
    """The sum of what the hooks inside the gradient make of weights and hidden values."""
    own, rng, batch = bench.own(item), bench.rng, bench.batch
    loss = jnp.float32(0.0)
    if overrides(item, "weights"):
        loss += sum(jnp.sum(leaf) for leaf in jax.tree.leaves(item.weights(params, own, rng, train=True)))
    if overrides(item, "hidden"):
        for name, h in hidden.items():
            loss += jnp.sum(item.hidden(h, name, own, mask=batch.mask, rng=rng, train=True))
    if overrides(item, "objective"):
        loss += item.objective(bench.evaluate, params, batch, own, rng, draw=0).loss
    if overrides(item, "penalty"):
        loss += item.penalty(params, own, hidden, batch.mask)
    return item.batch_loss(loss)


@every
def test_lanes_equal_single_members(cls: type[Technique], bench: Bench):
    """Strengths batched, key and rows not: every lane gives what it gives alone."""
    if not cls.strengths():
        pytest.skip("has no strength")
    items = [traced(cls.example()), traced(at(cls, 1))]
    lanes = jax.tree.map(lambda *leaves: jnp.stack(leaves), *items)

    def results(item: Technique) -> Any:
        return {hook: call(cls) for hook, call in bench.calls(item).items() if overrides(item, hook)}

    together, one = jax.jit(jax.vmap(results))(lanes), jax.jit(results)
    alone = jax.tree.map(lambda *leaves: jnp.stack(leaves), *(one(item) for item in items))
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6), together, alone)


@every
def test_bad_strengths_are_refused(cls: type[Technique]):
    for name in cls.strengths():
        for value in (-1.0, float("nan"), True, "much"):
            with pytest.raises(TechniqueError, match=rf"^{cls.__name__}: {name} must be a number in [\[(]"):
                cls(**{name: value})


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


def _equal(a: Any, b: Any) -> bool:
    pairs = zip(jax.tree.leaves(a), jax.tree.leaves(b), strict=True)
    return all(bool(jnp.array_equal(left, right)) for left, right in pairs)
