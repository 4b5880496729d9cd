"""Adversarial losses on logits, and penalties on D's gradient. Notebooks 03, 07 and 08 derive each of them.

The losses take logits of shape (N,), any real number, and return a scalar in nats. The adversarial loop calls a
``d_loss`` and a ``g_loss`` (see ``DLoss`` and ``GLoss``): the rest of this file builds them from losses on logits.
Source: Goodfellow et al., *Generative Adversarial Networks*, arXiv 1406.2661;
one-sided label smoothing: Salimans et al., arXiv 1606.03498, section 3.4.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

# A d_loss takes D, real pictures (N, ...), generated ones, the labels (N,) if there are any, and the step; it returns
# the loss, D's logits for the two, and perhaps a penalty, which is stepped on with the loss but not recorded.
DLoss = Callable[..., tuple[Tensor, ...]]
# A g_loss takes D, real pictures, generated ones, and the labels if there are any; it returns the loss.
GLoss = Callable[..., Tensor]


def real_loss(logits: Tensor, label_smoothing: float = 0.0) -> Tensor:
    """Cross-entropy of the logits (N,) against the label "real": 1 - label_smoothing."""
    labels = torch.full_like(logits, 1 - label_smoothing)
    return F.binary_cross_entropy_with_logits(logits, labels)


def fake_loss(logits: Tensor) -> Tensor:
    """Cross-entropy of the logits (N,) against the label "generated": 0."""
    return F.binary_cross_entropy_with_logits(logits, torch.zeros_like(logits))


def discriminator_loss(real_logits: Tensor, fake_logits: Tensor, label_smoothing: float = 0.0) -> Tensor:
    """What D minimises: real pictures called real, generated ones called generated."""
    return real_loss(real_logits, label_smoothing) + fake_loss(fake_logits)


def generator_loss(fake_logits: Tensor) -> Tensor:
    """What G minimises: its pictures with the label flipped to "real" (the non-saturating loss)."""
    return real_loss(fake_logits)


def saturating_generator_loss(fake_logits: Tensor) -> Tensor:
    """G's loss in the minimax game, log(1 - D(G(z))): its gradient vanishes where D is sure."""
    return -fake_loss(fake_logits)


# --- other objectives, notebook 07 --------------------------------------------------------------------
# An objective is a pair: D's loss of (real_logits, fake_logits), (N,) each, and G's, a ``GLoss``.


def relativistic_loss(winner_logits: Tensor, loser_logits: Tensor) -> Tensor:
    """Cross-entropy of "the first picture of each pair is the more real one": log(1 + exp(loser - winner)).

    D wants the real picture to win, G its own. Source: Jolicoeur-Martineau, arXiv 1807.00734; R3GAN, arXiv 2501.05441.
    """
    return F.softplus(loser_logits - winner_logits).mean()


def hinge_loss(real_logits: Tensor, fake_logits: Tensor) -> Tensor:
    """D's hinge loss: no gain from logits beyond +1 for real and -1 for generated pictures.

    Source: Lim and Ye, arXiv 1705.02894; Miyato et al., arXiv 1802.05957, equation 16.
    """
    return F.relu(1 - real_logits).mean() + F.relu(1 + fake_logits).mean()


def wasserstein_loss(real_logits: Tensor, fake_logits: Tensor) -> Tensor:
    """The critic's loss: minus the gap between its mean scores. Unbounded without a Lipschitz constraint.

    Source: Arjovsky et al., *Wasserstein GAN*, arXiv 1701.07875, equation 3.
    """
    return fake_logits.mean() - real_logits.mean()


def feature_matching_loss(real_features: Tensor, fake_features: Tensor) -> Tensor:
    """Squared distance between the mean features (N, F) of real and of generated pictures.

    Source: Salimans et al., *Improved Techniques for Training GANs*, arXiv 1606.03498, section 3.1.
    """
    return (real_features.mean(0) - fake_features.mean(0)).square().sum()


def _non_saturating(discriminator: Any, real: Tensor, fake: Tensor, *labels: Tensor) -> Tensor:
    return generator_loss(discriminator(fake, *labels))


def _relativistic(discriminator: Any, real: Tensor, fake: Tensor, *labels: Tensor) -> Tensor:
    return relativistic_loss(discriminator(fake, *labels), discriminator(real, *labels))


def _highest_score(discriminator: Any, real: Tensor, fake: Tensor, *labels: Tensor) -> Tensor:
    return -discriminator(fake, *labels).mean()


def _feature_matching(discriminator: Any, real: Tensor, fake: Tensor) -> Tensor:
    features = discriminator.layers[:-1]  # all but the layer that makes the logit
    return feature_matching_loss(features(real), features(fake))


OBJECTIVES: dict[str, tuple[Callable[[Tensor, Tensor], Tensor], GLoss]] = {
    "non-saturating": (discriminator_loss, _non_saturating),
    "feature matching": (discriminator_loss, _feature_matching),
    "relativistic": (relativistic_loss, _relativistic),
    "hinge": (hinge_loss, _highest_score),
    "wasserstein": (wasserstein_loss, _highest_score),
}


