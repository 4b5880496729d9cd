"""The loop and the run around it: budgets, the average, callbacks, interrupts, divergence, bad input."""

from __future__ import annotations

import copy
import signal
import threading
import time

import pytest
import torch
from tiny_runs import SETTINGS, assert_identical, fresh_pair

from gan_helpers.checkpoints import load_tensors
from gan_helpers.data.sets import scale_pixels
from gan_helpers.models.dense import Discriminator, Generator
from gan_helpers.models.sampling import sample_latents
from gan_helpers.training.adversarial import adversarial_steps, losses_of, train_gan
from gan_helpers.training.losses import discriminator_loss, generator_loss
from gan_helpers.training.runs import Every, History, Run, TrainingDiverged, start_run, update_average
from gan_helpers.training.settings import Settings


def test_one_step_agrees_with_the_algorithm_written_out(tiny_pair, tiny_images):
    """Gradients by hand, with plain SGD, on copies that share nothing with the loop."""
    generator, discriminator = (network.eval() for network in tiny_pair)  # eval: no dropout to replay
    g, d = copy.deepcopy(generator), copy.deepcopy(discriminator)
    x = scale_pixels(tiny_images.images[:16])
    rate = 0.1
    g_sgd, d_sgd = torch.optim.SGD(generator.parameters(), rate), torch.optim.SGD(discriminator.parameters(), rate)
    torch.manual_seed(5)
    d_loss, g_loss, *_ = next(
        adversarial_steps(generator, discriminator, [x], g_sgd, d_sgd, *losses_of(Settings(label_smoothing=0.1)))
    )

    torch.manual_seed(5)
    z = sample_latents(g, 16)
    expected_d = discriminator_loss(d(x), d(g(z)), 0.1)
    for p, slope in zip(d.parameters(), torch.autograd.grad(expected_d, list(d.parameters())), strict=True):
        p.data -= rate * slope
    expected_g = generator_loss(d(g(z)))
    for p, slope in zip(g.parameters(), torch.autograd.grad(expected_g, list(g.parameters())), strict=True):
        p.data -= rate * slope
    assert float(d_loss) == pytest.approx(expected_d.item())
    assert float(g_loss) == pytest.approx(expected_g.item())
    for ours, theirs in ((generator, g), (discriminator, d)):
        for p, q in zip(ours.parameters(), theirs.parameters(), strict=True):
            assert torch.allclose(p, q, atol=1e-6)


def test_training_learns_two_grey_levels(tiny_images):
    """A GAN that works makes pictures whose brightness and contrast are those of the data."""
    generator, discriminator = fresh_pair()
    real = scale_pixels(tiny_images.images)
    run = train_gan(generator, discriminator, tiny_images, epochs=60, settings=Settings(16, ema_decay=0.9))
    made = run.average(sample_latents(run.average, 256))
    assert float(made.mean()) == pytest.approx(float(real.mean()), abs=0.15)
    brightness = made.flatten(1).mean(1)
    assert float(brightness.std()) == pytest.approx(float(real.flatten(1).mean(1).std()), abs=0.25)


def test_the_same_seed_gives_the_same_run_and_another_does_not(tiny_images):
    runs = [train_gan(*fresh_pair(), tiny_images, epochs=2, settings=Settings(16, seed=s)) for s in (1, 1, 2)]
    assert_identical(runs[0], runs[1])
    assert not torch.equal(runs[0].history.rows(), runs[2].history.rows())


def test_training_leaves_the_callers_random_numbers_alone(tiny_images):
    torch.manual_seed(9)
    expected = torch.rand(3)
    torch.manual_seed(9)
    pair = [copy.deepcopy(network) for network in (Generator(4, (1, 6, 6), (8,)), Discriminator((1, 6, 6), (8,)))]
    torch.manual_seed(9)
    train_gan(*pair, tiny_images, epochs=1, settings=SETTINGS)
    assert torch.equal(torch.rand(3), expected)


