"""The mixture of Gaussians against scikit-learn's, on its likelihood, and on points of known origin."""

from __future__ import annotations

from itertools import pairwise

import pytest
import torch
from sklearn.mixture import GaussianMixture

from gan_helpers.latent.mixtures import fit_mixture, mixture_of, shares_of


def clouds(n: int = 900) -> torch.Tensor:
    """Points around three centres, a half, a third and a sixth of them, each cloud of its own shape."""
    torch.manual_seed(0)
    place = torch.multinomial(torch.tensor([3.0, 2.0, 1.0]), n, replacement=True)
    centres = torch.tensor([[0.0, 0.0], [6.0, 0.0], [0.0, 6.0]])
    shapes = torch.tensor([[[1.0, 0.0], [0.8, 0.5]], [[0.3, 0.0], [0.0, 1.5]], [[1.0, 0.0], [-0.9, 0.3]]])
    return centres[place] + torch.einsum("nfg,ng->nf", shapes[place], torch.randn(n, 2))


def test_one_step_is_that_of_scikit_learn():
    points = clouds().double()
    shares = torch.rand(len(points), 3).double().softmax(1)
    ours = mixture_of(points, shares)
    covariances = ours.component_distribution.covariance_matrix
    theirs = GaussianMixture(3)
    theirs.weights_, theirs.means_ = ours.mixture_distribution.probs.numpy(), ours.component_distribution.mean.numpy()
    theirs.covariances_ = covariances.numpy()
    theirs.precisions_cholesky_ = torch.linalg.cholesky(torch.linalg.inv(covariances)).numpy()
    assert torch.allclose(shares_of(ours, points), torch.from_numpy(theirs.predict_proba(points.numpy())), atol=1e-6)
    assert ours.log_prob(points).mean().item() == pytest.approx(theirs.score(points.numpy()), abs=1e-6)


@pytest.mark.parametrize("seed", range(4))
def test_the_likelihood_rises_with_each_step(seed):
    points = clouds().double()
    means = [fit_mixture(points, 5, steps, seed).log_prob(points).mean() for steps in (1, 2, 5, 20)]
    assert all(later > earlier - 1e-4 for earlier, later in pairwise(means))
    assert means[-1] > means[0]


def test_it_fits_as_well_as_scikit_learn_and_draws_what_it_was_fitted_to():
    points = clouds().double()
    best = max(fit_mixture(points, 3, 60, seed).log_prob(points).mean().item() for seed in range(5))
    assert best == pytest.approx(
        GaussianMixture(3, n_init=5, random_state=0).fit(points.numpy()).score(points.numpy()), abs=0.01
    )
    drawn = fit_mixture(points, 3, 60).sample((20_000,))
    assert torch.allclose(drawn.mean(0), points.mean(0), atol=0.1)
    assert torch.allclose(drawn.T.cov(), points.T.cov(), atol=0.3)


def test_copies_of_a_point_make_no_component_collapse():
    points = torch.cat([torch.ones(50, 3), torch.randn(50, 3)])
    assert fit_mixture(points, 4).log_prob(points).isfinite().all()


@pytest.mark.parametrize(
    ("points", "options", "message"),
    [
        (torch.zeros(5), {}, "give finite numbers"),
        (torch.full((50, 2), float("nan")), {}, "give finite numbers"),
        (torch.randn(50, 2), {"components": 26}, "choose 1 to 25"),
        (torch.randn(50, 2), {"components": 0}, "choose 1 to 25"),
        (torch.randn(50, 2), {"components": 2, "steps": 0}, "fits nothing"),
    ],
)
def test_what_cannot_be_fitted_is_refused(points, options, message):
    with pytest.raises(ValueError, match=message):
        fit_mixture(points, **options)
