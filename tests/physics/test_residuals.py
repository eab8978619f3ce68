import numpy as np
import pytest

from aetrig.physics.residuals import residuals


def test_gaussian_residuals_have_equal_widths_with_honest_errors() -> None:
    generator = np.random.default_rng(5)
    found = [residuals("pt", generator.normal(1.5, 2.0, 2000)) for _ in range(200)]
    for name, expected in (("mean", 1.5), ("sigma68", 2.0), ("std", 2.0)):
        estimates = [getattr(result, name) for result in found]
        values = np.array([estimate.value for estimate in estimates])
        assert values.mean() == pytest.approx(expected, abs=0.02)
        errors = np.mean([estimate.error for estimate in estimates])
        assert errors == pytest.approx(values.std(), rel=0.2)


def test_sigma68_ignores_outliers_that_dominate_the_standard_deviation() -> None:
    difference = np.concatenate((np.random.default_rng(6).normal(size=10_000), [1e4] * 20))
    found = residuals("pt", difference)
    assert found.sigma68.value == pytest.approx(1.0, abs=0.05)
    assert found.std.value > 100


def test_perfect_reconstruction_has_no_width() -> None:
    found = residuals("eta", np.zeros(7))
    assert (found.mean.value, found.sigma68.value, found.std.value, found.std.error) == (0, 0, 0, 0)
