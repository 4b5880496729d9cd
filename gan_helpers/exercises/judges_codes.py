"""The judges behind the exercises of notebooks 12 to 14: autoencoders."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor
from torch.distributions import Normal, kl_divergence

from gan_helpers.exercises.judges import call, differs, exercise

# --- notebook 12 --------------------------------------------------------------------------------------


@exercise("enough components", "the variances left out are the error, so their sum says when to stop.")
def _enough_components(answer: Any) -> str | None:
    for variances, share in (([5.0, 3.0, 1.0, 1.0], 0.75), ([4.0, 4.0, 1.0, 1.0], 0.8), ([1.0] * 10, 0.95)):
        found = int(call(answer, torch.tensor(variances), share))
        expected = 1 + sum(sum(variances[:k]) < share * sum(variances) - 1e-6 for k in range(1, len(variances)))
        if found == expected:
            continue
        if found == expected - 1:
            return f"{found} components hold less than {share:.0%} of {variances}: one more is needed."
        return f"for variances {variances} and a share of {share} you give {found}; it should be {expected}."
    return None


@exercise("best rank", "no linear autoencoder with a code of this size rebuilds them better (Eckart and Young).")
def _best_rank(answer: Any) -> str | None:
    rows = torch.randn(60, 4) @ torch.randn(4, 9) + 3
    found, centred = call(answer, rows, 2), rows - rows.mean(0)

    def closest(matrix: Tensor, k: int = 2) -> Tensor:
        u, s, v = torch.linalg.svd(matrix, full_matrices=False)
        return u[:, :k] * s[:k] @ v[:k]

    if found.shape != rows.shape:
        return f"the shape is {tuple(found.shape)}; it should be {tuple(rows.shape)}, like the rows: decode the codes."
    if not differs(found, closest(rows), 1e-3):
        return "the axes go through the origin: take the mean away first, and add it again at the end."
    if not differs(found, closest(centred), 1e-3):
        return "add the mean again at the end."
    error = (found - rows).square().mean()
    best = (closest(centred) + rows.mean(0) - rows).square().mean()
    return None if error < best + 1e-4 else f"the mean squared error is {error:.4f}; {best:.4f} can be reached."


# --- notebook 13 --------------------------------------------------------------------------------------


@exercise("psnr", "the peak is the whole range, 2: halving the noise gains 6 dB, whatever the range.")
def _psnr(answer: Any) -> str | None:
    clean = torch.rand(4, 1, 9, 9) * 2 - 1
    noisy = clean + 0.3 * torch.randn_like(clean)
    found, error = float(call(answer, noisy, clean)), float((noisy - clean).square().mean())
    expected = 10 * math.log10(4 / error)
    if abs(found - 10 * math.log10(1 / error)) < 1e-3:
        return "you took 1 for the peak: pixels from -1 to 1 have a range of 2."
    if abs(found - 10 * math.log(4 / error)) < 1e-3:
        return "a decibel counts powers of ten: use log10."
    return None if abs(found - expected) < 1e-3 else f"you give {found:.3f} dB; it should be {expected:.3f} dB."


@exercise("median of windows", "one wild pixel among nine moves the mean, not the median.")
def _median_of_windows(answer: Any) -> str | None:
    image = torch.randn(7, 9)
    windows = image.unfold(0, 3, 1).unfold(1, 3, 1).flatten(2)  # (5, 7, 9)
    found, expected = call(answer, image), windows.median(2).values
    if found.shape != expected.shape:
        return f"the shape is {tuple(found.shape)}; 3x3 windows fit into 7x9 pixels in {tuple(expected.shape)} places."
    if not differs(found, windows.mean(2)):
        return "that is the mean of each window, which a single wild pixel can spoil."
    return "some windows are wrong: is each made of 3 rows and 3 columns?" if differs(found, expected) else None


# --- notebook 14 --------------------------------------------------------------------------------------


@exercise(
    "several draws", "with one draw it is the ELBO, with more it comes nearer to the evidence, never above on average."
)
def _several_draws(answer: Any) -> str | None:
    log_weights = 3 * torch.randn(50, 6) - 1000
    found, total = call(answer, log_weights), log_weights.logsumexp(0)
    if found.shape != total.shape:
        return f"the shape is {tuple(found.shape)}; from (k, N) it should be one number a picture, (N,)."
    if not found.isfinite().all():
        return "exp(-1000) is 0 and its log is minus infinity: torch.logsumexp takes the largest out first."
    if not differs(found, log_weights.mean(0)):
        return "that is the mean of the logs, which is the ELBO again: average the weights, then take the log."
    if not differs(found, total):
        return "that is the log of the sum: subtract log k, and it is the log of the average."
    return (
        f"you give {found[0]:.4f}; it should be {total[0] - math.log(50):.4f}."
        if differs(found, total - math.log(50))
        else None
    )


@exercise("kl of gaussians", "it is 0 only where both means and both variances agree, and it is not symmetric.")
def _kl_of_gaussians(answer: Any) -> str | None:
    (mean_a, mean_b), (variance_a, variance_b) = torch.randn(2, 8, 3), torch.rand(2, 8, 3) + 0.2
    found = call(answer, mean_a, variance_a, mean_b, variance_b)
    a, b = Normal(mean_a, variance_a.sqrt()), Normal(mean_b, variance_b.sqrt())
    expected, swapped = kl_divergence(a, b).sum(1), kl_divergence(b, a).sum(1)
    if found.shape != expected.shape:
        return f"the shape is {tuple(found.shape)}: sum over the numbers of a code, so that (N, k) gives (N,)."
    if not differs(found, swapped):
        return "that is the divergence of the second Gaussian from the first: exchange them."
    if not differs(found, kl_divergence(Normal(mean_a, variance_a), Normal(mean_b, variance_b)).sum(1)):
        return "you took the variances for standard deviations: they are squares already."
    return f"you give {found[0]:.4f}; it should be {expected[0]:.4f}." if differs(found, expected) else None