def test_history_holds_losses_and_mean_probabilities(tiny_images):
    run = train_gan(*fresh_pair(), tiny_images, epochs=3, settings=SETTINGS)
    assert len(run.history) == run.step == 24
    assert run.history.column("d_loss").shape == (24,)
    for name in ("d_real", "d_fake"):
        assert ((run.history.column(name) > 0) & (run.history.column(name) < 1)).all()
    history = History()
    history.record(torch.tensor(1.0), torch.tensor(2.0), torch.tensor([0.0, 0.0]), torch.tensor([-50.0, 50.0]))
    assert history.rows().tolist() == [[1.0, 2.0, 0.5, 0.5]]


# --- the average --------------------------------------------------------------------------------------


def test_average_is_the_exponential_one(tiny_pair):
    generator, _ = tiny_pair
    average = copy.deepcopy(generator)
    expected = {key: value.double() for key, value in generator.state_dict().items()}
    for step in range(1, 40):
        for p in generator.parameters():
            p.data += torch.randn_like(p)
        update_average(average, generator, 0.8, step)
        decay = min(0.8, (1 + step) / (10 + step))
        for key, value in generator.state_dict().items():
            expected[key] = decay * expected[key] + (1 - decay) * value.double()
    for key, value in average.state_dict().items():
        if value.is_floating_point():
            assert torch.allclose(value.double(), expected[key], atol=1e-5), key


# --- interrupting ------------------------------------------------------------------------------------


