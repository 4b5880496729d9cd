"""Loops that close at an even pace, and films that hold the frames that went in."""

import builtins
import io

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from PIL import Image

from gan_helpers.checkpoints import CheckpointError, Network
from gan_helpers.data.sets import unscale_pixels
from gan_helpers.latent.paths import closed_path, even_loop, even_times, frame_distances, variation
from gan_helpers.models.dense import Generator
from gan_helpers.models.sampling import generate
from gan_helpers.viz.films import film, save_gif, save_video

av = pytest.importorskip("av")


class Runner(Network):
    """A bright spot whose place is uneven in the angle of two latent numbers: its speed changes along a circle."""

    def __init__(self, latent_dim: int = 2, latent: str = "normal") -> None:
        super().__init__()
        self.scale = torch.nn.Parameter(torch.ones(1))

    def forward(self, latents):
        angle = torch.atan2(latents[:, 1], latents[:, 0])
        angle = angle + 0.8 * angle.sin()
        spot = 4 * torch.stack([angle.cos(), angle.sin()], 1)
        y, x = torch.meshgrid(torch.arange(-8.0, 8), torch.arange(-8.0, 8), indexing="ij")
        away = (x - spot[:, :1, None]) ** 2 + (y - spot[:, 1:, None]) ** 2
        return (2 * torch.exp(-away / 8) - 1).unsqueeze(1) * self.scale


SQUARE = torch.tensor([[1.0, 0], [0, 1], [-1, 0], [0, -1]])


def corners(n=5, width=16, seed=0):
    return torch.randn(n, width, generator=torch.Generator().manual_seed(seed))


# --- the way ------------------------------------------------------------------------------------------


def test_a_circle_through_four_points_is_the_circle():
    times = torch.arange(12) / 12
    expected = torch.stack([(2 * torch.pi * times).cos(), (2 * torch.pi * times).sin()], 1)
    assert torch.allclose(closed_path(SQUARE, times), expected, atol=1e-5)


def test_the_speed_is_constant_and_the_way_closed():
    k = corners()
    fine = closed_path(k, torch.arange(20_000) / 20_000).double()
    steps = F.cosine_similarity(fine, fine.roll(-1, 0)).clamp(-1, 1).acos()
    assert variation(steps) < 0.02
    angles = F.cosine_similarity(k, k.roll(-1, 0)).acos()
    assert steps.sum().item() == pytest.approx(angles.sum().item(), rel=1e-3)
    assert (fine[0] - k[0]).norm() < 1e-4
    assert (torch.cdist(k.double(), fine).amin(1) < 1e-2).all()  # it leads through every corner


def test_lengths_stay_between_those_of_the_corners():
    k = corners()
    lengths = closed_path(k, torch.arange(500) / 500).norm(dim=1)
    assert lengths.min() >= k.norm(dim=1).min() - 1e-4
    assert lengths.max() <= k.norm(dim=1).max() + 1e-4


def test_two_corners_lead_there_and_back():
    there, back = closed_path(corners(2), torch.tensor([0.2, 0.8]))
    assert torch.allclose(there, back, atol=1e-4)


@pytest.mark.parametrize(
    ("points", "times", "remedy"),
    [(corners(1), [0.0], "two or more"), (corners(), [0.0, 1.0], "below 1"), (corners(), [-0.1], "at least 0")],
)
def test_a_way_that_cannot_be_is_refused(points, times, remedy):
    with pytest.raises(ValueError, match=remedy):
        closed_path(points, torch.tensor(times))


# --- the pace -----------------------------------------------------------------------------------------


def test_distances_go_round_the_loop():
    frames = torch.tensor([0.0, 1, 3]).view(3, 1, 1, 1).expand(3, 1, 2, 2)
    assert frame_distances(frames).tolist() == [2.0, 4.0, 6.0]
    assert variation(torch.tensor([1.0, 3.0])) == 0.5
    assert variation(torch.full((5,), 2.0)) == 0


