"""Who is timed on a workload: the engine, a bare loop without its generality, and the libraries that people use.

Each contender is made ready once (compiled, warm); `epochs(n)` then trains ``n`` epochs, validation included, and
returns when they are done. `member_steps` says how many updates of single networks an epoch holds.
"""

from __future__ import annotations

import concurrent.futures
import importlib.util
import warnings
from typing import Any, Protocol

import jax
import jax.numpy as jnp
import numpy as np

from parts.workloads import Workload, plan_of, rows_of
from wellposed.population.plan import Plan
from wellposed.runners.local import LocalRunner

__all__ = ["Bare", "Contender", "Engine", "Keras", "ScikitLearn", "StepByStep", "missing"]

_RATE, _DROPOUT, _PENALTY = 1e-3, 0.2, 1e-4


class Contender(Protocol):
    """What can be timed."""

    member_steps: int

    def epochs(self, count: int) -> None:
        """Trains so many epochs."""
        ...


def missing(library: str) -> bool:
    """Whether a peer isn't installed."""
    return importlib.util.find_spec(library) is None


class Engine:
    """The library as a study uses it: the plan decides tiles, the local runner trains them side by side.

    Args:
        inside: with records of gradients, weights and dead units.
    """

    def __init__(self, work: Workload, members: int, *, inside: bool = False) -> None:
        self.work, self.members, self.member_steps, self.inside = work, members, members * work.steps, inside
        self._rows, self._runner = rows_of(work), LocalRunner()
        self._plans: dict[int, Plan] = {}  # planning isn't training
        part = plan_of(work, members, 1).programs[0]
        self.tiles = f"{len(part.tiles)} tile{'s' if len(part.tiles) > 1 else ''} of {part.streams} × {part.lanes}"

    def epochs(self, count: int) -> None:
        """See `Contender`."""
        if count not in self._plans:
            self._plans[count] = plan_of(self.work, self.members, count, inside=self.inside)
        self._runner.run(self._plans[count], lambda _: self._rows, [(0, 0)], seed=0)


class Bare:
    """DESIGN §3's prototype: one hand-written program for exactly this workload, minibatches and masks shared.

    No freezing of stopped members, no records, no padding, no check for divergence.

    Args:
        threads: 1: all lanes in one program; 2: half of them in each of two threads, each program single-threaded.
        training_scores: also score all training rows every epoch, as the engine does.
    """

    def __init__(self, work: Workload, threads: int, *, training_scores: bool = False) -> None:
        self.work, self.member_steps = work, work.members * work.steps
        rows = rows_of(work)
        assert rows.validation is not None
        scored = [(jnp.asarray(rows.validation[0]), jnp.asarray(rows.validation[1]))]
        x, y = jnp.asarray(rows.x), jnp.asarray(rows.y)
        scored += [(x, y)] if training_scores else []
        lanes = work.members // threads
        start = _start(work, lanes)
        traced = (*start, jnp.int32(0), jnp.int32(1), x, y, scored)
        options = {"xla_cpu_multi_thread_eigen": False} if threads > 1 else None
        self._program = jax.jit(_epochs(work)).lower(*traced).compile(compiler_options=options)
        self._states, self._data = [start[:3]] * threads, (x, y, scored)
        self._strengths = start[3]
        self._pool = concurrent.futures.ThreadPoolExecutor(threads)

    def epochs(self, count: int) -> None:
        """See `Contender`."""
        self._states = list(self._pool.map(lambda state: self._train(state, count), self._states))

    def _train(self, state: Any, count: int) -> Any:
        *state, scores = self._program(*state, self._strengths, jnp.int32(0), jnp.int32(count), *self._data)
        jax.block_until_ready(scores)
        return tuple(state)


