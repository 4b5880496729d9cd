"""U-Net, discriminators of patches, two of each, and the pool: shapes, the receptive field, what is remembered."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from gan_helpers.checkpoints import load_network, save_network
from gan_helpers.metrics import checkerboard_share
from gan_helpers.models import (
    DiscriminatorPair,
    ImagePool,
    PatchDiscriminator,
    TranslatorPair,
    UNet,
    apply,
    count_parameters,
    swapped,
)

drawn = settings(max_examples=15, deadline=None, derandomize=True)


def noise(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.rand(*shape, generator=torch.Generator().manual_seed(seed)) * 2 - 1


# --- U-Net ----------------------------------------------------------------------------------------------


@drawn
@given(
    source=st.sampled_from([1, 3]),
    depth=st.sampled_from([1, 3]),
    halvings=st.integers(1, 3),
    h=st.integers(1, 3),
    w=st.integers(1, 3),
    skips=st.booleans(),
)
def test_a_unet_gives_pictures_of_its_shape(source, depth, halvings, h, w, skips):
    sides = 8 * h, 8 * w
    unet = UNet((depth, *sides), source, width=4, halvings=halvings, skips=skips)
    found = unet(noise(2, source, *sides))
    assert found.shape == (2, depth, *sides)
    assert found.abs().max() <= 1


def test_without_skips_all_goes_through_the_coarsest_maps_in_a_network_of_the_same_size():
    torch.manual_seed(0)
    whole, cut = (UNet((1, 8, 8), width=2, halvings=2, skips=skips) for skips in (True, False))
    cut.load_state_dict(whole.state_dict())
    assert count_parameters(whole) == count_parameters(cut)
    ranks = {}
    for name, unet in (("whole", whole), ("cut", cut)):
        jacobian = torch.autograd.functional.jacobian(unet.double(), noise(1, 1, 8, 8).double())
        ranks[name] = int(torch.linalg.matrix_rank(jacobian.view(64, 64), rtol=1e-9))
    assert ranks["cut"] <= 8 * 2 * 2 < ranks["whole"]  # channels, height and width of the coarsest maps


def test_a_residual_unet_begins_as_the_identity_and_can_leave_it():
    unet = UNet((3, 16, 16), width=4, halvings=2, residual=True)
    images = noise(2, 3, 16, 16)
    assert torch.equal(unet(images), images)
    unet(images).square().sum().backward()
    assert unet.last.weight.grad.abs().max() > 0


def test_pictures_do_not_depend_on_the_others_in_their_batch():
    torch.manual_seed(0)
    unet = UNet((3, 16, 16), width=4, halvings=2)
    images = noise(4, 3, 16, 16)
    alone = torch.cat([unet(image[None]) for image in images])
    assert torch.allclose(unet(images), alone, atol=1e-5)
    assert torch.allclose(apply(unet, images), alone, atol=1e-5)  # nor on the mode


def test_it_leaves_no_checkerboard_at_the_start():
    torch.manual_seed(0)
    flat = torch.zeros(4, 3, 32, 32)
    inner = UNet((3, 32, 32), width=8)(flat)[..., 8:24, 8:24].detach()
    assert inner.var() < 1e-3 or checkerboard_share(inner) < 0.05


@pytest.mark.parametrize(
    ("arguments", "remedy"),
    [
        ({"image_shape": (3, 30, 30)}, "multiples of 8; load them with size=24 or size=32, or halve less"),
        ({"image_shape": (3, 32, 30)}, "size=24 or size=32, or halve less"),
        ({"image_shape": (3, 4, 4)}, "multiples of 8; load them with size=8, or halve less"),
        ({"image_shape": (3, 9, 8)}, "size=8 or size=16, or halve less"),
        ({"image_shape": (3, 30, 30), "halvings": 2}, "multiples of 4; load them with size=28 or size=32"),
        ({"image_shape": (32, 32)}, r"\(C, H, W\)"),
        ({"source_channels": 1, "residual": True}, "1 channels in and 3 out cannot be added: use residual=False"),
    ],
)
def test_a_unet_that_cannot_be_names_the_remedy(arguments, remedy):
    with pytest.raises(ValueError, match=remedy):
        UNet(**arguments)


# --- patches --------------------------------------------------------------------------------------------


@drawn
@given(
    halvings=st.integers(1, 3),
    kernel=st.sampled_from([1, 4]),
    sources=st.sampled_from([0, 1]),
    row=st.integers(0, 99),
    column=st.integers(0, 99),
)
def test_the_field_is_where_the_gradient_is(halvings, kernel, sources, row, column):
    """One logit's gradient fills a square of ``field`` pixels, less what lies outside the picture."""
    torch.manual_seed(0)
    side = 64
    patches = PatchDiscriminator((2, side, side), sources, width=4, halvings=halvings, kernel=kernel)
    images = noise(1, 2, side, side).requires_grad_()
    logits = patches(images, noise(1, sources, side, side) if sources else None)
    h, w = logits.shape[2:]
    row, column = row % h, column % w
    (gradient,) = torch.autograd.grad(logits[0, 0, row, column], images)
    touched = gradient[0].abs().sum(0) > 0
    step = 2**halvings if kernel == 4 else 1
    for place, seen in ((row, touched.any(1)), (column, touched.any(0))):
        pad = step + (2**halvings - 1) if kernel == 4 else 0  # by which the first field begins before the picture
        first, last = place * step - pad, place * step - pad + patches.field - 1
        expected = torch.tensor([first <= x <= last for x in range(side)])
        assert torch.equal(seen, expected)


