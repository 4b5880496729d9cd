"""Filters against scipy's other implementations and formulas by hand; the network against what it must do."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.signal import medfilt2d
from torchmetrics.image import PeakSignalNoiseRatio

from gan_helpers.data.sets import scale_pixels
from gan_helpers.data.strokes import stroke_digits
from gan_helpers.metrics.filters import best_window, median_filter, psnr, wiener_filter
from gan_helpers.models.autoencoders import Denoiser
from gan_helpers.models.sampling import apply
from gan_helpers.training import reconstruction
from gan_helpers.training.reconstruction import add_noise, denoising_loss
from gan_helpers.training.supervised import train_autoencoder

DIGITS = scale_pixels(stroke_digits(torch.arange(600) % 10, seed=4))


def test_noise_has_the_level_asked_for():
    torch.manual_seed(0)
    images, levels = torch.zeros(3, 1, 200, 200), torch.tensor([0.1, 0.5, 1.0])
    assert torch.allclose(add_noise(images, levels).std((1, 2, 3)), levels, rtol=0.02)
    assert add_noise(images, 0.3).std().item() == pytest.approx(0.3, rel=0.02)
    assert torch.equal(add_noise(DIGITS, 0.0), DIGITS)


def test_the_loss_is_the_noise_where_nothing_is_cleaned():
    torch.manual_seed(0)
    low, high = reconstruction.SIGMAS
    expected = (high**2 - low**2) / (2 * np.log(high / low))  # the mean square of a level whose logarithm is even
    assert denoising_loss(lambda noisy: noisy, torch.zeros(4000, 1, 8, 8)).item() == pytest.approx(expected, rel=0.03)


def test_the_median_is_scipys_other_median_inside():
    noisy = add_noise(DIGITS[:2], 0.5)
    for ours, image in zip(median_filter(noisy, 0.5, 5), noisy, strict=True):
        expected = medfilt2d(image[0].numpy(), 5).clip(-1, 1)
        assert np.allclose(ours[0, 2:-2, 2:-2], expected[2:-2, 2:-2])


def test_the_wiener_filter_is_its_formula():
    sigma, image = 0.5, add_noise(DIGITS[:1], 0.5)
    light = np.pad((image[0, 0].numpy() + 1) / 2, 1)
    windows = np.lib.stride_tricks.sliding_window_view(light, (3, 3))
    mean, variance = windows.mean((2, 3)), windows.var((2, 3))
    noise = (sigma / 2) ** 2
    share = np.maximum(variance - noise, 0) / np.maximum(variance, noise)
    expected = (2 * (mean + share * (light[1:-1, 1:-1] - mean)) - 1).clip(-1, 1)
    assert np.allclose(wiener_filter(image, sigma, 3)[0, 0], expected, atol=1e-4)


def test_a_window_without_variance_is_no_warning(recwarn):
    assert torch.equal(wiener_filter(DIGITS[:2], 0.5, 1), DIGITS[:2])
    assert not recwarn.list


def test_psnr_is_that_of_torchmetrics():
    noisy = add_noise(DIGITS[:50], 0.4)
    assert psnr(noisy, DIGITS[:50]) == pytest.approx(PeakSignalNoiseRatio(data_range=2.0)(noisy, DIGITS[:50]).item())


def test_the_best_window_is_found():
    noisy = add_noise(DIGITS[:20], 1.0)
    scores = {window: psnr(median_filter(noisy, 1.0, window), DIGITS[:20]) for window in (1, 3, 5)}
    assert best_window(median_filter, noisy, DIGITS[:20], 1.0, scores) == max(scores, key=scores.get) != 1


def test_an_untrained_short_cut_hands_the_picture_through():
    denoiser = Denoiser((1, 12, 8), (4, 6)).eval()
    torch.nn.init.zeros_(denoiser.last[1].weight)
    torch.nn.init.zeros_(denoiser.last[1].bias)
    images = torch.randn(2, 1, 12, 8)
    assert torch.allclose(denoiser(images), images.tanh())


def test_training_cleans_pictures_that_it_has_not_seen():
    torch.manual_seed(0)
    denoiser = Denoiser(channels=(8, 16))
    train_autoencoder(denoiser, DIGITS[:500], epochs=8, batch_size=50, lr=1e-2, loss_of=denoising_loss)
    noisy = add_noise(DIGITS[500:], 0.6)
    cleaned = apply(denoiser, noisy)
    filtered = max(psnr(f(noisy, 0.6, 3), DIGITS[500:]) for f in (median_filter, wiener_filter))
    assert psnr(cleaned, DIGITS[500:]) > filtered
