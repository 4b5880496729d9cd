"""Moving digits against their known paths, the two codes, the two judges, and the measures against cases by hand."""

from __future__ import annotations

import math

import pytest
import torch
import torch.nn.functional as F

from gan_helpers.checkpoints import load_network, save_network
from gan_helpers.data import moving
from gan_helpers.data.sets import ImageSet
from gan_helpers.data.strokes import stroke_digits
from gan_helpers.metrics import readers
from gan_helpers.metrics.readers import load_classifier
from gan_helpers.models import clips
from gan_helpers.models.sampling import generate, sample_latents
from gan_helpers.training.adversarial import train_gan
from gan_helpers.training.losses import real_loss
from gan_helpers.training.settings import Settings


@pytest.fixture(scope="module")
def digits() -> ImageSet:
    labels = torch.arange(60) % 10
    return ImageSet(stroke_digits(labels), labels, tuple("0123456789"), "strokes")


@pytest.fixture(scope="module")
def moving_clips(digits) -> tuple[ImageSet, torch.Tensor]:
    return moving.moving_digits(digits, 120, seed=3)


# --- the data -------------------------------------------------------------------------------------------


def test_a_ball_bounces_as_one_that_is_turned_around_at_the_walls():
    for start, speed in ((3.0, 1.7), (0.0, -2.3), (16.0, 0.4)):
        position, velocity = start, speed
        for step in range(60):
            assert float(moving.reflect(torch.tensor(start + speed * step), 16.0)) == pytest.approx(position, abs=1e-3)
            position += velocity
            if not 0 <= position <= 16:
                position, velocity = (-position if position < 0 else 32 - position), -velocity


def test_paths_keep_their_speed_between_bounces_and_stay_inside():
    paths = moving.bouncing_paths(500, frames=40, limit=16, seed=1)
    assert 0 <= paths.min() < 0.1
    assert 15.9 < paths.max() <= 16
    steps = paths.diff(dim=1)
    straight = steps.abs().diff(dim=1).abs().amax(2) < 1e-3  # a step with a bounce in it is shorter along its axis
    assert straight.float().mean() > 0.6
    speed = steps.norm(dim=2).amax(1)
    assert moving.SPEEDS[0] - 1e-3 < speed.min() < moving.SPEEDS[0] + 0.1
    assert moving.SPEEDS[1] - 0.1 < speed.max() < moving.SPEEDS[1] + 1e-3
    directions = torch.atan2(*steps[:, 0].T)
    assert all(((directions > low) & (directions < low + 1.57)).sum() > 80 for low in (-3.14, -1.57, 0, 1.57))


def test_whole_pixels_are_copied_and_half_pixels_are_means():
    sprite = torch.rand(1, 6, 6)
    there = moving.place(sprite, torch.tensor([[[10.0, 7.0]]]), field=20)[0, 0]  # x, y
    assert torch.allclose(there[4:10, 7:13], sprite[0])
    assert there.sum().item() == pytest.approx(sprite.sum().item(), rel=1e-5)
    between = moving.place(sprite, torch.tensor([[[10.5, 7.0]]]), field=20)[0, 0]
    assert torch.allclose(between[4:10, 8:13], (sprite[0, :, 1:] + sprite[0, :, :-1]) / 2, atol=1e-6)


def test_place_is_grid_sample_and_its_slope_is_right():
    sprites, centres = torch.rand(3, 8, 8).double(), (4 + 16 * torch.rand(3, 5, 2)).double()
    found = moving.place(sprites, centres, field=24)
    middles = torch.arange(24) + 0.5
    for n in range(3):
        for t in range(5):
            x, y = ((middles.double() - c) / 4 for c in centres[n, t])
            grid = torch.stack(torch.meshgrid(x, y, indexing="xy"), 2)[None]
            expected = F.grid_sample(sprites[n][None, None], grid, align_corners=False)[0, 0]
            assert torch.allclose(found[n, t], expected, atol=1e-9)
    inputs = sprites[:1, :3, :3].clone(), (centres[:1, :2] / 2).round() + 0.3
    slopes = [value.detach().requires_grad_() for value in inputs]
    assert torch.autograd.gradcheck(lambda s, c: moving.place(s, c, 12), slopes)


def test_the_ink_follows_the_known_path(moving_clips):
    data, centres = moving_clips
    offset = moving.mass_centres(data.images) - centres
    assert (offset - offset.mean(1, keepdim=True)).abs().max() < 0.05  # the same digit, at the same place in its square
    assert offset.abs().max() < 2.5
    assert offset.abs().mean() < 0.6


def test_clips_are_what_they_say(digits, moving_clips):
    data, centres = moving_clips
    assert data.images.shape == (120, 16, 32, 32)
    assert data.images.dtype == torch.uint8
    assert data.images.amax((2, 3)).min() > 100
    assert centres.shape == (120, 16, 2)
    again, same_path = moving.moving_digits(digits, 120, seed=3)
    assert torch.equal(again.images, data.images)
    assert torch.equal(same_path, centres)
    other, _ = moving.moving_digits(digits, 120, seed=4)
    assert not torch.equal(other.images, data.images)
    longer, _ = moving.moving_digits(digits, 3, frames=20)
    assert longer.shape == (20, 32, 32)


