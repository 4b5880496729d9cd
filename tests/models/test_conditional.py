"""Labels in both networks, against what they should compute written out by hand; and training with them."""

from __future__ import annotations

import copy
from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F

from gan_helpers.checkpoints import load_network, save_network
from gan_helpers.data.sets import ImageSet, image_batches
from gan_helpers.environment import ASSETS
from gan_helpers.metrics import distances
from gan_helpers.metrics.distances import frechet_distance
from gan_helpers.metrics.readers import load_classifier, read_images
from gan_helpers.models import conditional
from gan_helpers.models.conditional import ConditionalDiscriminator, ConditionalGenerator
from gan_helpers.models.dense import Discriminator, Generator
from gan_helpers.models.mixed import MixedGenerator
from gan_helpers.models.sampling import generate, sample_latents
from gan_helpers.training import adversarial, losses
from gan_helpers.training.adversarial import adversarial_steps, losses_of, train_gan
from gan_helpers.training.settings import Settings

SHAPE = (1, 6, 6)
SETTINGS = Settings(batch_size=16, g_lr=5e-3, d_lr=5e-3, ema_decay=0.9, mismatched=1 / 3)
PLAIN = Settings(batch_size=16, g_lr=5e-3, d_lr=5e-3, ema_decay=0.9)
both_modes = pytest.mark.parametrize("mode", conditional.DISCRIMINATORS)


def fresh_pair(mode: str = "projection") -> tuple[ConditionalGenerator, ConditionalDiscriminator]:
    torch.manual_seed(0)
    generator = ConditionalGenerator(4, 2, SHAPE, widths=(16, 16), channels=(8, 4))
    return generator, conditional.DISCRIMINATORS[mode](SHAPE, 2, channels=(4, 8), width=16)


# --- what a label does ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "shape"),
    [(torch.nn.BatchNorm1d, (12, 5)), (torch.nn.BatchNorm2d, (12, 5, 4, 3))],
    ids=["features", "maps"],
)
def test_class_norm_is_torchs_batch_norm_with_the_numbers_of_its_class(kind, shape):
    norm = conditional.ClassNorm(3, 5, kind).train()
    torch.nn.init.normal_(norm.scale.weight)
    torch.nn.init.normal_(norm.shift.weight)
    features, labels = 4 * torch.randn(shape) + 1, torch.arange(12) % 3
    found = norm(features, labels)
    for label in range(3):
        plain = F.batch_norm(features, None, None, norm.scale.weight[label], norm.shift.weight[label], training=True)
        assert torch.allclose(found[labels == label], plain[labels == label], atol=1e-5)


def test_the_generator_is_the_mixed_one_as_long_as_the_classes_are_alike():
    generator, _ = fresh_pair()
    plain = MixedGenerator(4, SHAPE, widths=(16, 16), channels=(8, 4))
    weighted = (torch.nn.Linear, torch.nn.ConvTranspose2d)
    ours, theirs = ([layer for layer in g.modules() if isinstance(layer, weighted)] for g in (generator, plain))
    for layer, same in zip(ours, theirs, strict=True):
        same.load_state_dict(layer.state_dict())
    latents = torch.randn(10, 4)
    assert torch.allclose(generator.train()(latents, torch.arange(10) % 2), plain.train()(latents), atol=1e-5)


def test_an_untrained_generator_treats_the_classes_alike_and_a_trained_one_need_not():
    generator, _ = fresh_pair()
    latents = torch.randn(6, 4)
    zeros, ones = (generate(generator, latents, torch.full((6,), kind)) for kind in (0, 1))
    assert torch.equal(zeros, ones)
    torch.nn.init.normal_(generator.norms[0].shift.weight)
    assert not torch.equal(zeros, generate(generator, latents, torch.ones(6, dtype=torch.int64)))


def test_embedding_is_a_one_hot_label_appended_to_what_the_last_linear_layer_sees():
    _, discriminator = fresh_pair("embedding")
    images, labels = torch.rand(10, *SHAPE), torch.arange(10) % 2
    *looking, linear = discriminator.look
    wide = torch.cat([linear.weight, discriminator.label.weight.T], 1)  # (F, inputs + classes)
    seen = torch.nn.Sequential(*looking)(images)
    response = torch.cat([seen, F.one_hot(labels, 2).float()], 1) @ wide.T + linear.bias
    expected = discriminator.last(F.leaky_relu(response, 0.2))[:, 0]
    assert torch.allclose(discriminator(images, labels), expected, atol=1e-5)


def test_projection_adds_the_product_of_label_and_features():
    _, discriminator = fresh_pair("projection")
    images = torch.rand(10, *SHAPE)
    zeros, ones = (discriminator(images, torch.full((10,), kind)) for kind in (0, 1))
    features = F.leaky_relu(discriminator.look(images), 0.2)
    difference = discriminator.label.weight[1] - discriminator.label.weight[0]
    assert torch.allclose(ones - zeros, features @ difference, atol=1e-5)
    discriminator.label.weight.data.zero_()
    assert torch.allclose(discriminator(images, torch.zeros(10, dtype=torch.int64)), discriminator.last(features)[:, 0])


