"""Adversarial losses on logits, and penalties on D's gradient. Notebooks 03 and 07 derive each of them.

The losses take logits of shape (N,), any real number, and return a scalar in nats.
Source: Goodfellow et al., *Generative Adversarial Networks*, arXiv 1406.2661;
one-sided label smoothing: Salimans et al., arXiv 1606.03498, section 3.4.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from gan_helpers.checkpoints import Network
from gan_helpers.models.autoencoders import VariationalAutoencoder, reparameterise

DiscriminatorObjective = Callable[[Tensor, Tensor], Tensor]
GeneratorObjective = Callable[[Any, Tensor, Tensor], Tensor]
Objective = tuple[DiscriminatorObjective, GeneratorObjective]


def real_loss(logits: Tensor, smoothing: float = 0.0) -> Tensor:
    """Cross-entropy of the logits (N,) against the label "real": 1 - smoothing."""
    labels = torch.full_like(logits, 1 - smoothing)
    return F.binary_cross_entropy_with_logits(logits, labels)


def fake_loss(logits: Tensor) -> Tensor:
    """Cross-entropy of the logits (N,) against the label "generated": 0."""
    return F.binary_cross_entropy_with_logits(logits, torch.zeros_like(logits))


def discriminator_loss(real_logits: Tensor, fake_logits: Tensor, smoothing: float = 0.0) -> Tensor:
    """What D minimises: real pictures called real, generated ones called generated."""
    return real_loss(real_logits, smoothing) + fake_loss(fake_logits)


def generator_loss(fake_logits: Tensor) -> Tensor:
    """What G minimises: its pictures with the label flipped to "real" (the non-saturating loss)."""
    return real_loss(fake_logits)


def saturating_generator_loss(fake_logits: Tensor) -> Tensor:
    """G's loss in the minimax game, log(1 - D(G(z))): its gradient vanishes where D is sure."""
    return -fake_loss(fake_logits)


# --- other objectives, notebook 07 --------------------------------------------------------------------
# An objective is a pair: D's loss of (real_logits, fake_logits), (N,) each, and G's of (D, real_images, fake_images).


