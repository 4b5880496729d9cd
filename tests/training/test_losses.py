"""Each loss against its formula in double precision, and against scikit-learn's cross-entropy."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.stats import wasserstein_distance
from sklearn.metrics import log_loss

from gan_helpers.models.dense import Discriminator
from gan_helpers.training import losses

LOGITS = torch.tensor([-3.0, -0.5, 0.0, 1.0, 4.0], dtype=torch.float64)


def test_real_and_fake_loss_are_cross_entropies():
    probabilities = LOGITS.sigmoid().numpy()
    assert float(losses.real_loss(LOGITS)) == pytest.approx(log_loss([1] * 5, probabilities, labels=[0, 1]))
    assert float(losses.fake_loss(LOGITS)) == pytest.approx(log_loss([0] * 5, probabilities, labels=[0, 1]))


def test_smoothing_mixes_the_two_labels():
    smoothed = losses.real_loss(LOGITS, label_smoothing=0.1)
    expected = 0.9 * losses.real_loss(LOGITS) + 0.1 * losses.fake_loss(LOGITS)
    assert float(smoothed) == pytest.approx(float(expected))


def test_discriminator_loss_is_the_sum_of_both_halves():
    found = losses.discriminator_loss(LOGITS, -LOGITS, 0.1)
    assert float(found) == pytest.approx(float(losses.real_loss(LOGITS, 0.1) + losses.fake_loss(-LOGITS)))


def test_discriminator_loss_is_two_log_two_when_it_cannot_tell():
    assert float(losses.discriminator_loss(torch.zeros(7), torch.zeros(7))) == pytest.approx(2 * 0.6931472)


@pytest.mark.parametrize("loss", [losses.generator_loss, losses.saturating_generator_loss])
def test_both_generator_losses_fall_where_the_logit_rises(loss):
    logits = LOGITS.clone().requires_grad_()
    (slope,) = torch.autograd.grad(loss(logits), logits)
    assert (slope < 0).all()


def test_gradients_have_the_closed_forms_of_notebook_03():
    logits = LOGITS.clone().requires_grad_()
    (flipped,) = torch.autograd.grad(losses.generator_loss(logits), logits)
    (saturating,) = torch.autograd.grad(losses.saturating_generator_loss(logits), logits)
    assert torch.allclose(flipped, (LOGITS.sigmoid() - 1) / 5)
    assert torch.allclose(saturating, -LOGITS.sigmoid() / 5)


def test_extreme_logits_stay_finite():
    extreme = torch.tensor([-1e4, 1e4])
    for loss in (losses.real_loss, losses.fake_loss, losses.generator_loss, losses.saturating_generator_loss):
        assert loss(extreme).isfinite()


# --- other objectives ---------------------------------------------------------------------------------

OTHERS = torch.tensor([2.0, -1.0, 0.3, 1.0, -6.0], dtype=torch.float64)


def test_relativistic_loss_is_a_cross_entropy_on_differences():
    differences = (LOGITS - OTHERS).sigmoid().numpy()
    assert float(losses.relativistic_loss(LOGITS, OTHERS)) == pytest.approx(
        log_loss([1] * 5, differences, labels=[0, 1])
    )


def test_relativistic_loss_sees_differences_alone_and_both_players_one_game():
    assert float(losses.relativistic_loss(LOGITS + 7, OTHERS + 7)) == pytest.approx(
        float(losses.relativistic_loss(LOGITS, OTHERS))
    )
    gap = losses.relativistic_loss(OTHERS, LOGITS) - losses.relativistic_loss(LOGITS, OTHERS)
    assert float(gap) == pytest.approx(float((LOGITS - OTHERS).mean()))  # softplus(a) - softplus(-a) = a
    assert float(losses.relativistic_loss(LOGITS, LOGITS)) == pytest.approx(0.6931472)


def test_hinge_loss_counts_only_what_is_within_the_margin():
    real, fake = torch.tensor([2.0, 1.0, 0.5, -1.0]), torch.tensor([-3.0, -1.0, 0.0, 2.0])
    assert float(losses.hinge_loss(real, fake)) == pytest.approx((0 + 0 + 0.5 + 2) / 4 + (0 + 0 + 1 + 3) / 4)


def test_wasserstein_loss_is_minus_the_distance_for_the_best_critic():
    torch.manual_seed(0)
    real = torch.randn(500, dtype=torch.float64)
    fake = 3 + 0.5 * torch.randn(400, dtype=torch.float64)  # almost everywhere to the right: D(x) = -x is the best
    assert float(losses.wasserstein_loss(-real, -fake)) == pytest.approx(
        -wasserstein_distance(real.numpy(), fake.numpy()), rel=0.01
    )


def test_feature_matching_is_a_squared_distance_of_means():
    torch.manual_seed(0)
    real, fake = torch.randn(6, 3), torch.randn(4, 3)
    expected = np.sum((real.numpy().mean(0) - fake.numpy().mean(0)) ** 2)
    assert float(losses.feature_matching_loss(real, fake)) == pytest.approx(float(expected), rel=1e-5)


@pytest.mark.parametrize("name", losses.OBJECTIVES)
def test_each_objective_pulls_d_apart_and_g_towards_real(name):
    torch.manual_seed(0)
    d_objective, g_objective = losses.OBJECTIVES[name]
    real_logits, fake_logits = torch.zeros(2, 5, requires_grad=True).unbind()
    slopes = torch.autograd.grad(d_objective(real_logits, fake_logits), (real_logits, fake_logits))
    assert (slopes[0] < 0).all()
    assert (slopes[1] > 0).all()
    discriminator = Discriminator((2,), (4,), dropout=0.0)
    with torch.no_grad():
        for parameter in discriminator.parameters():
            parameter.abs_()  # D grows in every direction
    real, fake = torch.ones(5, 2), torch.zeros(5, 2, requires_grad=True)
    (slope,) = torch.autograd.grad(g_objective(discriminator, real, fake), fake)
    assert (slope < 0).all()


# --- penalties ----------------------------------------------------------------------------------------


def linear(weights):
    return lambda images: images.flatten(1) @ weights


def mlp():
    torch.manual_seed(0)
    return torch.nn.Sequential(
        torch.nn.Linear(3, 8), torch.nn.Tanh(), torch.nn.Linear(8, 1), torch.nn.Flatten(0)
    ).double()


def slopes_by_differences(discriminator, points, h=1e-6):
    steps = h * torch.eye(points.shape[1], dtype=points.dtype)
    with torch.no_grad():
        return torch.stack([(discriminator(points + s) - discriminator(points - s)) / (2 * h) for s in steps], 1)


def test_the_gradient_of_a_linear_d_is_its_weights():
    torch.manual_seed(0)
    weights, images = torch.randn(12), torch.randn(7, 3, 2, 2)
    other = torch.randn(7, 3, 2, 2)
    assert float(losses.squared_gradient(linear(weights), images)) == pytest.approx(float(weights @ weights) / 2)
    expected = (float(weights.norm()) - 1) ** 2
    assert float(losses.unit_gradient(linear(weights), images, other)) == pytest.approx(expected, rel=1e-5)


def test_squared_gradient_against_finite_differences():
    discriminator, points = mlp(), torch.randn(9, 3, dtype=torch.float64)
    slopes = slopes_by_differences(discriminator, points)
    expected = float(slopes.square().sum(1).mean() / 2)
    assert losses.squared_gradient(discriminator, points).item() == pytest.approx(expected, rel=1e-6)


def test_unit_gradient_against_finite_differences(monkeypatch):
    discriminator = mlp()
    real, fake = torch.randn(2, 9, 3, dtype=torch.float64)
    weight = torch.linspace(0, 1, 9, dtype=torch.float64).unsqueeze(1)
    monkeypatch.setattr(losses.torch, "rand", lambda *shape, **options: weight.reshape(shape))
    slopes = slopes_by_differences(discriminator, real + weight * (fake - real))
    expected = float((slopes.norm(dim=1) - 1).square().mean())
    assert float(losses.unit_gradient(discriminator, real, fake).detach()) == pytest.approx(expected, rel=1e-6)


def test_between_has_one_weight_for_each_pair_of_pictures():
    seen = []

    def watch(images):
        seen.append(images)
        return images.flatten(1).sum(1)

    losses.unit_gradient(watch, torch.zeros(50, 1, 4, 4), torch.ones(50, 1, 4, 4))
    share = seen[0].flatten(1)
    assert (share.std(1) < 1e-6).all()  # the same for all pixels of a picture
    assert 0.2 < share[:, 0].std() < 0.4  # and spread over [0, 1]: 0.29


@pytest.mark.parametrize("penalty", [losses.squared_gradient, lambda d, x: losses.unit_gradient(d, x, -x)])
def test_penalties_teach_d_and_leave_the_pictures_alone(penalty):
    discriminator, points = mlp(), torch.randn(9, 3, dtype=torch.float64, requires_grad=True)
    torch.manual_seed(0)
    value = penalty(discriminator, points)
    value.backward()
    assert points.grad is None
    weight, h = discriminator[0].weight, 1e-6
    for place in ((0, 0), (5, 2)):
        ends = []
        for step in (h, -h):
            torch.manual_seed(0)
            with torch.no_grad():
                weight[place] += step
            ends.append(float(penalty(discriminator, points).detach()))
            with torch.no_grad():
                weight[place] -= step
        assert float(weight.grad[place]) == pytest.approx((ends[0] - ends[1]) / (2 * h), abs=1e-6)