def test_without_labels_the_classes_come_in_turn_also_over_several_batches():
    generator, _ = fresh_pair()
    torch.nn.init.normal_(generator.norms[1].shift.weight)
    latents = sample_latents(generator, 30)
    in_turn = generate(generator, latents, torch.arange(30) % 2)
    assert torch.equal(generate(generator, latents), in_turn)
    in_parts = generate(generator, latents, torch.arange(30) % 2, batch_size=7)
    assert torch.allclose(in_parts, in_turn, atol=1e-6)


# --- training -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("mismatched", [0.0, 0.25])
@both_modes
def test_a_step_agrees_with_the_losses_written_out(mode, mismatched, tiny_images):
    generator, discriminator = fresh_pair(mode)
    g, d = copy.deepcopy(generator), copy.deepcopy(discriminator)
    x, y = next(image_batches(tiny_images, 16))
    sgd = [torch.optim.SGD(network.parameters(), 0.1) for network in (generator, discriminator)]
    torch.manual_seed(5)
    losses = losses_of(Settings(mismatched=mismatched))
    d_loss, g_loss, *_ = next(adversarial_steps(generator, discriminator, [(x, y)], *sgd, *losses))
    torch.manual_seed(5)
    fake = g(torch.randn(16, 4), y)
    loss = F.softplus(-d(x, y)).mean() + (1 - mismatched) * F.softplus(d(fake.detach(), y)).mean()
    loss = loss + mismatched * F.softplus(d(x, 1 - y)).mean()  # of two classes the other one is wrong
    assert torch.allclose(d_loss, loss, atol=1e-6)
    for p, after, slope in _moved(d, discriminator, loss):
        assert torch.allclose(after, p - 0.1 * slope, atol=1e-6)
    loss = F.softplus(-discriminator(fake, y)).mean()  # judged by the improved discriminator
    assert torch.allclose(g_loss, loss, atol=1e-6)
    for p, after, slope in _moved(g, generator, loss):
        assert torch.allclose(after, p - 0.1 * slope, atol=1e-6)


def _moved(before, after, loss):
    slopes = torch.autograd.grad(loss, list(before.parameters()))
    return zip(before.parameters(), after.parameters(), slopes, strict=True)


@pytest.mark.parametrize("settings", [SETTINGS, PLAIN])
@both_modes
def test_each_class_gets_its_own_pictures(mode, settings, tiny_images):
    run = train_gan(*fresh_pair(mode), tiny_images, epochs=40, settings=settings)
    dark, bright = (generate(run.average, torch.randn(100, 4), torch.full((100,), kind)).mean() for kind in (0, 1))
    pixels = tiny_images.images.float() / 127.5 - 1
    expected = [float(pixels[tiny_images.labels == kind].mean()) for kind in (0, 1)]
    assert abs(dark - expected[0]) < 0.2
    assert abs(bright - expected[1]) < 0.2


def test_a_conditional_run_resumes_bit_identical(tiny_images, tmp_path):
    path = tmp_path / "run.safetensors"
    train_gan(*fresh_pair(), tiny_images, epochs=1.4, settings=SETTINGS, checkpoint=path)
    resumed = train_gan(*fresh_pair(), tiny_images, epochs=3, settings=SETTINGS, checkpoint=path, resume=True)
    whole = train_gan(*fresh_pair(), tiny_images, epochs=3, settings=SETTINGS)
    assert torch.equal(resumed.history.rows(), whole.history.rows())
    for name in ("generator", "discriminator", "average"):
        for key, value in getattr(whole, name).state_dict().items():
            assert torch.equal(value, getattr(resumed, name).state_dict()[key]), (name, key)


def test_batches_of_a_set_carry_the_labels_of_their_pictures(tiny_images):
    plain = list(image_batches(tiny_images.images, 16, 1, 2))
    pairs = list(image_batches(tiny_images, 16, 1, 2))
    assert torch.equal(torch.stack(plain), torch.stack([images for images, _ in pairs]))
    for images, labels in pairs:
        brightness = images.flatten(1).mean(1)  # the two classes differ in it
        assert torch.equal((brightness > 0).long(), labels)


def test_a_saved_pair_comes_back(tmp_path):
    latents, labels = torch.randn(6, 4), torch.arange(6) % 2
    generator, discriminator = fresh_pair()
    torch.nn.init.normal_(generator.norms[1].scale.weight)
    save_network(tmp_path / "g.safetensors", generator)
    save_network(tmp_path / "d.safetensors", discriminator)
    again, judge = (load_network(tmp_path / f"{name}.safetensors")[0] for name in "gd")
    pictures = generate(generator, latents, labels)
    assert torch.equal(generate(again, latents, labels), pictures)
    assert torch.equal(judge(pictures, labels), discriminator(pictures, labels))


