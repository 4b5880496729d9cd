"""The reader of factors and directions in latent space, on generators whose answer is known."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from gan_helpers.checkpoints import Network, load_network, save_network
from gan_helpers.data.faces import FACTORS, SCALES, held_out_faces, sample_factors
from gan_helpers.environment import ASSETS
from gan_helpers.latent.editing import fit_factors, leave_alone, measure_effects, step_to_success, try_edit
from gan_helpers.metrics.readers import explained, load_reader, read_factors, read_images, reading_quality
from gan_helpers.models.classifiers import FactorReader
from gan_helpers.models.faces import face_pair
from gan_helpers.models.sampling import sample_latents
from gan_helpers.training.reconstruction import factor_loss
from gan_helpers.training.supervised import train_reader
from gan_helpers.viz.plots import plot_by_factor, plot_effects

N = len(FACTORS)


class Linear(Network):
    """A generator whose "pictures" are linear in z: (N, 1, 5, 5), one pixel a factor."""

    def __init__(self, latent_dim: int = 30, latent: str = "normal") -> None:
        super().__init__()
        random = torch.Generator().manual_seed(0)
        self.matrix = torch.nn.Parameter(0.1 * torch.randn(N, latent_dim, generator=random))

    def forward(self, latents: Tensor) -> Tensor:
        return (latents @ self.matrix.T).view(-1, 1, 5, 5)


class Pixels(Network):
    """A reader that takes the pixels as the factors, around 0.5."""

    def __init__(self, image_shape: tuple[int, ...] = (1, 5, 5)) -> None:
        super().__init__()
        self.nothing = torch.nn.Parameter(torch.zeros(()))

    def forward(self, images: Tensor) -> Tensor:
        return images.flatten(1) + 0.5


@pytest.fixture
def linear():
    torch.manual_seed(0)
    generator = Linear()
    return generator, Pixels(), sample_latents(generator, 400)


def test_the_map_is_found_and_agrees_with_numpy(linear):
    generator, reader, latents = linear
    factors = read_factors(reader, generator(latents).detach())
    slopes, offsets = fit_factors(latents, factors)
    assert torch.allclose(slopes, generator.matrix.detach(), atol=1e-4)
    assert torch.allclose(offsets, torch.tensor(0.5), atol=1e-4)
    noisy = factors + torch.randn_like(factors)
    design = np.hstack([latents.numpy(), np.ones((400, 1))])
    oracle = np.linalg.lstsq(design.astype(float), noisy.numpy().astype(float), rcond=None)[0]
    assert np.allclose(fit_factors(latents, noisy)[0].numpy(), oracle[:-1].T, atol=1e-4)


def test_explained_is_scikit_learns_r2():
    from sklearn.metrics import r2_score

    truth = torch.rand(50, 3)
    found = truth + 0.2 * torch.randn(50, 3)
    oracle = r2_score(truth.numpy(), found.numpy(), multioutput="raw_values")
    assert np.allclose(explained(found, truth).numpy(), oracle, atol=1e-5)


def test_what_is_left_alone_is_at_right_angles_and_the_rest_is_the_nearest_vector():
    direction, others = torch.randn(9), torch.randn(4, 9)
    rest = leave_alone(direction, others)
    assert (others @ rest).abs().max() < 1e-5
    assert abs(rest.norm() - 1) < 1e-6
    nearest = torch.linalg.lstsq(others.T, direction).solution @ others
    assert torch.nn.functional.cosine_similarity(rest, direction - nearest, dim=0) > 1 - 1e-6
    doubled = torch.cat([others, others])  # what is said twice is not left alone twice
    assert torch.allclose(leave_alone(direction, doubled), rest, atol=1e-5)
    with pytest.raises(ValueError, match="leave fewer alone"):
        leave_alone(others.sum(0), others)


def test_effects_are_the_slopes_along_the_direction(linear):
    generator, reader, latents = linear
    directions = torch.nn.functional.normalize(torch.randn(3, 30), dim=1)
    spread = read_factors(reader, generator(latents).detach()).std(0)
    expected = 1.5 * directions @ generator.matrix.detach().T / spread
    assert torch.allclose(measure_effects(generator, reader, latents, directions, 1.5), expected, atol=1e-4)


def test_a_direction_that_leaves_the_rest_alone_costs_nothing_and_a_long_step_succeeds(linear):
    generator, reader, latents = linear
    slopes, i = generator.matrix.detach(), FACTORS.index("glasses")
    plain = slopes[i] / slopes[i].norm()
    apart = leave_alone(plain, slopes[torch.arange(N) != i])
    found = try_edit(generator, reader, latents, apart, "glasses", step=200.0)
    assert found.success == 1
    assert found.change < 1e-3
    assert try_edit(generator, reader, latents, plain, "glasses", step=2.0).change > 0.05
    assert try_edit(generator, reader, latents, apart, "glasses", step=0.0).success == 0
    step = 1.0  # success is the share of faces that the step carries over 0.5
    before = (latents @ slopes[i])[latents @ slopes[i] < 0]
    expected = (before + step * slopes[i] @ plain > 0).float().mean()
    assert abs(try_edit(generator, reader, latents, plain, "glasses", step).success - expected) < 0.005


def test_changes_are_absolute_one_sided_and_told_by_factor(linear):
    generator, reader, latents = linear
    matrix, i = generator.matrix.detach().numpy(), FACTORS.index("glasses")
    direction = matrix[i] / np.linalg.norm(matrix[i])
    found = try_edit(generator, reader, latents, torch.from_numpy(direction), "glasses", 1.5)
    factors = latents.numpy() @ matrix.T
    strangers = np.abs(factors - np.roll(factors, 1, 0)).mean(0)
    expected = np.abs(1.5 * matrix @ direction) / strangers  # every face moves alike, as the generator is linear
    assert np.allclose(found.by_factor.numpy(), expected, atol=1e-3)
    assert found.change == pytest.approx(np.delete(expected, i).mean(), abs=1e-3)


class Bent(Linear):
    """Moves the first factor up in half of all faces and down in the others, and no signed mean sees it."""

    def forward(self, latents: Tensor) -> Tensor:
        pictures = super().forward(latents).flatten(1)
        glasses, side = FACTORS.index("glasses"), latents[:, -1].sign()
        first = (0.3 * side * (pictures[:, glasses] > 0))[:, None]
        return torch.cat([first, pictures[:, 1:]], 1).view(-1, 1, 5, 5)


def test_rises_and_falls_do_not_cancel_as_they_do_in_a_signed_mean():
    torch.manual_seed(0)
    generator, latents = Bent(), torch.randn(2000, 30)
    with torch.no_grad():
        generator.matrix[FACTORS.index("glasses"), -1] = 0.0  # the step leaves each face on its side
    row = generator.matrix.detach()[FACTORS.index("glasses")]
    direction = row / row.norm()
    found = try_edit(generator, Pixels(), latents, direction, "glasses", 50.0)
    assert found.by_factor[0] > 0.8  # 0.3 from 0, where two faces differ by 0.225 on average
    assert measure_effects(generator, Pixels(), latents, direction[None], 50.0)[0, 0].abs() < 0.1


@pytest.mark.parametrize("success", [0.3, 0.8])
def test_the_step_to_success_is_the_quantile_of_what_each_face_needs(linear, success):
    generator, reader, latents = linear
    row = generator.matrix.detach()[FACTORS.index("glasses")].numpy()
    heights = latents.numpy() @ row
    needed = np.sort(-heights[heights < 0] / np.linalg.norm(row))  # along the row itself a step adds its length
    expected = needed[int(np.ceil(success * len(needed))) - 1]
    direction = torch.from_numpy(row / np.linalg.norm(row))
    found = step_to_success(generator, reader, latents, direction, "glasses", success, longest=8.0, halvings=14)
    assert found == pytest.approx(expected, abs=1e-3)
    assert try_edit(generator, reader, latents, direction, "glasses", found).success >= success


def test_where_no_step_succeeds_there_is_no_price_to_name(linear):
    generator, reader, latents = linear
    row = generator.matrix.detach()[FACTORS.index("glasses")]
    away = -row / row.norm()
    assert step_to_success(generator, reader, latents, away, "glasses") == float("inf")


def test_faces_that_all_have_the_factor_cannot_be_edited(linear):
    generator, reader, latents = linear
    glad = latents[(latents @ generator.matrix.detach()[FACTORS.index("smile")]) > 0.01]
    with pytest.raises(ValueError, match="all .* faces have the factor 'smile'"):
        try_edit(generator, reader, glad, glad[0], "smile", 1.0)


def test_quality_is_r2_for_scales_and_right_answers_for_chances():
    factors = sample_factors(400)
    read = factors.clone()
    read[:, 1] = factors[:, 1].mean()
    read[:100, -1] = 1 - read[:100, -1]
    quality = reading_quality(read, factors)
    assert quality["skin"] == pytest.approx(1)
    assert quality["hair colour"] == pytest.approx(0, abs=1e-5)
    assert quality["hat"] == pytest.approx(0.75)


def test_the_loss_is_lowest_at_the_factor_itself():
    factor = torch.full((1,), 0.3)
    losses = [factor_loss(torch.full((1,), guess), factor) for guess in (0.28, 0.3, 0.32)]
    assert min(losses) == losses[1]


def test_a_reader_learns_survives_a_file_and_reads_as_a_classifier_does(tmp_path):
    factors = sample_factors(256)
    images = (
        (255 * factors[:, :3, None, None]).expand(-1, -1, 16, 16).round().to(torch.uint8)
    )  # three factors as colour
    torch.manual_seed(1)
    before = torch.get_rng_state()
    reader = train_reader(images, factors, epochs=15, progress=None).network
    assert torch.equal(torch.get_rng_state(), before)
    read = read_factors(reader, images)
    assert explained(read, factors)[:3].min() > 0.5
    save_network(tmp_path / "reader.safetensors", reader.half())
    again, _ = load_network(tmp_path / "reader.safetensors", FactorReader)
    assert (read_factors(again, images) - read).abs().max() < 0.02
    reading = read_images(again, images)
    assert reading.features.shape == (256, 128)
    glasses = read_factors(again, images)[:, FACTORS.index("glasses")]
    assert torch.allclose(reading.probabilities[:, 1], glasses, atol=1e-5)


def test_bad_input_names_the_remedy():
    with pytest.raises(ValueError, match="size=64"):
        read_factors(FactorReader(), torch.zeros(2, 3, 32, 32))
    with pytest.raises(ValueError, match="give 64 or more"):
        train_reader(torch.zeros(9, 3, 16, 16, dtype=torch.uint8), torch.zeros(9, N))


def test_the_shipped_reader_reads_faces_that_it_has_not_seen():
    images, factors = held_out_faces(200, seed=123)
    quality = reading_quality(read_factors(load_reader(), images), factors)
    assert min(quality[name] for name in ("glasses", "hat", "beard", "earrings")) > 0.93
    assert min(quality[name] for name in ("skin", "background", "smile", "hair length")) > 0.8
    assert (ASSETS / "weights" / "face_reader.safetensors").stat().st_size < 1_500_000


def test_the_pair_fits_its_pictures():
    generator, discriminator = face_pair((3, 64, 64))
    assert discriminator(generator(sample_latents(generator, 2))).shape == (2,)


def test_the_plots_have_words_and_ink():
    for picture in (plot_effects(torch.randn(2, N), ["smile", "hat"], "t"), plot_by_factor({"a": [0.5] * N}, "t")):
        assert len(picture.content) > 5000
        assert str(N) in picture.alt
    assert len(SCALES) + 4 == N