class StepByStep:
    """A Python loop over compiled steps of a single network, rows gathered on the device."""

    def __init__(self, work: Workload) -> None:
        self.work, self.member_steps = work, work.steps
        rows = rows_of(work)
        assert rows.validation is not None
        self._x, self._y = jnp.asarray(rows.x), jnp.asarray(rows.y)
        self._validation = (jnp.asarray(rows.validation[0]), jnp.asarray(rows.validation[1]))
        params, moment, square, strengths = _start(work, 1)
        self._state = jax.tree.map(lambda leaf: leaf[0], (params, moment, square))
        own = jax.tree.map(lambda leaf: leaf[0], strengths)
        self._rng, self._key = np.random.default_rng(0), jax.random.key(0, impl="threefry2x32")

        @jax.jit
        def step(state: Any, rows: jax.Array, key: jax.Array, number: jax.Array, x: jax.Array, y: jax.Array) -> Any:
            key = jax.random.fold_in(key, number)
            return _step(work, *state, own, x[rows], y[rows], key, number.astype(jnp.float32))

        self._step = step
        self._score = jax.jit(lambda params, x, y: jnp.mean(_losses(work, _forward(work, params, x), y)))

    def epochs(self, count: int) -> None:
        """See `Contender`."""
        size, done = self.work.batch, 0
        for _ in range(count):
            order = self._rng.permutation(self.work.training)
            order = np.concatenate([order, order])[: self.work.steps * size].astype(np.int32)
            for start in range(0, len(order), size):
                done += 1
                self._state = self._step(
                    self._state, order[start : start + size], self._key, np.int32(done), self._x, self._y
                )
            float(self._score(self._state[0], *self._validation))


class Keras:
    """One Keras network on the JAX backend, ``fit`` with validation data every epoch."""

    def __init__(self, work: Workload, steps_per_execution: int) -> None:
        import keras

        self.work, self.member_steps = work, work.steps
        rows = rows_of(work)
        penalty = keras.regularizers.L1L2(_PENALTY, _PENALTY) if work.regularized else None
        layers: list[Any] = [keras.Input((work.widths[0],))]
        for width in work.widths[1:-1]:
            layers.append(keras.layers.Dense(width, activation="relu", kernel_regularizer=penalty))
            layers += [keras.layers.Dropout(_DROPOUT)] if work.regularized else []
        layers.append(keras.layers.Dense(work.widths[-1], activation=work.activation, kernel_regularizer=penalty))
        self._model: Any = keras.Sequential(layers)
        self._model.compile(
            optimizer=keras.optimizers.Adam(_RATE),
            loss=work.loss,
            metrics=[work.metric],
            steps_per_execution=steps_per_execution,
        )
        self._rows = rows

    def epochs(self, count: int) -> None:
        """See `Contender`."""
        rows = self._rows
        assert rows.validation is not None
        self._model.fit(
            rows.x,
            rows.y,
            batch_size=self.work.batch,
            epochs=count,
            validation_data=rows.validation[:2],
            validation_batch_size=1024,
            verbose=0,
        )


class ScikitLearn:
    """scikit-learn's network: no dropout, no L1, and no validation (its own is tied to early stopping)."""

    def __init__(self, work: Workload) -> None:
        self.work, self.member_steps, self._rows = work, work.steps, rows_of(work)

    def epochs(self, count: int) -> None:
        """See `Contender`."""
        from sklearn.exceptions import ConvergenceWarning
        from sklearn.neural_network import MLPClassifier, MLPRegressor

        settings: dict[str, Any] = {
            "hidden_layer_sizes": self.work.widths[1:-1],
            "batch_size": self.work.batch,
            "alpha": _PENALTY if self.work.regularized else 0.0,
            "max_iter": count,
            "n_iter_no_change": 10**6,
            "tol": 0.0,
            "random_state": 0,
        }
        y = self._rows.y
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            if self.work.task == "regression":
                MLPRegressor(**settings).fit(self._rows.x, y)
            else:
                MLPClassifier(**settings).fit(self._rows.x, y[:, 0] if y.shape[1] == 1 else y.argmax(1))


# -- the bare step ------------------------------------------------------------------------------------------------


def _start(work: Workload, lanes: int) -> tuple[Any, Any, Any, Any]:
    """Weights [lanes, …], Adam's two moments, and (dropout, L1, L2, learning rate) of every lane."""
    rng, params = np.random.default_rng(1), []
    for a, b in zip(work.widths[:-1], work.widths[1:], strict=True):
        kernel = (rng.standard_normal((a, b)) * np.sqrt(2 / (a + b))).astype(np.float32)
        params.append((jnp.asarray(np.stack([kernel] * lanes)), jnp.zeros((lanes, b), jnp.float32)))
    zeros = jax.tree.map(jnp.zeros_like, params)
    strengths = tuple(jnp.full(lanes, value, jnp.float32) for value in (_DROPOUT, _PENALTY, _PENALTY, _RATE))
    return params, zeros, zeros, strengths