def test_clips_show_their_label(moving_clips):
    data, _ = moving_clips
    read = readers.clip_labels(load_classifier(), data.images)
    assert (read == data.labels).float().mean() > 0.8


def test_colour_pictures_of_another_size_move_too():
    pictures = torch.randint(0, 256, (5, 3, 20, 40), dtype=torch.uint8)
    data, _ = moving.moving_digits(ImageSet(pictures, torch.zeros(5).long(), ("one",), "test"), 4)
    assert data.images.shape == (4, 16, 32, 32)


# --- the networks ---------------------------------------------------------------------------------------


def test_the_content_code_is_the_sprite_and_the_motion_code_the_path():
    generator = clips.ClipGenerator().eval()
    latents = sample_latents(generator, 4)
    with torch.no_grad():
        sprites = (generator.sprite(latents[:, :64]).view(4, 16, 16) + 1) / 2
        expected = moving.place(sprites, generator.path(latents[:, 64:]))
    made = generate(generator, latents)
    assert made.shape == (4, 16, 32, 32)
    assert torch.allclose((made + 1) / 2, expected, atol=1e-5)
    moved = torch.cat([latents[:, :64], latents.roll(1, 0)[:, 64:]], 1)
    sprites = []
    for codes in (latents, moved):
        generator.sprite.register_forward_hook(lambda module, inputs, output: sprites.append(output))
        generate(generator, codes)
    assert torch.equal(sprites[0], sprites[1])
    assert not torch.allclose(generate(generator, moved), made, atol=1e-3)


def test_the_filter_leaves_what_is_even_and_weakens_what_alternates():
    """Its response at a frequency w is (5 + 2 cos w) / 7 in each direction: 1 at 0, 3/7 where pixels alternate."""
    soften, i = clips.Soften(), torch.arange(16.0)
    assert torch.allclose(soften(torch.full((1, 1, 9, 7), 0.3)), torch.full((1, 1, 9, 7), 0.3), atol=1e-6)
    for w in (0.0, torch.pi / 2, torch.pi / 3, torch.pi):
        wave = torch.cos(w * i).expand(1, 1, 16, 16)  # alike from row to row
        response = (5 + 2 * math.cos(w)) / 7
        assert torch.allclose(soften(wave)[..., 1:-1], response * wave[..., 1:-1], atol=1e-5)
        assert torch.allclose(soften(wave.mT)[..., 1:-1, :], response * wave.mT[..., 1:-1, :], atol=1e-5)


def test_the_path_is_a_recurrent_network_stepped_by_hand():
    network = clips.PathNetwork(8, 32)
    codes = torch.randn(3, 8)
    cell = torch.nn.GRUCell(8, 64)
    cell.load_state_dict({name.removesuffix("_l0"): value for name, value in network.steps.state_dict().items()})
    state, path = torch.tanh(codes @ network.start.weight.T + network.start.bias), network(codes, 24)
    assert path.shape == (3, 24, 2)
    for t in range(24):
        state = cell(codes, state)
        assert torch.allclose(path[:, t], 16 + 8 * network.position(state), atol=1e-4)


def test_looking_takes_back_what_placing_has_put_there():
    sprites, centres = torch.rand(4, 9, 9), torch.randint(6, 15, (4, 2)) + 0.5
    frames = moving.place(sprites, centres.unsqueeze(1), field=20)[:, 0]
    assert torch.allclose(moving.look(frames, centres, side=9), sprites, atol=1e-6)
    halfway = moving.look(frames, centres + torch.tensor([0.5, 0.0]), side=9)
    assert torch.allclose(halfway[:, :, :8], (sprites[:, :, 1:] + sprites[:, :, :8]) / 2, atol=1e-6)


def test_one_judge_sees_order_and_the_other_does_not():
    torch.manual_seed(0)
    discriminator = clips.ClipDiscriminator()
    different = torch.rand(4, 16, 32, 32) * 2 - 1
    alike = different[:, :1].expand(-1, 16, -1, -1)
    order = torch.randperm(16)
    logits, shuffled, still = (discriminator(part) for part in (different, different[:, order], alike))
    assert logits.shape == (8,)
    assert not torch.allclose(logits[:4], shuffled[:4], atol=1e-4)
    assert torch.allclose(discriminator(alike), still, atol=1e-5)  # whichever frame is drawn


