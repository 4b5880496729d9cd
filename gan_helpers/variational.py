"""Variational autoencoders, and their union with a discriminator (VAE-GAN). Notebook 14 derives and trains both.

A code is drawn from a Gaussian that the encoder names for each picture; the prior over codes is standard normal, so
the decoder is a generator like any other. Likelihoods and bounds are in nats, for pixels in [-1, 1].
Source: Kingma and Welling, *Auto-Encoding Variational Bayes*, arXiv 1312.6114.
"""

from __future__ import annotations

import copy
import math
import time
from collections.abc import Iterable, Iterator
from itertools import chain, count, islice

import matplotlib as mpl
import torch
from matplotlib.figure import Figure
from matplotlib.patches import Circle
from torch import Tensor
from torch.optim import Adam, Optimizer

from gan_helpers.autoencoders import Encoder, Fit, apply
from gan_helpers.classifiers import load_classifier, read_images
from gan_helpers.datasets import ImageSet, image_batches
from gan_helpers.evaluation import frechet_distance
from gan_helpers.figures import DATA, plot, tile
from gan_helpers.losses import discriminator_loss, generator_loss
from gan_helpers.networks import Discriminator, Generator, Network, generate, sample_latents
from gan_helpers.runs import STABLE, Settings, finish_step_on_interrupt
from gan_helpers.training import check_images, limits, update_average

# --- the model and its bound --------------------------------------------------------------------------