def _forward(work: Workload, params: Any, x: jax.Array, key: Any = None, rate: Any = 0.0) -> jax.Array:
    for index, (kernel, bias) in enumerate(params):
        x = x @ kernel + bias
        if index < len(params) - 1:
            x = jax.nn.relu(x)
            if work.regularized and key is not None:
                draw = jax.random.uniform(jax.random.fold_in(key, index), x.shape)
                x = jnp.where(draw >= rate, x / (1 - rate), 0.0)
    return x


def _losses(work: Workload, logits: jax.Array, y: jax.Array) -> jax.Array:
    if work.activation == "sigmoid":
        return jnp.mean(jnp.maximum(logits, 0) - logits * y + jnp.log1p(jnp.exp(-jnp.abs(logits))), -1)
    if work.activation == "softmax":
        return -jnp.sum(y * jax.nn.log_softmax(logits), -1)
    return jnp.mean(jnp.abs(logits - y), -1)


def _step(
    work: Workload,
    params: Any,
    moment: Any,
    square: Any,
    strengths: Any,
    x: jax.Array,
    y: jax.Array,
    key: jax.Array,
    number: jax.Array,
) -> tuple[Any, Any, Any]:
    rate, l1, l2, learning_rate = strengths

    def objective(params: Any) -> jax.Array:
        loss = jnp.mean(_losses(work, _forward(work, params, x, key, rate), y))
        if work.regularized:
            loss += sum(l1 * jnp.sum(jnp.abs(kernel)) + l2 * jnp.sum(kernel * kernel) for kernel, _ in params)
        return loss

    grads = jax.grad(objective)(params)
    moment = jax.tree.map(lambda m, g: m + (g - m) * 0.1, moment, grads)
    square = jax.tree.map(lambda v, g: v + (g * g - v) * 0.001, square, grads)
    alpha = learning_rate * jnp.sqrt(1 - 0.999**number) / (1 - 0.9**number)
    params = jax.tree.map(lambda p, m, v: p - alpha * m / (jnp.sqrt(v) + 1e-7), params, moment, square)
    return params, moment, square


def _epochs(work: Workload) -> Any:
    """The function that trains ``count`` epochs of all lanes and scores after each."""
    size, steps, rows = work.batch, work.steps, work.training

    def lane(params: Any, moment: Any, square: Any, own: Any, x: Any, y: Any, key: Any, number: Any) -> Any:
        return _step(work, params, moment, square, own, x, y, key, number)

    lanes = jax.vmap(lane, in_axes=(0, 0, 0, 0, None, None, None, None))

    def run(params: Any, moment: Any, square: Any, own: Any, first: Any, count: Any, x: Any, y: Any, sets: Any) -> Any:
        def epoch(index: jax.Array, carry: Any) -> Any:
            key = jax.random.fold_in(jax.random.key(0, impl="threefry2x32"), index)
            order = jax.random.permutation(key, rows)
            order = jnp.concatenate([order, order[: steps * size - rows]])

            def body(step: jax.Array, state: Any) -> Any:
                chosen = jax.lax.dynamic_slice(order, (step * size,), (size,))
                number = (index * steps + step + 1).astype(jnp.float32)
                return lanes(*state, own, x[chosen], y[chosen], jax.random.fold_in(key, step), number)

            state = jax.lax.fori_loop(0, steps, body, carry[:3])
            return *state, jnp.stack([scores(state[0], *part) for part in sets], -1)

        def scores(params: Any, x: jax.Array, y: jax.Array) -> jax.Array:
            return jax.vmap(lambda one: jnp.mean(_losses(work, _forward(work, one, x), y)))(params)

        empty = jnp.zeros((own[0].shape[0], len(sets)), jnp.float32)
        return jax.lax.fori_loop(first, first + count, epoch, (params, moment, square, empty))

    return run
