"""What networks are measured against: classical filters that take noise out, PCA, and the share of checkerboard.

Notebooks 09, 12 and 13 use them. Pictures lie in [-1, 1]; ``sigma`` is the noise's standard deviation there.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
import torch
from scipy import ndimage, signal
from torch import Tensor

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
    return torch.from_numpy(cleaned).to(images.dtype).mul(2).sub(1).clamp(-1, 1)


def psnr(images: Tensor, clean: Tensor) -> float:
    """Peak signal-to-noise ratio in dB of images against clean ones, both in [-1, 1]: 10 log10(2^2 / MSE)."""
    return 10 * math.log10(4 / float((images - clean).square().mean()))


def best_window(cleaner: Filter, noisy: Tensor, clean: Tensor, sigma: float, windows: Iterable[int]) -> int:
    """The window with which a filter brings noisy pictures (N, C, H, W) nearest to the clean ones, by PSNR."""
    return max(windows, key=lambda window: psnr(cleaner(noisy, sigma, window), clean))


@dataclass(frozen=True)
class PCA:
    """Principal component analysis: the best linear autoencoder. A code is k coordinates along orthonormal axes."""

    mean: Tensor  # (D,) for pictures of D = C*H*W numbers
    axes: Tensor  # (k, D), the direction of most variance first
    variances: Tensor  # (k,), the variance along each
    image_shape: tuple[int, ...]

    def encode(self, images: Tensor) -> Tensor:
        """Images (N, C, H, W) to codes (N, k)."""
        return (images.flatten(1) - self.mean) @ self.axes.T

    def decode(self, codes: Tensor) -> Tensor:
        """Codes (N, j) along the first j axes, j up to k, to pictures (N, C, H, W)."""
        return (self.mean + codes @ self.axes[: codes.shape[1]]).unflatten(1, self.image_shape)


def principal_components(images: Tensor, k: int) -> PCA:
    """The first k principal components of images (N, C, H, W): eigenvectors of their covariance matrix.

    Raises:
        ValueError: k is not between 1 and the number of pixels.
    """
    rows = images.flatten(1)  # (N, C, H, W) -> (N, D)
    if not 1 <= k <= rows.shape[1]:
        raise ValueError(f"k={k} components of {rows.shape[1]} pixels: choose 1 to {rows.shape[1]}")
    values, vectors = torch.linalg.eigh(torch.cov(rows.T, correction=0).double())  # smallest first
    axes = vectors.flip(1).T[:k].to(rows.dtype).contiguous()
    return PCA(rows.mean(0), axes, values.flip(0)[:k].clamp(min=0).to(rows.dtype), tuple(images.shape[1:]))


def wiener_estimate(pca: PCA, noisy: Tensor, sigma: float) -> Tensor:
    """The best linear estimate of the clean pictures (N, C, H, W): each coordinate is shrunk by v / (v + sigma^2).

    ``pca`` holds all axes; v is the clean pictures' variance along each, sigma^2 that of the noise.
    Source: Wiener, *Extrapolation, Interpolation, and Smoothing of Stationary Time Series* (1949), in the
    pictures' own axes in place of frequencies.
    """
    share = pca.variances / (pca.variances + sigma**2)
    return pca.decode(pca.encode(noisy) * share)


def checkerboard_share(images: Tensor) -> float:
    """The share of the pixels' variance that alternates from pixel to pixel, 0 to 1, for images (N, C, H, W).

    Floats, both sides even. It is the power at the three highest frequencies, those of period 2 along x, y and both
    (the Nyquist frequency), over the power at all frequencies but 0, by Parseval's theorem without a transform.
    """
    *_, h, w = images.shape
    x, y = 1 - 2 * (torch.arange(w, device=images.device) % 2), 1 - 2 * (torch.arange(h, device=images.device) % 2)
    boards = torch.stack([x.expand(h, w), y[:, None].expand(h, w), y[:, None] * x]).double()  # (3, H, W) of +1 and -1
    power = torch.einsum("nchw,bhw->ncb", images.double(), boards).div(h * w).square().sum()
    return float(power / images.double().var((2, 3), correction=0).sum())
