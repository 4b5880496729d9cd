"""Taking known noise out of pictures: a convolutional network, and the classical filters it is measured against.

Notebook 13 builds and compares them. Pictures lie in [-1, 1]; ``sigma`` is the noise's standard deviation there.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable

import numpy as np
import torch
import torch.nn.functional as F
from scipy import ndimage, signal
from torch import Tensor, nn

from gan_helpers.networks import Network

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


class Denoiser(Network):
    """Noisy pictures (N, C, H, W) to clean ones in [-1, 1]: a convolutional autoencoder with two short cuts.

    What the halvings lose is handed across: the finer feature maps, and the picture itself, so that only the noise
    has to be found. Sources: the first, Ronneberger et al. (U-Net), arXiv 1505.04597; the second, Zhang et al.
    (DnCNN), arXiv 1608.03981. Height and width must be multiples of 4.
    """

    def __init__(self, image_shape: tuple[int, ...] = (1, 28, 28), channels: tuple[int, int] = (16, 32)) -> None:
        super().__init__()
        (depth, *_), (few, many) = image_shape, channels
        self.down = nn.Sequential(*convolution(depth, few, stride=2))
        self.middle = nn.Sequential(
            *convolution(few, many, stride=2), *convolution(many, many), nn.Upsample(scale_factor=2)
        )
        self.up = nn.Sequential(*convolution(many, few))
        self.last = nn.Sequential(nn.Upsample(scale_factor=2), nn.Conv2d(few, depth, kernel_size=3, padding=1))

    def forward(self, images: Tensor) -> Tensor:
        half = self.down(images)  # (N, few, H/2, W/2)
        half = half + self.up(self.middle(half))
        return torch.tanh(images + self.last(half))


def convolution(n_in: int, n_out: int, stride: int = 1) -> list[nn.Module]:
    """A 3x3 convolution that keeps (stride 1) or halves (stride 2) height and width, normalised, leaky ReLU."""
    return [nn.Conv2d(n_in, n_out, kernel_size=3, stride=stride, padding=1), nn.BatchNorm2d(n_out), nn.LeakyReLU(0.2)]


# --- classical filters, and the measure ---------------------------------------------------------------

Filter = Callable[[Tensor, float, int], Tensor]  # of noisy pictures, sigma and the window's side in pixels


def median_filter(images: Tensor, sigma: float, window: int) -> Tensor:
    """The median of each pixel's window, (N, C, H, W); the noise level is not used."""
    return torch.from_numpy(ndimage.median_filter(images.numpy(), (1, 1, window, window))).clamp(-1, 1)


def wiener_filter(images: Tensor, sigma: float, window: int) -> Tensor:
    """Each pixel drawn towards its window's mean, the more the less the window varies beyond the noise.

    It is told the noise's true variance. Outside the picture it sees black, as beside every digit.
    Source: Lim, *Two-Dimensional Signal and Image Processing* (1990), as in ``scipy.signal.wiener``.
    """
    light = (images.numpy() + 1) / 2  # scipy pads with 0, which is black in [0, 1]
    with np.errstate(divide="ignore", invalid="ignore"):  # a window without variance becomes its mean
        cleaned = signal.wiener(light, (1, 1, window, window), noise=(sigma / 2) ** 2)
    return torch.from_numpy(cleaned).float().mul(2).sub(1).clamp(-1, 1)


def psnr(images: Tensor, clean: Tensor) -> float:
    """Peak signal-to-noise ratio in dB of images against clean ones, both in [-1, 1]: 10 log10(2^2 / MSE)."""
    return 10 * math.log10(4 / float((images - clean).square().mean()))


def best_window(cleaner: Filter, noisy: Tensor, clean: Tensor, sigma: float, windows: Iterable[int]) -> int:
    """The window with which a filter brings noisy pictures (N, C, H, W) nearest to the clean ones, by PSNR."""
    return max(windows, key=lambda window: psnr(cleaner(noisy, sigma, window), clean))
