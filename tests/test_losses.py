"""Each loss against its formula in double precision, and against scikit-learn's cross-entropy."""

from __future__ import annotations

import pytest
import torch
from sklearn.metrics import log_loss

from gan_helpers import losses

LOGITS = torch.tensor([-3.0, -0.5, 0.0, 1.0, 4.0], dtype=torch.float64)


def test_real_and_fake_loss_are_cross_entropies():
    probabilities = LOGITS.sigmoid().numpy()
    assert float(losses.real_loss(LOGITS)) == pytest.approx(log_loss([1] * 5, probabilities, labels=[0, 1]))
    assert float(losses.fake_loss(LOGITS)) == pytest.approx(log_loss([0] * 5, probabilities, labels=[0, 1]))


def test_smoothing_mixes_the_two_labels():
    smoothed = losses.real_loss(LOGITS, smoothing=0.1)
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