def relativistic_loss(winner_logits: Tensor, loser_logits: Tensor) -> Tensor:
    """Cross-entropy of "the first picture of each pair is the more real one": log(1 + exp(loser - winner)).

    D minimises it with the real picture as winner, G with its own.
    Source: Jolicoeur-Martineau, arXiv 1807.00734; the pairing as in R3GAN, arXiv 2501.05441, equation 2.
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


def _non_saturating(discriminator: Any, real: Tensor, fake: Tensor) -> Tensor:
    return generator_loss(discriminator(fake))


def _relativistic(discriminator: Any, real: Tensor, fake: Tensor) -> Tensor:
    return relativistic_loss(discriminator(fake), discriminator(real))


def _highest_score(discriminator: Any, real: Tensor, fake: Tensor) -> Tensor:
    return -discriminator(fake).mean()


def _feature_matching(discriminator: Any, real: Tensor, fake: Tensor) -> Tensor:
    features = discriminator.layers[:-1]  # all but the layer that makes the logit
    return feature_matching_loss(features(real), features(fake))


OBJECTIVES: dict[str, Objective] = {
    "non-saturating": (discriminator_loss, _non_saturating),
    "feature matching": (discriminator_loss, _feature_matching),
    "relativistic": (relativistic_loss, _relativistic),
    "hinge": (hinge_loss, _highest_score),
    "wasserstein": (wasserstein_loss, _highest_score),
}


# --- penalties on D's gradient with respect to its pictures -------------------------------------------


def squared_gradient(discriminator: Callable[[Tensor], Tensor], images: Tensor) -> Tensor:
    """Half the mean squared length of D's gradient at images (N, ...): scalar, ready to be differentiated again.

    At real pictures it is R1 for gamma = 1, at generated ones R2. Source: Mescheder et al., arXiv 1801.04406, eq. 9.
    """
    images = images.detach().requires_grad_()
    (gradient,) = torch.autograd.grad(discriminator(images).sum(), images, create_graph=True)  # like images
    return gradient.flatten(1).square().sum(1).mean() / 2


def unit_gradient(discriminator: Callable[[Tensor], Tensor], real: Tensor, fake: Tensor) -> Tensor:
    """Mean squared distance of the gradient's length from 1, between pairs of real and generated pictures (N, ...).

    Source: Gulrajani et al., *Improved Training of Wasserstein GANs*, arXiv 1704.00028, equation 3.
    """
    weight = torch.rand(len(real), *[1] * (real.ndim - 1)).to(real)  # one for each pair
    between = torch.lerp(real, fake, weight).detach().requires_grad_()
    (gradient,) = torch.autograd.grad(discriminator(between).sum(), between, create_graph=True)
    return (gradient.flatten(1).norm(dim=1) - 1).square().mean()


def told_loss(
    discriminator: Network,
    real_images: Tensor,
    fake_images: Tensor,
    labels: Tensor,
    smoothing: float = 0.0,
    mismatched: float = 0.0,
) -> tuple[Tensor, Tensor, Tensor]:
    """D's loss, and its logits for real and for generated pictures under their labels, (N,) each.

    A share ``mismatched`` of what D learns to refuse are real pictures under a wrong label.
    Source: Reed et al., *Generative Adversarial Text to Image Synthesis*, arXiv 1605.05396, algorithm 1.
    """
    real_logits, fake_logits = discriminator(real_images, labels), discriminator(fake_images, labels)
    loss = real_loss(real_logits, smoothing) + (1 - mismatched) * fake_loss(fake_logits)
    if mismatched > 0:
        classes = discriminator.config["classes"]
        wrong = (labels + torch.randint_like(labels, 1, classes)) % classes  # any class but the right one
        loss = loss + mismatched * fake_loss(discriminator(real_images, wrong))
    return loss, real_logits, fake_logits


def reconstruction_loss(autoencoder: Network, images: Tensor) -> Tensor:
    """The mean squared error of the rebuilt pictures, a pixel, in units of [-1, 1] squared."""
    return F.mse_loss(autoencoder(images), images)


SIGMAS = (0.1, 1.0)  # the range of noise levels that a denoiser trains on


def add_noise(images: Tensor, sigma: float | Tensor) -> Tensor:
    """Images (N, C, H, W) plus Gaussian noise of standard deviation sigma, one or (N,). It may leave [-1, 1]."""
    sigma = torch.as_tensor(sigma, device=images.device).view(-1, 1, 1, 1)
    return images + sigma * torch.randn_like(images)


def denoising_loss(denoiser: Network, images: Tensor) -> Tensor:
    """The mean squared error that is left of fresh noise; each picture has a level of its own, from ``SIGMAS``.

    Levels are drawn evenly on a logarithmic scale, so that weak noise, with its small error, is practised enough.

    Source: Vincent et al., *Stacked Denoising Autoencoders*, JMLR 11 (2010).
    """
    low, high = SIGMAS
    sigma = low * (high / low) ** torch.rand(len(images), device=images.device)
    return F.mse_loss(denoiser(add_noise(images, sigma)), images)


def standard_kl(mean: Tensor, log_variance: Tensor) -> Tensor:
    """KL divergence of N(mean, exp(log_variance)) from the standard normal, summed over (N, latent_dim): (N,)."""
    return (mean.square() + log_variance.exp() - 1 - log_variance).sum(1) / 2


def log_normal(x: Tensor, mean: Tensor, variance: float) -> Tensor:
    """log N(x | mean, variance) of each row, summed over its numbers: (N, ...) to (N,)."""
    return -((x - mean).square() / variance + math.log(2 * math.pi * variance)).flatten(1).sum(1) / 2


def elbo(x: Tensor, rebuilt: Tensor, mean: Tensor, log_variance: Tensor, variance: float) -> Tensor:
    """The evidence lower bound of x (N, ...), estimated with one rebuilt x for each: (N,)."""
    return log_normal(x, rebuilt, variance) - standard_kl(mean, log_variance)


# --- training -----------------------------------------------------------------------------------------


def minus_elbo(vae: VariationalAutoencoder, images: Tensor, variance: float) -> Tensor:
    """What training makes small: minus the ELBO, the mean over a batch; an objective for ``train_autoencoder``."""
    mean, log_variance = vae.encode(images)
    rebuilt = vae.decoder(reparameterise(mean, log_variance))
    return -elbo(images, rebuilt, mean, log_variance, variance).mean()


def factor_loss(read: Tensor, factors: Tensor) -> Tensor:
    """Binary cross-entropy of readings (N, 25) in (0, 1), for chances and scales alike, in nats a factor.

    Its minimum is at the factor itself, for values between 0 and 1 too, and it does not flatten where the sigmoid does.
    """
    return F.binary_cross_entropy(read, factors)