def test_even_times_invert_a_known_speed():
    """A point at t^2 (1 + 0): its distances grow; at the square roots of even shares they are even."""
    times = torch.arange(200) / 200
    ends = torch.cat([times, torch.ones(1)])
    new = even_times(times, (ends**2).diff())
    assert torch.allclose(new, times.sqrt(), atol=0.01)
    assert new[0] == 0


def test_even_times_leave_an_even_film_alone():
    times = torch.arange(7) / 7
    assert torch.allclose(even_times(times, torch.full((7,), 0.3)), times, atol=1e-6)


def test_a_loop_gets_even_and_stays_closed():
    runner = Runner()
    before = frame_distances(generate(runner, closed_path(SQUARE, torch.arange(60) / 60)))
    even = generate(runner, even_loop(runner, SQUARE, 60))
    after = frame_distances(even)
    assert variation(before) > 0.3
    assert variation(after) < 0.02
    assert after[:-1].min() <= after[-1] * 1.02  # from the last frame to the first: a step like the others
    assert after[-1] <= after[:-1].max() * 1.02


def test_a_loop_can_be_even_in_other_features():
    runner, weights = Runner(), torch.linspace(0.1, 3, 16)

    def view(pictures):
        return pictures * weights  # what moves on the right counts for more

    pictures = generate(runner, even_loop(runner, SQUARE, 60, view=view))
    assert variation(frame_distances(view(pictures))) < 0.03
    assert variation(frame_distances(pictures)) > 0.1


def test_the_shipped_way_works_for_any_generator():
    torch.manual_seed(0)
    generator = Generator(16, (1, 6, 6), (32,), dropout=0.1)
    latents = even_loop(generator, corners(), 40)
    assert latents.shape == (40, 16)
    assert variation(frame_distances(generate(generator, latents))) < 0.1


# --- the film -----------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def frames():
    return generate(Runner(), closed_path(SQUARE, torch.arange(30) / 30))


def decoded(content):
    with av.open(io.BytesIO(content)) as container:
        stream = container.streams.video[0]
        facts = stream.codec_context.name, stream.average_rate, stream.codec_context.pix_fmt
        pictures = [torch.from_numpy(f.to_ndarray(format="rgb24")).permute(2, 0, 1) for f in container.decode(stream)]
    return torch.stack(pictures), facts


def psnr(a, b):
    return 10 * torch.log10(255**2 / (a.double() - b.double()).square().mean())


def test_the_file_holds_the_frames(frames, tmp_path):
    save_video(tmp_path / "loop.mp4", frames, fps=12, zoom=4)
    pictures, (codec, rate, pixel_format) = decoded((tmp_path / "loop.mp4").read_bytes())
    assert (codec, rate, pixel_format) == ("h264", 12, "yuv420p")
    assert pictures.shape == (30, 3, 64, 64)
    expected = unscale_pixels(frames).repeat_interleave(4, 2).repeat_interleave(4, 3)
    assert psnr(pictures, expected) > 35
    assert psnr(pictures.roll(1, 0), expected) < 30  # each frame in its place
    assert [path.name for path in tmp_path.iterdir()] == ["loop.mp4"]


def test_colour_stays_in_its_place():
    ramp = torch.linspace(0, 255, 64).to(torch.uint8)
    colour = torch.stack([ramp.expand(64, 64), ramp[:, None].expand(64, 64), torch.full((64, 64), 200).byte()])
    pictures, _ = decoded(film(colour.expand(8, 3, 64, 64)).content)
    assert psnr(pictures, colour.expand(8, 3, 64, 64)) > 30


def test_the_index_comes_first_so_that_a_browser_can_start_at_once(frames):
    content = film(frames).content
    assert content.index(b"moov") < content.index(b"mdat")


