"""``torch.set_default_dtype(torch.float64)`` at the top of a notebook or in its middle: all runs and means the same."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import torch

from gan_helpers.checkpoints import load_network, load_shipped, save_network
from gan_helpers.data import ImageSet, image_batches, load_images, moving_digits, scale_pixels, unscale_pixels
from gan_helpers.exercises import check
from gan_helpers.latent import find_latents, random_points
from gan_helpers.metrics import (
    Reference,
    frechet_distance,
    load_classifier,
    median_filter,
    precision,
    principal_components,
    read_images,
    score_card,
    score_clips,
    wiener_filter,
)
from gan_helpers.models import (
    Autoencoder,
    Denoiser,
    Discriminator,
    Generator,
    VariationalAutoencoder,
    add_minibatch_statistics,
    apply,
    conditional_pair,
    dcgan_pair,
    generate,
    sample_latents,
    stable_pair,
)
from gan_helpers.training import (
    Run,
    Settings,
    denoising_loss,
    train_autoencoder,
    train_classifier,
    train_gan,
    train_vaegan,
)
from gan_helpers.viz import plot_history, show_images
from gan_helpers.widgets import Monitor, explore

DIGITS = (1, 16, 16)
SETTINGS = Settings(batch_size=16)


@contextmanager
def default(dtype: torch.dtype) -> Iterator[None]:
    before = torch.get_default_dtype()
    torch.set_default_dtype(dtype)
    try:
        yield
    finally:
        torch.set_default_dtype(before)


@pytest.fixture(autouse=True)
def double() -> Iterator[None]:
    with default(torch.float64):
        yield
        assert torch.get_default_dtype() == torch.float64


@pytest.fixture(params=[torch.float64, torch.float32], ids=["built after", "built before"])
def built(request) -> Callable[..., Any]:
    """Calls a function that makes networks, as if before or after the default type was changed."""

    def build(make: Callable[..., Any], *arguments: Any, **options: Any) -> Any:
        torch.manual_seed(0)
        with default(request.param):
            return make(*arguments, **options)

    return build


@pytest.fixture(scope="module")
def pictures() -> ImageSet:
    """400 small pictures of two classes."""
    random = torch.Generator().manual_seed(0)
    labels = torch.arange(400) % 2
    images = torch.randint(0, 128, (400, *DIGITS), generator=random) + 127 * labels.view(-1, 1, 1, 1)
    return ImageSet(images.byte(), labels, ("dark", "bright"), "made for a test")


def single(function: Callable[[], Any]) -> Any:
    """The same in 32 bits."""
    with default(torch.float32):
        return function()


# --- data -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["mnist", "strokes", "faces", "logograms", "photos"])
def test_the_same_pictures_are_loaded(name):
    found = load_images(name, "test")
    assert torch.equal(found.images, single(lambda: load_images(name, "test")).images)


def test_scaled_pixels_are_of_the_default_type_and_come_back(pictures):
    scaled = scale_pixels(pictures.images)
    assert scaled.dtype == torch.float64
    assert torch.equal(unscale_pixels(scaled), pictures.images)
    assert torch.allclose(scaled.float(), single(lambda: scale_pixels(pictures.images)), atol=1e-6)
    assert next(image_batches(pictures.images, 8)).dtype == torch.float64


def test_moving_digits_move_alike():
    digits = load_images("strokes", "test")
    clips, centres = moving_digits(digits, 20)
    same_clips, same_centres = single(lambda: moving_digits(digits, 20))
    assert torch.allclose(centres.float(), same_centres.float(), atol=1e-3)
    assert (clips.images.int() - same_clips.images.int()).abs().max() <= 1


# --- networks -------------------------------------------------------------------------------------------


def test_a_networks_own_type_rules_what_it_is_given_and_gives(built):
    generator = built(Generator, 4, DIGITS)
    own = next(generator.parameters()).dtype
    drawn = sample_latents(generator, 3), random_points(generator, 0, 3)
    assert {latents.dtype for latents in drawn} == {own}
    for latents in (*drawn, torch.zeros(3, 4).double(), torch.zeros(3, 4).float()):
        assert generate(generator, latents).dtype == own


def test_a_seed_is_the_same_point_whatever_the_type(built):
    plain = single(lambda: random_points(Generator(4, DIGITS), 7, 3))
    assert torch.equal(random_points(built(Generator, 4, DIGITS), 7, 3).float(), plain)


@pytest.mark.parametrize("name", ["mnist_generator", "photo_generator", "face_generator", "logogram_generator"])
def test_shipped_generators_make_the_same_pictures(built, name):
    generator, _ = built(load_shipped, name)
    plain, _ = single(lambda: load_shipped(name))
    latents = random_points(plain, 0, 4)
    assert torch.allclose(generate(generator, latents).float(), generate(plain, latents), atol=1e-4)


def test_other_shipped_networks_make_the_same(built):
    images = load_images("mnist", "test").images[:4]
    for name in ("mnist_autoencoder", "mnist_vae", "mnist_denoiser"):
        plain, _ = single(lambda name=name: load_shipped(name))
        made = apply(built(load_shipped, name)[0], images)
        assert torch.allclose(made.float(), apply(plain, images), atol=1e-4), name


def test_a_saved_network_comes_back(built, tmp_path):
    network = built(Generator, 4, DIGITS)
    save_network(tmp_path / "network", network)
    again, _ = load_network(tmp_path / "network")
    latents = random_points(network, 0, 2)
    assert torch.allclose(generate(network, latents).double(), generate(again, latents), atol=1e-6)


# --- training -------------------------------------------------------------------------------------------

PAIRS = {
    "dense": lambda: (Generator(4, DIGITS), Discriminator(DIGITS)),
    "batch statistics": lambda: (Generator(4, DIGITS), add_minibatch_statistics(Discriminator(DIGITS))),
    "stable": lambda: stable_pair(DIGITS),
    "convolutional": lambda: dcgan_pair(DIGITS),
    "with classes": lambda: conditional_pair(DIGITS, classes=2),
    "uniform": lambda: (Generator(4, DIGITS, latent="uniform"), Discriminator(DIGITS)),
}


@pytest.mark.parametrize("pair", PAIRS.values(), ids=PAIRS)
def test_pairs_train_sample_resume_and_are_shown(built, pictures, pair, tmp_path):
    def train(epochs: float, resume: bool = False) -> Run:
        path = tmp_path / "run"
        return train_gan(*built(pair), pictures, epochs, settings=SETTINGS, checkpoint=path, resume=resume)

    half, whole = train(0.2), train(0.4, resume=True)
    assert whole.step > half.step
    assert whole.history.column("d_loss").isfinite().all()
    plot_history(whole.history)
    labels = torch.tensor([0, 1]) if "classes" in whole.average.config else None
    show_images(generate(whole.average, sample_latents(whole.average, 2), labels))


@pytest.mark.parametrize("loss", [{"r1": 0.1}, {"r2": 0.1}, {"unit_gradient": 1.0}, {"objective": "hinge"}], ids=str)
def test_penalties_and_losses(built, pictures, loss):
    settings = Settings(batch_size=16, **loss)
    run = train_gan(*built(PAIRS["dense"]), pictures, epochs=0.1, settings=settings)
    assert run.history.column("d_loss").isfinite().all()


def test_pictures_of_the_other_type_train(built, pictures):
    for dtype in (torch.float32, torch.float64):
        images = scale_pixels(pictures.images).to(dtype)
        assert train_gan(*built(PAIRS["dense"]), images, epochs=0.1, settings=SETTINGS).step == 2


def test_autoencoders_train(built, pictures):
    for network, loss in ((Autoencoder(4, DIGITS), None), (Denoiser(DIGITS), denoising_loss)):
        network = built(type(network), **network.config)
        run = train_autoencoder(network, pictures, epochs=1, **({"loss_of": loss} if loss else {}))
        losses = run.history.column("loss")
        assert losses[-1] < losses[0]
        assert apply(network, pictures.images[:2]).shape == (2, *DIGITS)


def test_a_vaegan_trains(built, pictures):
    vae, discriminator = built(lambda: (VariationalAutoencoder(4, DIGITS), Discriminator(DIGITS)))
    assert train_vaegan(vae, discriminator, pictures, epochs=0.1).step == 1


def test_a_classifier_trains_and_reads(pictures):
    classifier = train_classifier(pictures, epochs=1, progress=None).network
    sums = read_images(classifier, pictures.images[:5]).probabilities.sum(1)
    assert sums.allclose(torch.ones(5))


def test_the_monitor_draws(built, pictures):
    run = train_gan(*built(PAIRS["dense"]), pictures, 0.4, settings=SETTINGS, callbacks=[Monitor(torch.zeros(4, 64))])
    assert run.step == 10


# --- measures -------------------------------------------------------------------------------------------


def test_readings_and_scores_agree_with_those_in_32_bits(built):
    train, test = load_images("mnist")[:600], load_images("mnist", "test")[:600]
    generator, _ = built(load_shipped, "mnist_generator")

    fakes = unscale_pixels(generate(generator, random_points(generator, 0, 200)))

    def scores(classifier: Any) -> list[float]:
        fake, real = read_images(classifier, fakes), read_images(classifier, test.images)
        reference = Reference(classifier, train, test, 200, 100)
        card = score_card({"fake": scale_pixels(fakes).float()}, reference, progress=None)
        values = [score.frechet.value for score in card.values()] + [score.sure.value for score in card.values()]
        distance = frechet_distance(fake.features, real.features)
        return [*values, distance, precision(real.features, fake.features).value]

    found, plain = scores(built(load_classifier)), single(lambda: scores(load_classifier()))
    assert found == pytest.approx(plain, rel=1e-3)


def test_clips_are_scored():
    digits = load_images("strokes", "test")
    clips, _ = moving_digits(digits, 24)
    other, _ = moving_digits(digits, 24, seed=1)
    found = score_clips(clips.images, other.images, load_classifier())
    plain = single(lambda: score_clips(clips.images, other.images, load_classifier()))
    assert found.path_frechet == pytest.approx(plain.path_frechet, rel=0.02)
    assert found.bend == pytest.approx(plain.bend, rel=0.02)


def test_filters_and_components(pictures):
    images = scale_pixels(pictures.images)
    pca = principal_components(images, 5)
    assert pca.decode(pca.encode(images)).shape == images.shape
    for cleaner in (median_filter, wiener_filter):
        plain = single(lambda cleaner=cleaner: cleaner(images.float(), 0.5, 3))
        assert cleaner(images, 0.5, 3).float().allclose(plain, atol=1e-4)


# --- widgets and exercises ------------------------------------------------------------------------------


def test_the_explorer_moves_searches_and_shows(built):
    view = explore(built(load_shipped, "mnist_generator")[0])
    view.surprise(3)
    view.sliders[0].value = 1.5
    view.favourites.keep()
    view.map.draw()
    view.single.open()
    view.single.sliders[0].value = 1.0
    assert view.latents.shape == (1, view.generator.config["latent_dim"])


def test_a_picture_is_found(built):
    generator, _ = built(load_shipped, "mnist_generator")
    target = generate(generator, random_points(generator, 3))
    *_, (_, latents, error, _) = find_latents(generator, target.to(torch.get_default_dtype()), steps=3, seconds=20)
    assert latents.shape == random_points(generator, 3).shape
    assert error < 0.5


@pytest.mark.parametrize("slope", [0.0, 0.2])
def test_exercises_are_judged_alike(slope):
    assert check("leaky relu", lambda x, slope: torch.maximum(x, slope * x)).state == "right"
    assert check("leaky relu", lambda x, slope: x.clamp(min=slope)).state == "hint"
