"""Mirrored, shifted, cut pictures: held against every picture that a mirror, a shift, a cut can make."""

from __future__ import annotations

from collections import Counter
from itertools import product

import numpy as np
import pytest
import torch

from gan_helpers.data.sets import ImageSet
from gan_helpers.models.dense import Discriminator, Generator
from gan_helpers.training.adversarial import losses_of, train_gan
from gan_helpers.training.augmenting import cutout, diff_augment, flip, flip_and_crop, shift
from gan_helpers.training.losses import seen_through
from gan_helpers.training.settings import Settings


def test_flip_mirrors_half_of_the_pictures_whole():
    torch.manual_seed(0)
    images = torch.rand(400, 3, 4, 5)
    flipped = flip(images)
    same = (flipped == images).flatten(1).all(1)
    mirrored = torch.tensor(
        [np.array_equal(a[..., ::-1], b) for a, b in zip(images.numpy(), flipped.numpy(), strict=True)]
    )
    assert (same ^ mirrored).all()
    assert 150 < same.sum() < 250


@pytest.mark.parametrize("margin", [1, 2])
def test_flip_and_crop_gives_every_shift_of_the_picture_and_of_its_mirror_image(margin):
    torch.manual_seed(0)
    picture = np.random.default_rng(0).random((2, 5, 4), dtype=np.float32)
    possible = set()
    for turned in (picture, picture[..., ::-1]):
        padded = np.pad(turned, ((0, 0), (margin, margin), (margin, margin)), mode="reflect")
        shifts = range(2 * margin + 1)
        possible |= {padded[:, y : y + 5, x : x + 4].tobytes() for y in shifts for x in shifts}
    found = flip_and_crop(torch.from_numpy(picture).expand(2000, -1, -1, -1), margin)
    assert {image.numpy().tobytes() for image in found} == possible


@pytest.mark.parametrize("margin", [1, 3])
def test_shift_gives_every_place_of_the_picture_on_grey_equally_often(margin):
    torch.manual_seed(0)
    picture = np.random.default_rng(0).random((2, 5, 4), dtype=np.float32)
    padded = np.pad(picture, ((0, 0), (margin, margin), (margin, margin)))
    shifts = range(2 * margin + 1)
    possible = {padded[:, y : y + 5, x : x + 4].tobytes() for y in shifts for x in shifts}
    counts = Counter(
        image.numpy().tobytes() for image in shift(torch.from_numpy(picture).expand(9800, -1, -1, -1), margin)
    )
    assert set(counts) == possible
    assert max(counts.values()) < 2 * 9800 / len(shifts) ** 2


@pytest.mark.parametrize(("height", "width", "side"), [(4, 8, 2), (5, 7, 3), (6, 10, 4)])
def test_cut_out_leaves_a_grey_square_around_any_pixel(height, width, side):
    torch.manual_seed(0)
    picture = np.random.default_rng(0).uniform(0.5, 1, (2, height, width)).astype(np.float32)
    possible = set()
    for y, x in product(range(height), range(width)):
        cut, top, left = picture.copy(), y - side // 2, x - side // 2
        cut[:, max(0, top) : top + side, max(0, left) : left + side] = 0
        possible.add(cut.tobytes())
    found = cutout(torch.from_numpy(picture).expand(4000, -1, -1, -1), side)
    assert {image.numpy().tobytes() for image in found} == possible


def test_each_picture_of_a_batch_is_changed_in_its_own_way():
    torch.manual_seed(0)
    for change in (lambda images: cutout(images, 9), diff_augment, lambda images: shift(images, 3)):
        assert len(change(torch.rand(1, 1, 28, 28).expand(40, -1, -1, -1)).unique(dim=0)) > 20


def test_what_diff_augment_does_to_pixels_it_undoes_to_gradients():
    """A change that only moves and removes pixels is linear: the gradient of w * T(x) is that of w * T(y), any x, y."""
    gradients = []
    for seed in (1, 2):
        images = torch.rand(6, 2, 16, 16, generator=torch.Generator().manual_seed(seed), requires_grad=True)
        weights = torch.rand(6, 2, 16, 16, generator=torch.Generator().manual_seed(3))
        torch.manual_seed(0)
        seen = diff_augment(images)
        (seen * weights).sum().backward()
        gradients.append(images.grad)
        assert (images.grad * images).sum().item() == pytest.approx((seen * weights).sum().item(), rel=1e-5)
    assert torch.equal(*gradients)
    assert 0.05 < (gradients[0] == 0).float().mean() < 0.4  # shifted out of the picture, or cut out


def test_through_a_change_d_is_shown_nothing_else_and_g_learns_through_it():
    seen, pair = [], (Generator(4, (1, 6, 6), widths=(8,), dropout=0.0), Discriminator((1, 6, 6), (8,), 0.0))
    pair[1].register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    before = [p.clone() for p in pair[0].parameters()]
    settings = Settings(batch_size=16, r1=1.0)
    losses = seen_through(lambda images: images / 4 + 2, *losses_of(settings))  # from 1.75 to 2.25, as no pixel is
    train_gan(*pair, torch.rand(16, 1, 6, 6) * 2 - 1, 1, settings=settings, losses=losses)
    assert len(seen) == 4  # D's loss: real and generated; its penalty; G's loss
    assert all(images.min() >= 1.75 and images.max() <= 2.25 for images in seen)
    assert any(not torch.equal(p, q) for p, q in zip(pair[0].parameters(), before, strict=True))


def test_a_penalty_through_a_change_is_of_d_behind_the_change():
    """D(x) = w x, seen through x / 4 + 2: its slope is w / 4."""
    w = torch.tensor([3.0, -4.0])
    d_loss, _ = seen_through(lambda images: images / 4 + 2, *losses_of(Settings(r1=1.0, penalty_every=2)))
    *_, penalty = d_loss(lambda x: x @ w, torch.rand(5, 2), torch.rand(5, 2), step=2)
    assert penalty.item() == pytest.approx(2 * (3**2 + 4**2) / 4**2 / 2)
    assert len(d_loss(lambda x: x @ w, torch.rand(5, 2), torch.rand(5, 2), step=1)) == 3  # lazy: no penalty


def test_a_training_with_flips_sees_both_sides():
    """Pictures that are bright on the left: what D is shown as real is bright on the right half of the time."""
    images = torch.zeros(64, 1, 6, 6, dtype=torch.uint8)
    images[..., :3] = 255
    for flips, sides in ((False, {True}), (True, {True, False})):
        seen = set()
        pair = Generator(4, (1, 6, 6), widths=(8,), dropout=0.0), Discriminator((1, 6, 6), (8,), 0.0)

        def look(discriminator, real, *_, seen=seen, **__):
            seen |= {bool(image[0, 0, 0] > 0) for image in real}
            logits = discriminator(real)
            return logits.sum(), logits, logits

        settings = Settings(batch_size=16, flips=flips)
        losses = look, lambda d, real, fake: d(fake).mean()
        train_gan(
            *pair, ImageSet(images, torch.zeros(64).long(), ("one",), "test"), 1, settings=settings, losses=losses
        )
        assert seen == sides
