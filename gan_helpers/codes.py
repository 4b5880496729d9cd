"""The best linear codes of pictures (PCA), the best linear cleaning by them, and codes of two numbers as a map.

The networks of notebooks 12 and 13 are measured against the first two, which rest on the pictures' covariance matrix.
"""

from __future__ import annotations

from dataclasses import dataclass

import matplotlib as mpl
import torch
from matplotlib.figure import Figure
from torch import Tensor

from gan_helpers.figures import plot


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
    axes = vectors.flip(1).T[:k].float().contiguous()
    return PCA(rows.mean(0), axes, values.flip(0)[:k].clamp(min=0).float(), tuple(images.shape[1:]))


def wiener_estimate(pca: PCA, noisy: Tensor, sigma: float) -> Tensor:
    """The best linear estimate of the clean pictures (N, C, H, W): each coordinate is shrunk by v / (v + sigma^2).

    ``pca`` holds all axes; v is the clean pictures' variance along each, sigma^2 that of the noise.
    Source: Wiener, *Extrapolation, Interpolation, and Smoothing of Stationary Time Series* (1949), in the
    pictures' own axes in place of frequencies.
    """
    share = pca.variances / (pca.variances + sigma**2)
    return pca.decode(pca.encode(noisy) * share)


# --- maps ---------------------------------------------------------------------------------------------


def code_grid(codes: Tensor, side: int = 15, share: float = 0.95) -> Tensor:
    """side * side codes (side^2, 2), row by row from the top, spread over where ``share`` of codes (N, 2) lie."""
    ends = torch.tensor([(1 - share) / 2, (1 + share) / 2], device=codes.device)
    (left, right), (bottom, top) = torch.quantile(codes, ends, dim=0).T.tolist()
    x, y = torch.linspace(left, right, side), torch.linspace(top, bottom, side)
    return torch.cartesian_prod(y, x).flip(1).to(codes.device)


@plot
def plot_codes(panels: dict[str, Tensor], labels: Tensor) -> tuple[Figure, str]:
    """A panel for each named set of codes (N, 2): a dot a picture, coloured by label (N,), the label at the median."""
    figure = Figure(figsize=(5.2 * len(panels), 4.8))
    for axes, (name, codes) in zip(figure.subplots(1, len(panels), squeeze=False)[0], panels.items(), strict=True):
        for label in labels.unique().tolist():
            chosen, colour = codes[labels == label].cpu(), mpl.colormaps["tab10"](label % 10)
            axes.scatter(*chosen.T.tolist(), s=4, color=colour, linewidths=0)
            box = {"facecolor": "white", "edgecolor": colour, "pad": 1.5}
            axes.text(*chosen.median(0).values.tolist(), str(label), ha="center", va="center", bbox=box)
        axes.set(title=name, xlabel="first number of the code", ylabel="second number of the code")
    return figure, f"the codes of {len(labels)} pictures by class: {', '.join(panels)}"
