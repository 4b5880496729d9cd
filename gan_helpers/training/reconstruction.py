"""Losses of networks that rebuild or read pictures: squared error, noise to be removed, the evidence bound, factors.

Notebooks 12, 13 and 14 derive them. Likelihoods and bounds are in nats, for pixels in [-1, 1].
Source of the bound: Kingma and Welling, *Auto-Encoding Variational Bayes*, arXiv 1312.6114.
"""

from __future__ import annotations

import math
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from gan_helpers.checkpoints import Network
from gan_helpers.models.autoencoders import VariationalAutoencoder, reparameterise
from gan_helpers.training.losses import GLoss, generator_loss


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
    sigma = low * (high / low) ** torch.rand(len(images), device=images.device, dtype=images.dtype)
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


def minus_elbo(vae: VariationalAutoencoder, images: Tensor, variance: float) -> Tensor:
    """What training makes small: minus the ELBO, the mean over a batch; a loss for ``train_autoencoder``."""
    mean, log_variance = vae.encode(images)
    rebuilt = vae.decoder(reparameterise(mean, log_variance))
    return -elbo(images, rebuilt, mean, log_variance, variance).mean()


def factor_loss(read: Tensor, factors: Tensor) -> Tensor:
    """Binary cross-entropy of readings (N, 25) in (0, 1), for chances and scales alike, in nats a factor.

    Its minimum is at the factor itself, for values between 0 and 1 too, and it does not flatten where the sigmoid does.
    """
    return F.binary_cross_entropy(read, factors.to(read.dtype))


def vaegan_loss(vae: VariationalAutoencoder, variance: float, weight: float) -> GLoss:
    """The ``GLoss`` of an autoencoder whose decoder is the generator: G's loss, minus the bound in D's features.

    Args:
        variance: of the Gaussian around the features of a rebuilt picture.
        weight: of the bound, beside the generator's loss.

    Codes from the encoder pass through the decoder as it is in use, with batch norm's running statistics. So these
    follow the prior's codes alone, and what is trained to rebuild pictures is what will rebuild them.

    Source: Larsen et al., *Autoencoding beyond pixels using a learned similarity metric*, arXiv 1512.09300,
    algorithm 1, where D sees rebuilt pictures as well.
    """

    def g_loss(discriminator: Any, images: Tensor, fakes: Tensor) -> Tensor:
        features = discriminator.layers[:-1]  # all but the layer that makes the logit
        mean, log_variance = vae.encode(images)
        vae.decoder.eval()
        rebuilt = vae.decoder(reparameterise(mean, log_variance))
        vae.decoder.train()
        bound = elbo(features(images), features(rebuilt), mean, log_variance, variance).mean()
        return generator_loss(discriminator(fakes)) - weight * bound

    return g_loss