def test_fields_are_those_that_the_docstring_tells():
    fields = [PatchDiscriminator((3, 32, 32), width=4, halvings=n).field for n in (1, 2, 3)]
    assert fields == [10, 22, 46]
    assert PatchDiscriminator((3, 32, 32), kernel=1).field == 1


def test_a_conditional_one_judges_the_source_too():
    torch.manual_seed(0)
    patches = PatchDiscriminator((3, 16, 16), 1, width=4)
    images = noise(1, 3, 16, 16)
    first, second = (patches(images, noise(1, 1, 16, 16, seed=seed)) for seed in (1, 2))
    assert not torch.allclose(first, second)


@pytest.mark.parametrize("arguments", [{"kernel": 3}, {"halvings": 0}, {"image_shape": (3, 30, 30)}])
def test_a_patch_discriminator_that_cannot_be_is_refused(arguments):
    with pytest.raises(ValueError, match=r"kernel must be 1 or 4|multiples of"):
        PatchDiscriminator(**arguments)


# --- two of each ----------------------------------------------------------------------------------------


def test_each_half_of_a_batch_goes_through_its_own_network():
    torch.manual_seed(0)
    pair = TranslatorPair((3, 8, 8), width=4, halvings=1, residual=False)
    b, a = noise(3, 3, 8, 8, seed=1), noise(3, 3, 8, 8, seed=2)
    found = pair(torch.cat([b, a]))
    assert torch.equal(found, torch.cat([pair.to_a(b), pair.to_b(a)]))
    assert not torch.allclose(pair.to_a(b), pair.to_b(b))
    judges = DiscriminatorPair((3, 8, 8), width=4, halvings=1)
    assert torch.equal(judges(torch.cat([a, b])), torch.cat([judges.a(a), judges.b(b)]))
    assert torch.equal(swapped(torch.cat([a, b])), torch.cat([b, a]))


@drawn
@given(size=st.integers(4, 12), steps=st.integers(1, 12), seed=st.integers(0, 99))
def test_a_pool_gives_back_new_pictures_or_older_ones_each_at_most_once(size, steps, seed):
    torch.manual_seed(seed)
    pool, made = ImagePool(size, (1, 1, 1)), set()
    stored: list[float] = []
    for step in range(steps):
        fakes = torch.arange(4.0).view(4, 1, 1, 1) + 4 * step + 1
        made |= set(fakes.flatten().tolist())
        given_out = pool(fakes).flatten().tolist()
        assert set(given_out) <= made
        for new, out in zip(fakes.flatten().tolist(), given_out, strict=True):
            assert out == new or out in stored  # an older one stands in a new one's place
        assert len(set(given_out)) == 4
        stored = pool.images.flatten()[pool.filled].tolist()
        assert len(set(stored)) == len(stored) <= size


def test_half_of_what_a_full_pool_gives_out_is_old_and_lies_back_a_while():
    torch.manual_seed(0)
    pool, ages = ImagePool(50, (1, 1, 1)), []
    for step in range(600):
        out = pool(torch.full((16, 1, 1, 1), float(step)))
        ages += (step - out.flatten()).tolist() if step > 100 else []
    ages = torch.tensor(ages)
    # In one step a place is asked for with probability 16 / 50 and then exchanged in half of the cases.
    assert abs((ages > 0).float().mean() - 0.5) < 0.02
    assert abs(ages[ages > 0].mean() - 50 / 8) < 0.4


def test_a_pool_of_none_gives_back_what_it_got_and_one_too_small_is_told():
    fakes = noise(4, 1, 2, 2)
    assert torch.equal(ImagePool(0, (1, 2, 2))(fakes), fakes)
    with pytest.raises(ValueError, match="choose pool=4 or more, or 0 for none"):
        ImagePool(3, (1, 2, 2))(fakes)


@pytest.mark.parametrize(
    "network",
    [
        lambda: UNet((3, 16, 16), 1, width=4, halvings=2, skips=False),
        lambda: TranslatorPair((1, 8, 8), width=4, halvings=1),
        lambda: PatchDiscriminator((3, 16, 16), 1, width=4, kernel=1),
        lambda: DiscriminatorPair((1, 8, 8), width=4, halvings=1, pool=5),
    ],
)
def test_they_come_back_from_files_as_they_were(network, tmp_path):
    torch.manual_seed(0)
    network = network()
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.add_(0.1 * torch.randn_like(parameter))
    if isinstance(network, DiscriminatorPair):
        network.remembered(noise(4, 1, 8, 8))
    save_network(tmp_path / "it.safetensors", network, steps=3)
    again, facts = load_network(tmp_path / "it.safetensors", type(network))
    assert facts["steps"] == 3
    assert again.config == network.config
    for key, value in network.state_dict().items():
        assert torch.equal(value, again.state_dict()[key]), key
