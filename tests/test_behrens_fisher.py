"""Oracles: Fisher and Yates's table, SciPy's t and quadrature, simulation."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import integrate, stats

from wellposed.behrens_fisher import critical_value, equivalent_df, two_sided_p


def test_fisher_and_yates_table():
    # 5 % points of d at 45 degrees: 2.435 for 6 and 6 degrees of freedom
    assert critical_value(0.05, (1.0, 1.0), (6, 6)) / np.sqrt(2) == pytest.approx(2.435, abs=0.001)


@pytest.mark.parametrize("scales", [(1.0, 0.01), (1.0, 1.0), (0.3, 1.0)])
@pytest.mark.parametrize("dfs", [(2, 39), (9, 399), (1, 11)])
@pytest.mark.parametrize("mean", [0.2, 2.0, 10.0])
def test_p_equals_quadrature(scales, dfs, mean):
    def integrand(x: float) -> float:
        return stats.t.pdf(x, dfs[1]) * stats.t.cdf((-mean - scales[1] * x) / scales[0], dfs[0])

    quadrature = 2 * integrate.quad(integrand, -np.inf, np.inf, limit=500)[0]
    assert two_sided_p(mean, scales, dfs) == pytest.approx(quadrature, rel=1e-4, abs=1e-5)
    assert two_sided_p(-mean, scales[::-1], dfs[::-1]) == pytest.approx(quadrature, rel=1e-4, abs=1e-5)


def test_one_source_is_students_t():
    assert two_sided_p(2.0, (1.0, 0.0), (9, 99)) == pytest.approx(2 * stats.t.sf(2.0, 9))
    assert critical_value(0.01, (0.0, 1.0), (9, 99)) == pytest.approx(stats.t.ppf(0.995, 99))
    assert equivalent_df(0.05, critical_value(0.05, (1.0, 0.0), (9, 99))) == pytest.approx(9)


@pytest.mark.parametrize("level", [0.05, 0.001])
def test_critical_value_inverts_p(level):
    for scales in ((1.0, 0.1), (1e-6, 3e-6)):
        bound = critical_value(level, scales, (2, 39))
        assert two_sided_p(bound, scales, (2, 39)) == pytest.approx(level, rel=1e-6)
        df = equivalent_df(level, bound / np.hypot(*scales))
        assert bound == pytest.approx(stats.t.ppf(1 - level / 2, df) * np.hypot(*scales), rel=1e-6)


def test_the_normal_limit_is_finite():
    assert equivalent_df(0.05, 1.9) == 1e9