@pytest.fixture
def interruptible():
    """Ctrl-C as in a terminal: a shell starts its background jobs with interrupts switched off."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def test_an_interrupt_finishes_the_step_saves_and_returns(interruptible, tiny_images, tmp_path):
    def stop_at_ten(run: Run) -> None:
        if run.step == 10:
            signal.raise_signal(signal.SIGINT)

    path = tmp_path / "run.safetensors"
    run = train_gan(*fresh_pair(), tiny_images, epochs=5, settings=SETTINGS, checkpoint=path, callbacks=[stop_at_ten])
    assert run.interrupted
    assert run.step == len(run.history) == 10
    assert load_tensors(path)[1]["step"] == 10
    resumed = train_gan(*fresh_pair(), tiny_images, epochs=5, settings=SETTINGS, checkpoint=path, resume=True)
    assert_identical(resumed, train_gan(*fresh_pair(), tiny_images, epochs=5, settings=SETTINGS))
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_a_second_interrupt_raises(interruptible, tiny_images):
    def stop_twice(run: Run) -> None:
        signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        train_gan(*fresh_pair(), tiny_images, epochs=1, settings=SETTINGS, callbacks=[stop_twice])


# --- what callbacks may do ----------------------------------------------------------------------------


def test_seconds_for_which_a_callback_holds_the_run_are_not_training(tiny_images):
    def hold(run: Run) -> None:
        time.sleep(0.1)
        run.waited += 0.1

    start = time.perf_counter()
    run = train_gan(*fresh_pair(), tiny_images, epochs=1, settings=SETTINGS, callbacks=[hold])
    assert run.seconds < time.perf_counter() - start - 0.65  # the last wait comes after the last look at the clock


def test_callbacks_see_the_budget_and_the_last_scores(tiny_images):
    seen = []
    callback = lambda run: seen.append((run.last_step, run.last_second, run.steps_an_epoch, run.share))  # noqa: E731
    run = train_gan(*fresh_pair(), tiny_images, epochs=2, seconds=1e6, settings=SETTINGS, callbacks=[callback])
    assert seen[7] == (16, 1e6, 8, 0.5)
    assert run.share == 1
    assert [part.shape for part in run.logits] == [(16,), (16,)]
    assert run.logits[0].sigmoid().mean() == pytest.approx(float(run.history.column("d_real")[-1]))
    assert not run.logits[1].requires_grad


class Watcher:
    """A callback that is a context manager."""

    def __init__(self, fail_at: int = 0) -> None:
        self.seen, self.fail_at = [], fail_at

    def __enter__(self) -> None:
        self.seen.append("enter")

    def __exit__(self, *error: object) -> None:
        self.seen.append("exit")

    def __call__(self, run: Run) -> None:
        self.seen.append(run.step)
        if run.step == self.fail_at:
            raise ZeroDivisionError


def test_a_callback_is_entered_and_left_however_training_ends(tiny_images):
    calm, failing = Watcher(), Watcher(fail_at=2)
    train_gan(*fresh_pair(), tiny_images, epochs=0.5, settings=SETTINGS, callbacks=[calm])
    assert calm.seen == ["enter", 1, 2, 3, 4, "exit"]
    with pytest.raises(ZeroDivisionError):
        train_gan(*fresh_pair(), tiny_images, epochs=0.5, settings=SETTINGS, callbacks=[failing])
    assert failing.seen == ["enter", 1, 2, "exit"]


# --- what goes wrong ----------------------------------------------------------------------------------


def test_a_loss_that_turns_nan_stops_with_step_and_remedy(tiny_images, tmp_path):
    generator, discriminator = fresh_pair()

    def poison(run: Run) -> None:
        if run.step == 5:
            run.discriminator.layers[1].weight.data.fill_(float("nan"))

    path = tmp_path / "run.safetensors"
    with pytest.raises(TrainingDiverged, match=r"at step 6\. Try a lower learning rate .*last good state is in"):
        train_gan(generator, discriminator, tiny_images, 2, settings=SETTINGS, checkpoint=path,
                  checkpoint_seconds=0, callbacks=[poison])  # fmt: skip


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({}, "say how long to train"),
        ({"epochs": 0}, "epochs=0 trains nothing"),
        ({"epochs": -1}, "epochs=-1 trains nothing"),
        ({"seconds": 0}, "seconds=0 trains nothing"),
        ({"epochs": 1, "settings": Settings(batch_size=129)}, "a batch of 129 from 128 pictures: choose 2 to 128"),
        ({"epochs": 1, "settings": Settings(batch_size=0)}, "a batch of 0"),
    ],
)
def test_impossible_budgets_and_batches(tiny_pair, tiny_images, arguments, message):
    with pytest.raises(ValueError, match=message):
        train_gan(*tiny_pair, tiny_images, **arguments)


@pytest.mark.parametrize(
    ("images", "message"),
    [
        (torch.zeros(64, 1, 5, 5), r"shape \(1, 5, 5\), but the discriminator was built for \(1, 6, 6\)"),
        (torch.full((64, 1, 6, 6), 1.5), r"pictures from 1\.5 to 1\.5.*x / 127\.5 - 1"),
        (torch.full((64, 1, 6, 6), float("nan")), "some pictures hold NaN: leave those out"),
        (torch.zeros(64, 1, 6, 6, dtype=torch.int64), "must be uint8"),
    ],
)
def test_pictures_that_the_loop_cannot_use(tiny_pair, images, message):
    with pytest.raises(ValueError, match=message):
        train_gan(*tiny_pair, images, epochs=1, settings=SETTINGS)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_floats_in_range_train_as_well(tiny_pair, dtype):
    run = train_gan(*tiny_pair, torch.rand(64, 1, 6, 6, dtype=dtype) * 2 - 1, epochs=1, settings=SETTINGS)
    assert run.step == 4


def test_a_discriminator_left_frozen_by_an_error_trains_again(tiny_pair, tiny_images):
    generator, discriminator = tiny_pair
    discriminator.requires_grad_(False)
    assert train_gan(generator, discriminator, tiny_images, epochs=1, settings=SETTINGS).step == 8


def test_a_budget_in_seconds_ends_in_time(tiny_images):
    start = time.perf_counter()
    run = train_gan(*fresh_pair(), tiny_images, seconds=0.5, settings=SETTINGS)
    assert run.step > 1
    assert time.perf_counter() - start < 5


def test_off_the_main_thread_training_works_without_signals(tiny_images, monkeypatch):
    monkeypatch.setattr(threading, "main_thread", lambda: None)
    assert train_gan(*fresh_pair(), tiny_images, epochs=1, settings=SETTINGS).step == 8


def test_start_run_puts_both_networks_into_training_mode(tiny_pair):
    run = start_run(dict(zip(("generator", "discriminator"), (n.eval() for n in tiny_pair), strict=True)), SETTINGS)
    assert run.generator.training
    assert run.discriminator.training
    assert not run.average.training


@pytest.mark.parametrize("first", [False, True])
def test_every_calls_at_its_steps(tiny_images, first):
    seen = []
    every = Every(3, lambda run: seen.append(run.step), first)
    train_gan(*fresh_pair(), tiny_images, epochs=1, settings=SETTINGS, callbacks=[every])
    assert seen == [1] * first + [3, 6]
    with pytest.raises(ValueError, match="n must be 1 or more"):
        Every(0, print)


@pytest.mark.parametrize("warmup", [1.0, 10.0, 100.0])
def test_the_warm_up_of_the_average_is_a_setting(tiny_images, warmup):
    def follow(run: Run) -> None:
        decay = min(0.9, (1 + run.step) / (warmup + run.step))
        for key, value in run.generator.state_dict().items():
            if value.is_floating_point():
                followed[key] = decay * followed[key] + (1 - decay) * value.double()

    pair = fresh_pair()
    followed = {key: value.double() for key, value in pair[0].state_dict().items()}
    settings = Settings(16, ema_decay=0.9, ema_warmup=warmup)
    run = train_gan(*pair, tiny_images, epochs=2, settings=settings, callbacks=[follow])
    for key, value in run.average.state_dict().items():
        if value.is_floating_point():
            assert torch.allclose(value.double(), followed[key], atol=1e-5), key


def test_denormals_are_flushed_wherever_training_starts(tiny_images):
    torch.set_flush_denormal(False)
    train_gan(*fresh_pair(), tiny_images, epochs=0.2, settings=SETTINGS)
    assert torch.tensor([1e-40]).mul(0.5).item() == 0


def test_losses_of_the_readers_own(tiny_images):
    def d_loss(discriminator, real, fake, *labels, step):
        real_logits, fake_logits = discriminator(real), discriminator(fake)
        return (real_logits - 1).square().mean() + fake_logits.square().mean(), real_logits, fake_logits

    def g_loss(discriminator, real, fake, *labels):
        return (discriminator(fake) - 1).square().mean()

    run = train_gan(*fresh_pair(), tiny_images, epochs=30, settings=Settings(16), losses=(d_loss, g_loss))
    brightness = run.average(sample_latents(run.average, 256)).mean()
    assert float(brightness) == pytest.approx(float(scale_pixels(tiny_images.images).mean()), abs=0.3)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ([torch.zeros(1, 6, 6)] * 64, "From a list torch.stack"),
        (torch.utils.data.DataLoader(torch.zeros(64, 1, 6, 6)), "from a DataLoader, torch.cat"),
        (torch.zeros(64, 6, 6), r"have no channels: give images.unsqueeze\(1\)"),
        (torch.zeros(1, 1, 6, 6), "1 picture: a training needs two at least"),
        (torch.zeros(0, 1, 6, 6), "0 pictures: a training needs two at least"),
        (None, "a NoneType holds no pictures"),
    ],
)
def test_other_things_than_pictures(tiny_pair, data, message):
    with pytest.raises(ValueError, match=message):
        train_gan(*tiny_pair, data, epochs=1, settings=SETTINGS)


def test_a_numpy_array_trains_as_its_tensor(tiny_images):
    run = train_gan(*fresh_pair(), tiny_images.images.numpy(), epochs=1, settings=SETTINGS)
    assert_identical(run, train_gan(*fresh_pair(), tiny_images, epochs=1, settings=SETTINGS))


def test_double_precision_by_default_trains_as_well(tiny_images, tmp_path):
    torch.set_default_dtype(torch.float64)
    try:
        run = train_gan(*fresh_pair(), tiny_images, epochs=1, settings=SETTINGS, checkpoint=tmp_path / "run")
        assert next(run.average.parameters()).dtype == torch.float64
    finally:
        torch.set_default_dtype(torch.float32)