class VariationalAutoencoder(Network):
    """An encoder to a Gaussian over codes, and notebook 04's generator as the decoder that mirrors it."""

    def __init__(
        self,
        latent_dim: int = 16,
        image_shape: tuple[int, ...] = (1, 28, 28),
        widths: tuple[int, ...] = (512, 256),
    ) -> None:
        super().__init__()
        self.encoder = Encoder(2 * latent_dim, image_shape, widths)  # for each axis a mean and a log variance
        self.decoder = Generator(latent_dim, image_shape, tuple(reversed(widths)), dropout=0.0, batch_norm=True)

    def encode(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and log variance of q(z|x), (N, latent_dim) each, for images (N, C, H, W) in [-1, 1]."""
        mean, log_variance = self.encoder(images).chunk(2, dim=1)
        return mean, log_variance

    def forward(self, images: Tensor) -> Tensor:
        """Rebuild each picture from the mean of its code."""
        return self.decoder(self.encode(images)[0])


def reparameterise(mean: Tensor, log_variance: Tensor) -> Tensor:
    """One draw from each N(mean, exp(log_variance)), through which gradients reach both."""
    return mean + (log_variance / 2).exp() * torch.randn_like(mean)


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


def vaegan_steps(
    vae: VariationalAutoencoder,
    discriminator: Discriminator,
    batches: Iterable[Tensor],
    optimizer: Optimizer,
    d_optimizer: Optimizer,
    variance: float,
    weight: float,
) -> Iterator[tuple[Tensor, Tensor]]:
    """One step of D, then one of encoder and decoder, for each batch; yields D's loss and the bound in D's features.

    Source: Larsen et al., arXiv 1512.09300, algorithm 1, where D sees rebuilt pictures as well.
    """
    features = discriminator.layers[:-1]  # all but the layer that makes the logit
    for images in batches:
        fakes = vae.decoder(sample_latents(vae.decoder, len(images)))  # codes from the prior, as in a GAN
        d_loss = discriminator_loss(discriminator(images), discriminator(fakes.detach()))
        d_optimizer.zero_grad()
        d_loss.backward()
        d_optimizer.step()
        discriminator.requires_grad_(False)  # its weights are only passed through: it judges, and measures the distance
        mean, log_variance = vae.encode(images)
        rebuilt = vae.decoder(reparameterise(mean, log_variance))
        bound = elbo(features(images), features(rebuilt), mean, log_variance, variance).mean()
        optimizer.zero_grad()
        (generator_loss(discriminator(fakes)) - weight * bound).backward()
        optimizer.step()
        discriminator.requires_grad_(True)
        yield d_loss.detach(), bound.detach()


def train_vaegan(
    vae: VariationalAutoencoder,
    discriminator: Discriminator,
    data: ImageSet | Tensor,
    epochs: float,
    variance: float = 0.2,
    weight: float = 0.001,
    settings: Settings = STABLE,
) -> Fit:
    """Train both in place, with notebook 07's rates; the fit's network is the average of the VAE's weights.

    Args:
        data: an ImageSet, or floats (N, C, H, W) in [-1, 1].
        variance: of the Gaussian around the features of a rebuilt picture.
        weight: of the bound, beside the generator's loss; Adam's steps do not depend on it in the encoder, which
            has no other loss.

    Interrupting (Ctrl-C, a notebook's stop button) finishes the step in hand and returns.

    Raises:
        ValueError: unusable data or budget.
    """
    images = check_images(data, discriminator, settings.batch_size).to(next(vae.parameters()).device)
    batches = chain.from_iterable(image_batches(images, settings.batch_size, settings.seed, e) for e in count())
    optimizers = (
        Adam(network.parameters(), rate, settings.betas, fused=True)
        for network, rate in ((vae, settings.g_rate), (discriminator, settings.d_rate))
    )
    average = copy.deepcopy(vae).eval().requires_grad_(False)
    fit = Fit(average, *limits(epochs, None, len(images) // settings.batch_size))
    start, bounds = time.perf_counter(), []
    with torch.random.fork_rng([images.device] if images.is_cuda else []), finish_step_on_interrupt(fit):
        torch.manual_seed(settings.seed)
        parts = vae.train(), discriminator.train(), islice(batches, fit.last_step)
        for fit.step, (_, bound) in enumerate(vaegan_steps(*parts, *optimizers, variance, weight), 1):
            update_average(fit.network, vae, settings.average_decay, fit.step)
            bounds.append(-bound)
            if fit.interrupted:
                break
    fit.losses, fit.seconds = torch.stack(bounds).cpu(), time.perf_counter() - start
    return fit


def scores(vae: VariationalAutoencoder, test: ImageSet) -> dict[str, float]:
    """Fréchet distances to test pictures, as many on each side: of samples, and of the test pictures rebuilt."""
    classifier = load_classifier()
    sampled = generate(vae.decoder, sample_latents(vae.decoder, len(test)))
    sets = {"sampled": sampled, "rebuilt": apply(vae, test.images)}
    real = read_images(classifier, test.images).features
    return {name: round(frechet_distance(read_images(classifier, x).features, real), 2) for name, x in sets.items()}


# --- the plane of a two-dimensional code --------------------------------------------------------------


def plane_codes(side: int, reach: float = 3.0) -> Tensor:
    """A square grid of codes from -reach to reach, row by row from the top left: (side * side, 2)."""
    line = torch.linspace(-reach, reach, side)
    return torch.cartesian_prod(line.flip(0), line).flip(1)  # (y, x) -> (x, y)


@plot
def plot_plane(
    decoder: Network, codes: Tensor, labels: Tensor, side: int = 15, reach: float = 3.0
) -> tuple[Figure, str]:
    """What a decoder draws all over the plane; on the same axes where pictures with codes (N, 2) lie, by label."""
    sheet = tile(generate(decoder, plane_codes(side, reach).to(codes.device)), side, gap=0)
    edge = reach * side / (side - 1)  # the grid's outermost codes are the middles of the outermost pictures
    figure = Figure(figsize=(10.5, 5.7))
    drawn, points = figure.subplots(1, 2)
    drawn.imshow(sheet[0].numpy(), cmap=mpl.colormaps["gray"].resampled(24), extent=(-edge, edge, -edge, edge))
    drawn.grid(False)  # few greys, as the picture's palette has to hold the classes' colours as well
    for radius in (1, 2):
        points.add_patch(Circle((0, 0), radius, fill=False, color=DATA, linestyle="--"))
    for label in labels.unique().tolist():
        chosen = codes[labels == label].cpu()
        colour = mpl.colormaps["tab10"](label % 10)
        points.scatter(*chosen.T.tolist(), s=4, color=colour, linewidths=0, antialiased=False)
        middle = chosen.median(0).values.tolist()
        box = {"facecolor": "white", "edgecolor": colour, "pad": 1.5, "alpha": 0.7}
        points.text(*middle, str(label), ha="center", va="center", fontsize=11, bbox=box)
    points.set(xlim=(-edge, edge), ylim=(-edge, edge), aspect="equal", title="where the test pictures lie")
    drawn.set(title="what the decoder draws")
    for axes in (drawn, points):
        axes.set(xlabel="first number of the code", ylabel="second number of the code")
    return figure, f"left: {side * side} decoded codes as a map; right: {len(codes)} test pictures on it, by class"
