"""Staged pictures are those that were given, in batches as from memory, and what is not whole is refused."""

from __future__ import annotations

import tempfile
from dataclasses import replace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from gan_helpers.data import DatasetError, ImageSet, image_batches, load_images, open_staged, stage_images
from gan_helpers.models import Discriminator, Generator
from gan_helpers.training import Settings, train_gan

SHAPES = st.tuples(st.sampled_from([1, 3]), st.integers(1, 9), st.integers(1, 9))


def drawn_set(n, shape, seed=0):
    draw = torch.Generator().manual_seed(seed)
    images = torch.randint(0, 256, (n, *shape), generator=draw, dtype=torch.uint8)
    return ImageSet(images, torch.randint(0, 3, (n,), generator=draw), ("a", "b", "c"), "drawn")


@settings(max_examples=25, deadline=None, derandomize=True)
@given(sizes=st.lists(st.integers(1, 40), min_size=1, max_size=4), shape=SHAPES, seed=st.integers(0, 99))
def test_batches_are_the_same_as_from_memory(sizes, shape, seed):
    whole = drawn_set(sum(sizes), shape, seed)
    ends = torch.tensor(sizes).cumsum(0).tolist()
    with tempfile.TemporaryDirectory() as folder:
        staged = stage_images((whole[end - n : end] for n, end in zip(sizes, ends, strict=True)), folder)
        assert (staged.classes, staged.source, len(staged)) == (whole.classes, whole.source, len(whole))
        for (ours, label), (theirs, expected) in zip(
            image_batches(staged, 7, seed, epoch=2), image_batches(whole, 7, seed, epoch=2), strict=True
        ):
            assert torch.equal(ours, theirs)
            assert torch.equal(label, expected)


def test_a_training_on_staged_pictures_is_the_training_on_those_in_memory(tmp_path, tiny_pair, tiny_images):
    staged = stage_images([tiny_images], tmp_path)
    runs = []
    for data in (tiny_images, staged):
        torch.manual_seed(0)
        pair = Generator(4, (1, 6, 6), (16,), 0.0), Discriminator((1, 6, 6), (16,), 0.0)
        runs.append(train_gan(*pair, data, epochs=2, settings=Settings(batch_size=16)))
    assert torch.equal(runs[0].history.rows(), runs[1].history.rows())
    assert runs[0].data == runs[1].data


def test_what_is_changed_in_memory_stays_out_of_the_file(tmp_path):
    data = drawn_set(5, (1, 4, 4))
    stage_images([data], tmp_path).images.zero_()
    assert torch.equal(open_staged(tmp_path).images, data.images)


def test_staging_anew_leaves_an_open_set_as_it_is(tmp_path):
    data, other = drawn_set(50, (3, 20, 20)), drawn_set(2, (1, 4, 4), seed=1)
    first = stage_images([data], tmp_path)
    second = stage_images([other], tmp_path)
    assert torch.equal(first.images, data.images)
    assert torch.equal(second.images, other.images)


def test_load_images_holds_out_the_last_tenth_and_copies_nothing(tmp_path):
    data = drawn_set(43, (3, 5, 5))
    stage_images([data], tmp_path)
    train, test = (load_images(tmp_path, split) for split in ("train", "test"))
    assert torch.equal(torch.cat([train.images, test.images]), data.images)
    assert len(test) == 4
    assert train.images.untyped_storage().nbytes() == data.images.numel()  # a slice of the whole file


def test_what_does_not_fit_is_refused(tmp_path):
    data = drawn_set(6, (1, 4, 4))
    with pytest.raises(DatasetError, match="nothing to stage"):
        stage_images([], tmp_path)
    with pytest.raises(DatasetError, match=r"shape \[1, 5, 4\], those before it \[1, 4, 4\]"):
        stage_images([data, drawn_set(2, (1, 5, 4))], tmp_path)
    with pytest.raises(DatasetError, match="classes"):
        stage_images([data, replace(data, classes=("a", "b", "d"))], tmp_path)
    with pytest.raises(DatasetError, match="no whole set"):
        open_staged(tmp_path)  # the parts before the wrong one are no set
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "file").write_text("")
    with pytest.raises(DatasetError, match="cannot write"):
        stage_images([data], tmp_path / "file")


def test_a_file_that_was_cut_is_refused_and_another_size_is_not_made_up(tmp_path):
    stage_images([drawn_set(6, (1, 4, 4))], tmp_path)
    with pytest.raises(DatasetError, match="staged as 1x4x4: leave size and channels out"):
        load_images(tmp_path, size=8)
    pixels = tmp_path / "images.bin"
    pixels.write_bytes(pixels.read_bytes()[:-1])
    with pytest.raises(DatasetError, match=r"images.bin has 95 bytes in place of 96"):
        open_staged(tmp_path)