def test_the_judge_of_frames_sees_the_square_around_the_ink_of_one_frame_a_clip(moving_clips):
    seen = []
    discriminator = clips.ClipDiscriminator()
    discriminator.frame.register_forward_pre_hook(lambda module, inputs: seen.append(inputs[0]))
    frames = moving_clips[0].images[:50].float() / 127.5 - 1
    for _ in range(20):
        discriminator(frames)
    squares = torch.stack(seen)  # (20, 50, 1, 16, 16)
    ink, corners = moving.as_ink(frames), moving.mass_centres(frames).round().int() - 8
    padded = F.pad(ink, (8, 8, 8, 8))  # the square may reach beyond the field
    all_squares = torch.stack(
        [
            padded[n, t, y + 8 : y + 24, x + 8 : x + 24].flatten()
            for n, path in enumerate(corners.tolist())
            for t, (x, y) in enumerate(path)
        ]
    ).view(50, 16, 256)
    gaps = torch.cdist((squares.view(20, 50, 256).transpose(0, 1) + 1) / 2, all_squares)  # (50, 20, 16)
    assert gaps.amin(2).max() < 1e-3
    assert len(gaps.argmin(2).unique()) == 16
    assert (moving.mass_centres(squares.view(20, 50, 16, 16)) - 8).abs().max() < 0.6


def test_the_loss_weighs_clips_and_frames_alike():
    logits = clips.ClipDiscriminator()(torch.rand(6, 16, 32, 32))
    assert torch.isclose(real_loss(logits), (real_loss(logits[:6]) + real_loss(logits[6:])) / 2)


def test_the_loop_of_the_course_trains_it_and_its_file_comes_back(moving_clips, tmp_path):
    torch.manual_seed(0)
    pair = clips.ClipGenerator(widths=(16,)), clips.ClipDiscriminator(channels=(4, 4))
    before = generate(pair[0], latents := sample_latents(pair[0], 2))
    run = train_gan(*pair, moving_clips[0], epochs=1, settings=Settings(batch_size=32))
    assert run.step == 3
    made = generate(run.average, latents)
    assert not torch.allclose(before, made, atol=1e-3)
    save_network(tmp_path / "g.safetensors", run.average, steps=3)
    again, facts = load_network(tmp_path / "g.safetensors", clips.ClipGenerator)
    assert facts["steps"] == 3
    assert torch.allclose(generate(again, latents), made, atol=1e-4)


# --- the measures ---------------------------------------------------------------------------------------


def test_bend_by_hand():
    straight = torch.arange(16.0).view(1, 16, 1) * torch.tensor([1.2, -0.7])
    corner = torch.cat([torch.arange(8.0), torch.arange(6.0, -2, -1)]).view(1, 16, 1) * torch.tensor([3.0, 4.0])
    assert readers.bend(straight).item() == pytest.approx(0, abs=1e-5)
    assert readers.bend(corner).item() == pytest.approx(10 / 14, abs=1e-5)  # once, from +5 to -5, in 14 differences


def test_kept_share_by_hand():
    labels = torch.full((4, 16), 7)
    labels[1, :2], labels[2, :3], labels[3] = 1, 1, torch.arange(16) % 8
    assert readers.kept_share(labels) == 0.5
    assert readers.kept_share(labels, missing=3) == 0.75


def test_path_correlation_knows_same_opposite_and_unrelated():
    a, b = moving.bouncing_paths(400, seed=0), moving.bouncing_paths(400, seed=1)
    assert readers.path_correlation(a, a + 3) == pytest.approx(1, abs=1e-5)
    assert readers.path_correlation(a, -a) == pytest.approx(-1, abs=1e-5)
    assert abs(readers.path_correlation(a, b)) < 0.1


def test_a_square_is_cut_out_around_the_centre_of_mass():
    sprite = torch.zeros(1, 16, 16)
    sprite[0, 6:10, 7:9] = 0.5  # centred, and grey
    frames = moving.place(sprite, torch.tensor([[[12.3, 17.8], [20.0, 9.0]]])) * 2 - 1
    squares = readers.cut_out(frames)
    assert squares.shape == (2, 1, 28, 28)
    centre = moving.mass_centres(squares.transpose(0, 1))
    assert torch.allclose(centre, torch.full((1, 2, 2), 14.0), atol=0.1)
    assert torch.allclose(squares.amax((1, 2, 3)), torch.ones(2), atol=0.25)


def test_scores_of_single_frames_cannot_see_what_scores_over_time_can(digits, moving_clips):
    truth = moving_clips[0].images[:80]
    real, _ = moving.moving_digits(digits, 80, seed=9)
    shuffled, still = truth[:, torch.randperm(16)], truth[:, :1].expand(-1, 16, -1, -1)
    cards = [readers.score_clips(part, truth, load_classifier()) for part in (real.images, shuffled, still)]
    floor, mixed, stopped = cards
    assert mixed.frechet < 0.01 < floor.frechet
    assert mixed.path_frechet > 5 * floor.path_frechet
    assert mixed.bend > 10 * floor.bend
    assert stopped.path_frechet > 4 * floor.path_frechet
    assert stopped.bend == 0 == 1 - stopped.kept
    assert "bend 0.00" in str(stopped)
