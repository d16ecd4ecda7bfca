"""Synthetic data sets: two-class point clouds of the plane, and sine waves whose parameters are to be found."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from wellposed.errors import DataError

if TYPE_CHECKING:
    import pandas as pd

CLASS = "class"
"""Target column of the point clouds."""
WAVE_PARAMETERS = ("a", "b", "c", "d")
"""Target columns of :func:`sinewaves`."""
WAVE_TIMES = np.linspace(0.0, 10.0 * np.pi, 1000)
"""The points t at which a sine wave is sampled, ``[1000]``."""

EDGE_WAVES = np.array([(0, 0, 0, 0), (1, 1, 0, 0), (0, 0, 1, 1)], dtype=np.float64)
"""Parameters on the edge of the range that :func:`sinewaves` draws from, ``[3, 4]``."""
OUTSIDE_WAVES = np.array(
    [(-1, 1, 0, 0), (0, 0, -1, 1), (2, 1, 0, 0), (1, 2, 0, 0), (0, 0, 2, 1), (0, 0, 1, 2)], dtype=np.float64
)
"""Parameters outside that range, ``[6, 4]``."""


def circles(rows: int = 450, noise: float = 0.12, seed: int = 0) -> pd.DataFrame:
    """Two concentric circles (scikit-learn's ``make_circles``): columns x1, x2 and class (0 outer, 1 inner)."""
    from sklearn.datasets import make_circles

    points, labels = make_circles(_positive(rows), noise=noise, random_state=seed)
    return _plane(np.asarray(points), np.asarray(labels))


def gaussian_quantiles(rows: int = 450, seed: int = 0) -> pd.DataFrame:
    """A Gaussian cloud cut at its median radius (``make_gaussian_quantiles``): class 0 inside, 1 outside."""
    from sklearn.datasets import make_gaussian_quantiles

    points, labels = make_gaussian_quantiles(n_samples=_positive(rows), n_features=2, n_classes=2, random_state=seed)
    return _plane(np.asarray(points), np.asarray(labels))


def blobs(rows: int = 500, seed: int = 0) -> pd.DataFrame:
    """Two unit Gaussian blobs at (−2, −2), class 0, and (2, 2), class 1; rows sorted by class."""
    random, half = np.random.default_rng(seed), _positive(rows) // 2
    centers = np.repeat([-2.0, 2.0], [half, rows - half])
    return _plane(random.normal(size=(rows, 2)) + centers[:, None], (centers > 0).astype(np.int64))


def rings(rows: int = 500, radius: float = 5.0, noise: float = 1.0, seed: int = 0) -> pd.DataFrame:
    """A cluster N(0, I), class 0, inside a ring of evenly spaced angles with noise, class 1; sorted by class."""
    random, half = np.random.default_rng(seed), _positive(rows) // 2
    angles = np.linspace(0.0, 2.0 * np.pi, rows - half, endpoint=False)
    ring = radius * np.column_stack([np.cos(angles), np.sin(angles)])
    points = np.concatenate([random.normal(size=(half, 2)), ring + noise * random.normal(size=ring.shape)])
    return _plane(points, np.repeat([0, 1], [half, rows - half]))


def sinewaves(rows: int = 10_000, seed: int = 0) -> pd.DataFrame:
    """Curves a·sin(b·t) + c·cos(d·t) with a, b, c, d uniform in [0, 1]: columns t_0 … t_999 and the targets a to d."""
    parameters = np.random.default_rng(seed).uniform(size=(_positive(rows), 4))
    return wave_frame(parameters)


def wave_curves(parameters: np.ndarray) -> np.ndarray:
    """The curves ``[rows, 1000]`` of parameters ``[rows, 4]`` at :data:`WAVE_TIMES`."""
    a, b, c, d = np.asarray(parameters, dtype=np.float64).T[:, :, None]
    return a * np.sin(b * WAVE_TIMES) + c * np.cos(d * WAVE_TIMES)


def wave_frame(parameters: np.ndarray) -> pd.DataFrame:
    """Curves and their parameters as one table; for :data:`EDGE_WAVES` and :data:`OUTSIDE_WAVES` too."""
    import pandas as pd

    curves = pd.DataFrame(wave_curves(parameters), columns=[f"t_{point}" for point in range(len(WAVE_TIMES))])
    return pd.concat([curves, pd.DataFrame(np.asarray(parameters), columns=list(WAVE_PARAMETERS))], axis=1)


def _plane(points: np.ndarray, labels: np.ndarray) -> pd.DataFrame:
    import pandas as pd

    return pd.DataFrame({"x1": points[:, 0], "x2": points[:, 1], CLASS: labels})


def _positive(rows: int) -> int:
    if rows < 2:
        raise DataError("a synthetic data set needs at least 2 rows", rows, "Ask for more.")
    return rows
