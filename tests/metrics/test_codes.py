"""Principal components against scikit-learn, Wiener's estimate against normal equations and a regression, and maps."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.linalg import subspace_angles
from sklearn.decomposition import PCA as Oracle
from sklearn.linear_model import LinearRegression

from gan_helpers.data.sets import scale_pixels
from gan_helpers.data.strokes import stroke_digits
from gan_helpers.metrics.filters import principal_components, wiener_estimate
from gan_helpers.viz.codes import code_grid, plot_codes

DIGITS = scale_pixels(stroke_digits(torch.arange(1500) % 10, seed=3))
ROWS = DIGITS.flatten(1).double().numpy()


@pytest.fixture
def correlated() -> torch.Tensor:
    """4,000 pictures of 2x3 whose pixels depend on each other."""
    torch.manual_seed(0)
    mix = torch.randn(6, 6)
    return (torch.randn(4000, 6) @ mix * 0.2 + 0.1).view(-1, 1, 2, 3)


def test_components_are_those_of_scikit_learn():
    ours, oracle = principal_components(DIGITS, 12), Oracle(12, svd_solver="full").fit(ROWS)
    assert np.rad2deg(subspace_angles(ours.axes.T.numpy(), oracle.components_.T)).max() < 0.1
    n = len(DIGITS)
    assert np.allclose(ours.variances, oracle.explained_variance_ * (n - 1) / n, rtol=1e-3)
    rebuilt = oracle.inverse_transform(oracle.transform(ROWS))
    assert np.allclose(ours.decode(ours.encode(DIGITS)).flatten(1), rebuilt, atol=1e-3)


def test_fewer_codes_use_the_first_axes():
    pca = principal_components(DIGITS, 12)
    few = principal_components(DIGITS, 5)
    assert torch.allclose(pca.decode(pca.encode(DIGITS)[:, :5]), few.decode(few.encode(DIGITS)), atol=1e-4)


def test_the_error_is_the_variance_left_over():
    pca = principal_components(DIGITS, 784)
    codes = pca.encode(DIGITS)
    error = (pca.decode(codes[:, :20]) - DIGITS).square().sum((1, 2, 3)).mean()
    assert torch.isclose(error, pca.variances[20:].sum(), rtol=1e-3)


@pytest.mark.parametrize("k", [0, 785])
def test_an_impossible_number_of_components_is_an_error(k):
    with pytest.raises(ValueError, match="choose 1 to 784"):
        principal_components(DIGITS, k)


def test_the_estimate_solves_the_normal_equations():
    pca, sigma = principal_components(DIGITS, 784), 0.6
    noisy = DIGITS[:20] + sigma * torch.randn(20, 1, 28, 28)
    mean, cov = ROWS.mean(0), np.cov(ROWS.T, bias=True)
    gain = np.linalg.solve(cov + sigma**2 * np.eye(784), cov)
    expected = mean + (noisy.flatten(1).double().numpy() - mean) @ gain
    assert np.allclose(wiener_estimate(pca, noisy, sigma).flatten(1), expected, atol=1e-3)


def test_no_regression_beats_the_estimate(correlated):
    noisy = correlated + 0.3 * torch.randn_like(correlated)
    estimate = wiener_estimate(principal_components(correlated, 6), noisy, 0.3)
    regression = LinearRegression().fit(noisy.flatten(1).numpy(), correlated.flatten(1).numpy())
    fitted = regression.predict(noisy.flatten(1).numpy())
    ours, theirs = (((x - correlated.flatten(1).numpy()) ** 2).mean() for x in (estimate.flatten(1).numpy(), fitted))
    assert ours == pytest.approx(theirs, rel=0.01)


def test_a_grid_of_codes_is_read_like_a_page():
    torch.manual_seed(0)
    codes = torch.rand(20_000, 2) * torch.tensor([2.0, 4.0])  # evenly over [0, 2] x [0, 4]
    grid = code_grid(codes, side=3, share=0.5).view(3, 3, 2)
    expected = torch.tensor([[[x, y] for x in (0.5, 1.0, 1.5)] for y in (3.0, 2.0, 1.0)])
    assert torch.allclose(grid, expected, atol=0.05)


def test_every_class_has_its_colour_and_name_on_the_map():
    labels = torch.arange(30) % 10
    picture = plot_codes({"a": torch.randn(30, 2), "b": torch.randn(30, 2)}, labels)
    assert picture.alt == "the codes of 30 pictures by class: a, b"
    one_class = plot_codes({"a": torch.randn(30, 2)}, torch.zeros(30, dtype=torch.long))
    assert len(picture.content) > len(one_class.content) > 1000