# --- what the loop calls --------------------------------------------------------------------------------


def on_logits(loss: Callable[[Tensor, Tensor], Tensor]) -> DLoss:
    """The ``DLoss`` of a loss that needs D's logits alone, (N,) for real and (N,) for generated pictures."""

    def d_loss(
        discriminator: Any, real_images: Tensor, fake_images: Tensor, *labels: Tensor, step: int = 0
    ) -> tuple[Tensor, ...]:
        real_logits, fake_logits = discriminator(real_images, *labels), discriminator(fake_images, *labels)
        return loss(real_logits, fake_logits), real_logits, fake_logits

    return d_loss


def matching_aware_loss(
    discriminator: Any,
    real_images: Tensor,
    fake_images: Tensor,
    labels: Tensor,
    step: int = 0,
    label_smoothing: float = 0.0,
    mismatched: float = 1 / 3,
) -> tuple[Tensor, Tensor, Tensor]:
    """The ``DLoss`` of a conditional pair that also learns from wrong labels.

    A share ``mismatched`` of what D learns to refuse are real pictures under a wrong label.
    Source: Reed et al., *Generative Adversarial Text to Image Synthesis*, arXiv 1605.05396, algorithm 1.
    """
    real_logits, fake_logits = discriminator(real_images, labels), discriminator(fake_images, labels)
    loss = real_loss(real_logits, label_smoothing) + (1 - mismatched) * fake_loss(fake_logits)
    if mismatched > 0:
        classes = discriminator.config["classes"]
        wrong = (labels + torch.randint_like(labels, 1, classes)) % classes  # any class but the right one
        loss = loss + mismatched * fake_loss(discriminator(real_images, wrong))
    return loss, real_logits, fake_logits


def penalised(d_loss: DLoss, penalty: GLoss, every: int = 8) -> DLoss:
    """A ``DLoss`` with a penalty in every few steps, and as much stronger: the same push on average, for less work.

    Source: lazy regularisation, Karras et al., *StyleGAN2*, arXiv 1912.04958, section 3.1.
    """

    def with_penalty(
        discriminator: Any, real_images: Tensor, fake_images: Tensor, *labels: Tensor, step: int = 0
    ) -> tuple[Tensor, ...]:
        found = d_loss(discriminator, real_images, fake_images, *labels, step=step)
        if step % every:
            return found
        return *found, every * penalty(discriminator, real_images, fake_images, *labels)

    return with_penalty


def seen_through(change: Callable[[Tensor], Tensor], d_loss: DLoss, g_loss: GLoss) -> tuple[DLoss, GLoss]:
    """Both losses with a D that sees each picture, real or generated, through a change that is differentiable.

    For losses that do nothing with D but call it: not for feature matching, nor for wrong labels.
    Source: Zhao et al., *Differentiable Augmentation for Data-Efficient GAN Training*, arXiv 2006.10738.
    """

    def through(discriminator: Any) -> Callable[..., Tensor]:
        return lambda images, *labels: discriminator(change(images), *labels)

    def changed_d_loss(discriminator: Any, *seen: Tensor, step: int = 0) -> tuple[Tensor, ...]:
        return d_loss(through(discriminator), *seen, step=step)

    def changed_g_loss(discriminator: Any, *seen: Tensor) -> Tensor:
        return g_loss(through(discriminator), *seen)

    return changed_d_loss, changed_g_loss


# --- penalties on D's gradient with respect to its pictures -------------------------------------------


def squared_gradient(discriminator: Callable[..., Tensor], images: Tensor, *labels: Tensor) -> Tensor:
    """Half the mean squared length of D's gradient at images (N, ...): scalar, ready to be differentiated again.

    At real pictures it is R1 for gamma = 1, at generated ones R2. Source: Mescheder et al., arXiv 1801.04406, eq. 9.
    """
    images = images.detach().requires_grad_()
    (gradient,) = torch.autograd.grad(discriminator(images, *labels).sum(), images, create_graph=True)  # like images
    return gradient.flatten(1).square().sum(1).mean() / 2


def unit_gradient(discriminator: Callable[..., Tensor], real: Tensor, fake: Tensor, *labels: Tensor) -> Tensor:
    """Mean squared distance of the gradient's length from 1, between pairs of real and generated pictures (N, ...).

    Source: Gulrajani et al., *Improved Training of Wasserstein GANs*, arXiv 1704.00028, equation 3.
    """
    weight = torch.rand(len(real), *[1] * (real.ndim - 1)).to(real)  # one for each pair
    between = torch.lerp(real, fake, weight).detach().requires_grad_()
    (gradient,) = torch.autograd.grad(discriminator(between, *labels).sum(), between, create_graph=True)
    return (gradient.flatten(1).norm(dim=1) - 1).square().mean()