# --- measures -----------------------------------------------------------------------------------------


def test_agreement_counts_and_its_interval_is_the_binomials():
    asked = torch.arange(1000) % 10
    read = torch.where(torch.arange(1000) < 100, (asked + 1) % 10, asked)
    found = distances.agreement(read, asked)
    assert found.value == pytest.approx(0.9)
    assert (found.high - found.low) / 2 == pytest.approx(1.96 * (0.9 * 0.1 / 1000) ** 0.5, rel=0.3)


def test_frechet_by_class_keeps_the_classes_apart():
    labels = torch.arange(400) % 2
    real = torch.randn(400, 3) + 5 * labels[:, None]
    fake = real + torch.tensor([0.0, 2.0])[labels][:, None]  # class 1 is shifted by 2 in each of 3 directions
    assert distances.frechet_by_class(fake, labels, real, labels) == pytest.approx([0, 12], abs=1e-3)
    swapped = distances.frechet_by_class(real, 1 - labels, real, labels)
    assert min(swapped) > 50
    assert frechet_distance(real, real) < 1e-3  # as a whole the swapped set is perfect


# --- what cannot be used says so ----------------------------------------------------------------------


def test_labels_that_do_not_fit_are_refused():
    generator, discriminator = fresh_pair()
    with pytest.raises(ValueError, match="knows 0 to 1"):
        generator(torch.randn(2, 4), torch.tensor([0, 2]))
    with pytest.raises(ValueError, match="give one whole number each"):
        generator(torch.randn(3, 4), torch.tensor([0, 1]))
    with pytest.raises(ValueError, match="give one whole number each"):
        discriminator(torch.rand(2, *SHAPE), torch.tensor([0.0, 1.0]))
    with pytest.raises(ValueError, match="choose one of embedding, projection"):
        conditional.conditional_pair(mode="both")


def test_data_that_cannot_teach_classes_is_refused(tiny_images):
    generator, discriminator = fresh_pair()
    with pytest.raises(ValueError, match="give an ImageSet"):
        train_gan(generator, discriminator, tiny_images.images, epochs=1, settings=SETTINGS)
    three = replace(tiny_images, labels=tiny_images.labels + 1, classes=("none", "dark", "bright"))
    with pytest.raises(ValueError, match="build both networks with classes=3"):
        train_gan(generator, discriminator, three, 1, settings=SETTINGS)
    with pytest.raises(ValueError, match="the discriminator must be told the class too"):
        train_gan(generator, Discriminator(SHAPE), tiny_images, epochs=1, settings=SETTINGS)
    with pytest.raises(ValueError, match="are for a generator with classes"):
        train_gan(Generator(4, SHAPE), Discriminator(SHAPE), tiny_images, epochs=1, settings=SETTINGS)
    assert isinstance(adversarial.check_conditional(tiny_images, generator, discriminator), ImageSet)


def test_a_wrong_label_is_any_but_the_right_one():
    class Told(torch.nn.Module):
        config = {"classes": 4}  # noqa: RUF012
        seen: list[torch.Tensor] = []  # noqa: RUF012

        def forward(self, images, labels):
            self.seen.append(labels)
            return images.flatten(1).sum(1)

    images, labels = torch.rand(400, *SHAPE), torch.arange(400) % 4
    losses.matching_aware_loss(Told(), images, images, labels, mismatched=0.5)
    real, fake, wrong = Told.seen
    assert torch.equal(real, labels)
    assert torch.equal(fake, labels)
    assert not (wrong == labels).any()
    pairs = torch.bincount(4 * labels + wrong, minlength=16).view(4, 4)
    assert pairs[~torch.eye(4, dtype=torch.bool)].min() > 15  # each of the other three about 33 times


def test_a_plain_pair_still_trains_without_labels(tiny_images):
    generator = Generator(4, SHAPE, widths=(16,), dropout=0.0)
    run = train_gan(generator, Discriminator(SHAPE, (16,), 0.0), tiny_images, epochs=1, settings=PLAIN)
    assert run.step == 8


# --- what ships ---------------------------------------------------------------------------------------


def test_the_shipped_generator_gives_the_digit_that_is_asked_for():
    path = ASSETS / "weights" / "mnist_conditional.safetensors"
    assert path.stat().st_size < 7_000_000
    generator, facts = load_network(path, expect=ConditionalGenerator)
    assert {"data", "steps", "seconds", "machine", "seed", "scores", "classes"} <= set(facts)
    torch.manual_seed(0)
    asked = torch.arange(1000) % 10
    pictures = generate(generator, sample_latents(generator, 1000), asked)
    assert distances.agreement(read_images(load_classifier(), pictures).labels, asked).value > 0.98
    assert pictures.view(100, 10, -1)[:, 7].std(0).mean() > 0.2  # not one 7 over and over
