"""Mirrored, shifted pictures: held against every picture that a mirror and a shift can make."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from gan_helpers.data.sets import ImageSet
from gan_helpers.models.dense import Discriminator, Generator
from gan_helpers.training.adversarial import train_gan
from gan_helpers.training.augmenting import flip, flip_and_crop
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