def test_a_lower_crf_is_closer_and_larger(frames):
    noise = torch.rand(6, 1, 32, 32, generator=torch.Generator().manual_seed(0)) * 2 - 1
    fine, coarse = (film(noise, crf=crf).content for crf in (5, 40))
    expected = unscale_pixels(noise)
    assert len(fine) > 2 * len(coarse)
    assert psnr(decoded(fine)[0], expected) > psnr(decoded(coarse)[0], expected) + 5


def test_one_frame_is_a_film_too(frames):
    assert len(decoded(film(frames[:1]).content)[0]) == 1


def test_a_film_shows_itself(frames):
    shown = film(frames, fps=15, alt="a spot", width=99)._repr_mimebundle_()
    assert shown["text/plain"] == "a spot"
    assert 'width="99"' in shown["text/html"]
    assert "loop" in shown["text/html"]
    assert 'aria-label="a spot"' in shown["text/html"]
    assert film(frames, fps=15).alt == "a film of 30 frames, 2.0 s"


@pytest.mark.parametrize(
    ("bad", "remedy"),
    [
        (torch.zeros(4, 1, 15, 16), "zoom=2"),
        (torch.zeros(4, 1, 16, 15), "even sides"),
        (torch.zeros(0, 1, 16, 16), "one picture or more"),
        (torch.zeros(4, 16, 16), r"\(T, C, H, W\)"),
        (torch.zeros(4, 2, 16, 16), "C = 1 or 3"),
    ],
)
def test_what_makes_no_film_is_refused_and_nothing_written(bad, remedy, tmp_path):
    with pytest.raises(ValueError, match=remedy):
        save_video(tmp_path / "loop.mp4", bad)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("fps", "rate"), [(29.97, 29.97), (23.976, 23.976), (24, 24), (0.5, 0.5), (30000 / 1001, 29.97003)]
)
def test_broken_frame_rates_are_stored(fps, rate, frames):
    content, (_, found, _) = decoded(film(frames, fps=fps).content)
    assert len(content) == 30
    assert float(found) == pytest.approx(rate, rel=1e-5)


@pytest.mark.parametrize("fps", [0, -24, float("nan"), float("inf"), 1e9])
def test_a_frame_rate_that_cannot_be_is_refused(fps, frames, tmp_path):
    for save in (save_video, save_gif):
        with pytest.raises(ValueError, match="how many frames a second"):
            save(tmp_path / "loop", frames, fps=fps)
    assert list(tmp_path.iterdir()) == []


def test_a_gif_at_a_high_rate_stays_fast(frames, tmp_path):
    save_gif(tmp_path / "loop.gif", frames, fps=120)
    with Image.open(tmp_path / "loop.gif") as gif:
        assert gif.info["duration"] == 20


def test_an_odd_side_is_fine_when_doubled():
    assert decoded(film(torch.zeros(2, 1, 15, 15), zoom=2).content)[0].shape == (2, 3, 30, 30)


def test_without_pyav_the_remedy_is_named(frames, monkeypatch):
    real_import = builtins.__import__

    def refuse(name, *rest, **more):
        if name == "av":
            raise ImportError("No module named 'av'")
        return real_import(name, *rest, **more)

    monkeypatch.setattr(builtins, "__import__", refuse)
    with pytest.raises(ImportError, match="pip install av"):
        film(frames)


def test_a_folder_that_cannot_be_written_to_is_named(frames, tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(CheckpointError, match=r"loop\.mp4"):
        save_video(tmp_path / "file" / "loop.mp4", frames)


def test_a_gif_has_the_frames_and_their_pace(frames, tmp_path):
    save_gif(tmp_path / "loop.gif", frames, fps=20, zoom=2)
    with Image.open(tmp_path / "loop.gif") as gif:
        assert gif.n_frames == 30
        assert gif.info["loop"] == 0
        assert gif.info["duration"] == 50
        assert gif.size == (32, 32)
        gif.seek(17)
        shown = torch.from_numpy(np.array(gif.convert("L")))
    expected = unscale_pixels(frames[17])[0].repeat_interleave(2, 0).repeat_interleave(2, 1)
    assert psnr(shown, expected) > 25
