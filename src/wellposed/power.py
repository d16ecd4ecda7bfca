"""What a study could have found: the smallest detectable difference, and the seeds that smaller ones would take."""

from __future__ import annotations

import math
from collections.abc import Callable

from scipy.special import nctdtrinc, stdtrit

MOST_SEEDS = 100_000  # more is "no number of seeds"


def detectable_effect(error: float, df: float, level: float, power: float = 0.8) -> float:
    """The smallest |mean| that a two-sided t-test at `level` finds with probability `power`.

        P(T > t_crit) = power,  T noncentral t with `df` degrees of freedom and noncentrality mean / error

    (The chance of a claim in the wrong direction is neglected.)

    Args:
        error: standard error of the mean, in the metric's units.
        df: degrees of freedom.
        level: two-sided significance level, already divided by the number of recipes where wanted.
        power: probability of detection, 0.8 by default.
    """
    # level, not a tail from 1 - level: keeps its digits for strict levels
    critical = -float(stdtrit(df, level / 2))
    return float(nctdtrinc(df, 1 - power, critical)) * error


def fewest_seeds(target: float, level: float, spread: Callable[[int], tuple[float, float]]) -> int | None:
    """The fewest seeds (to 2 %) that make a difference of `target` detectable; None if 100,000 don't suffice.

    Args:
        target: the difference, in the metric's units.
        level: as in `detectable_effect`.
        spread: number of seeds -> (standard error, degrees of freedom); both must improve with seeds.
    """

    def enough(seeds: int) -> bool:
        error, df = spread(seeds)
        return df > 0 and detectable_effect(error, df, level) <= target * (1 + 1e-6)  # nctdtrinc has seven digits

    if not math.isfinite(target) or not enough(MOST_SEEDS):
        return None
    low, high = 1, MOST_SEEDS
    if enough(low):
        return low
    while high - low > 1 and high > 1.02 * low:
        middle = max(math.isqrt(low * high), low + 1)  # geometric: most answers are small
        low, high = (low, middle) if enough(middle) else (middle, high)
    return high
