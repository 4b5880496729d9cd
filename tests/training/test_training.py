"""The loop and what surrounds it: resuming bit by bit, interrupts, divergence, bad input."""

from __future__ import annotations

import copy
import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from dataclasses import replace

import pytest
import torch

from gan_helpers.checkpoints import CheckpointError, load_tensors
from gan_helpers.data.sets import scale_pixels
from gan_helpers.environment import COURSE_ROOT
from gan_helpers.models.dense import Discriminator, Generator, add_minibatch_statistics
from gan_helpers.models.sampling import sample_latents
from gan_helpers.training import runs
from gan_helpers.training.adversarial import adversarial_steps, losses_of, train_gan
from gan_helpers.training.losses import discriminator_loss, generator_loss
from gan_helpers.training.runs import (
    Every,
    History,
    Run,
    TrainingDiverged,
    restore_run,
    run_state,
    save_run,
    start_run,
    update_average,
)
from gan_helpers.training.settings import CLASSIC, Settings

SETTINGS = Settings(batch_size=16)


def state(run: Run) -> dict[str, torch.Tensor]:
    parts = {"generator": run.generator, "discriminator": run.discriminator, "average": run.average}
    weights = {f"{name}/{key}": value for name, part in parts.items() for key, value in part.state_dict().items()}
    return {**weights, "history": run.history.rows()}


def assert_identical(a: Run, b: Run) -> None:
    assert a.step == b.step
    for key, value in state(a).items():
        assert torch.equal(value, state(b)[key]), key


def fresh_pair() -> tuple[Generator, Discriminator]:
    torch.manual_seed(0)
    generator = Generator(4, (1, 6, 6), widths=(16, 16), dropout=0.1, batch_norm=True)
    return generator, Discriminator((1, 6, 6), widths=(16, 8), dropout=0.1)


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


def test_without_an_average_samples_come_from_the_generator(tiny_images, tmp_path):
    path = tmp_path / "run.safetensors"
    run = train_gan(*fresh_pair(), tiny_images, epochs=1, settings=CLASSIC, checkpoint=path)
    assert run.average is run.generator
    resumed = train_gan(*fresh_pair(), tiny_images, epochs=2, settings=CLASSIC, checkpoint=path, resume=True)
    assert_identical(resumed, train_gan(*fresh_pair(), tiny_images, epochs=2, settings=CLASSIC))


# --- interrupting and resuming ------------------------------------------------------------------------

SCRIPT = textwrap.dedent("""
    import sys, time
    import torch
    sys.path.insert(0, "tests/training")
    from test_training import fresh_pair, SETTINGS, state
    from gan_helpers.data.sets import ImageSet
    from gan_helpers.training.adversarial import train_gan
    torch.set_num_threads(1)
    images = torch.randint(0, 256, (128, 1, 6, 6), generator=torch.Generator().manual_seed(1), dtype=torch.uint8)
    data = ImageSet(images, torch.zeros(128, dtype=torch.int64), ("all",), "test")
    folder, slow, resume = sys.argv[1], float(sys.argv[2]), sys.argv[3] == "resume"
    def tell(run):
        time.sleep(slow)
        if run.step == 21:
            print("step 21", flush=True)
    run = train_gan(*fresh_pair(), data, epochs=5, settings=SETTINGS, checkpoint=folder + "/run.safetensors",
                    checkpoint_seconds=0.02, resume=resume, callbacks=[tell])
    torch.save(state(run), folder + "/end.pt")
    print("done", run.step, run.interrupted, flush=True)
""")


def start_script(folder, slow: float, resume: str = "afresh") -> subprocess.Popen:
    folder.mkdir(exist_ok=True)
    command = [sys.executable, "-c", SCRIPT, str(folder), str(slow), resume]
    return subprocess.Popen(command, cwd=COURSE_ROOT, stdout=subprocess.PIPE, text=True, env={**os.environ})


def test_a_run_killed_and_resumed_ends_bit_identical(tmp_path):
    undisturbed = start_script(tmp_path / "a", 0.0)
    killed = start_script(tmp_path / "b", 0.02)
    assert "step 21" in killed.stdout.readline()  # in the middle of the third epoch
    killed.send_signal(signal.SIGKILL)
    killed.wait()
    assert undisturbed.wait(timeout=120) == 0
    step = load_tensors(tmp_path / "b" / "run.safetensors")[1]["step"]
    assert 0 < step <= 22  # a checkpoint was there, and not from the end
    resumed = start_script(tmp_path / "b", 0.0, "resume")
    assert resumed.wait(timeout=120) == 0
    expected, found = (torch.load(tmp_path / name / "end.pt") for name in ("a", "b"))
    assert expected.keys() == found.keys()
    for key, value in expected.items():
        assert torch.equal(value, found[key]), key


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


def test_resume_goes_on_beyond_the_first_budget(tiny_images, tmp_path):
    path = tmp_path / "run.safetensors"
    train_gan(*fresh_pair(), tiny_images, epochs=2, settings=SETTINGS, checkpoint=path)
    longer = train_gan(*fresh_pair(), tiny_images, epochs=4, settings=SETTINGS, checkpoint=path, resume=True)
    assert_identical(longer, train_gan(*fresh_pair(), tiny_images, epochs=4, settings=SETTINGS))


@pytest.mark.parametrize("end", ["stop", "interrupt"])
def test_changed_learning_rates_are_saved_and_resumed(tiny_images, tmp_path, end):
    def change(run: Run) -> None:
        if run.step == 5:
            run.lrs = 2e-4, 3e-3
        if run.step == 10 and end == "stop":
            run.stop = True
        if run.step == 10 and end == "interrupt":
            signal.raise_signal(signal.SIGINT)

    path = tmp_path / "run.safetensors"
    run = train_gan(*fresh_pair(), tiny_images, epochs=3, settings=SETTINGS, checkpoint=path, callbacks=[change])
    assert (run.step, run.interrupted) == (10, end == "interrupt")
    resumed = train_gan(*fresh_pair(), tiny_images, epochs=3, settings=SETTINGS, checkpoint=path, resume=True)
    assert resumed.lrs == (2e-4, 3e-3)

    def only_change(run: Run) -> None:
        if run.step == 5:
            run.lrs = 2e-4, 3e-3

    undisturbed = train_gan(*fresh_pair(), tiny_images, epochs=3, settings=SETTINGS, callbacks=[only_change])
    assert_identical(resumed, undisturbed)


# --- what callbacks may do ----------------------------------------------------------------------------


@pytest.mark.parametrize("settings", [SETTINGS, Settings(batch_size=16, r1=0.5, penalty_every=3), CLASSIC])
def test_a_run_put_back_to_an_earlier_step_ends_as_if_it_had_not_been(tiny_images, settings):
    """Twice to the same state: from the very last step, then from the middle of the next epoch."""
    settings = replace(settings, batch_size=16)  # 8 steps an epoch
    kept, steps = [], []

    def rewind(run: Run) -> None:
        steps.append(run.step)
        if run.step == 7 and not kept:
            tensors, facts = run_state(run)
            kept.extend(({name: tensor.clone() for name, tensor in tensors.items()}, facts))
        if (run.step, len(steps)) in ((24, 24), (13, 24 + 6)):
            restore_run(run, *kept)

    run = train_gan(*fresh_pair(), tiny_images, epochs=3, settings=settings, callbacks=[rewind])
    assert steps == [*range(1, 25), *range(8, 14), *range(8, 25)]
    assert_identical(run, train_gan(*fresh_pair(), tiny_images, epochs=3, settings=settings))


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


def test_starting_afresh_keeps_the_older_run_beside(tiny_images, tmp_path):
    path = tmp_path / "run.safetensors"
    train_gan(*fresh_pair(), tiny_images, epochs=2, settings=SETTINGS, checkpoint=path)
    train_gan(*fresh_pair(), tiny_images, epochs=1, settings=SETTINGS, checkpoint=path)
    assert load_tensors(path)[1]["step"] == 8
    assert load_tensors(tmp_path / "run.previous.safetensors")[1]["step"] == 16


@pytest.mark.parametrize(
    ("change", "part"),
    [
        (lambda g, d: (Generator(5, (1, 6, 6), widths=(16, 16)), d, SETTINGS), "generator"),
        (lambda g, d: (g, Discriminator((1, 6, 6), widths=(9,)), SETTINGS), "discriminator"),
        (lambda g, d: (g, add_minibatch_statistics(d), SETTINGS), "discriminator"),
        (lambda g, d: (g, d, Settings(batch_size=16, g_lr=0.1)), "settings"),
    ],
)
def test_a_checkpoint_of_another_run_is_refused(tiny_images, tmp_path, change, part):
    path = tmp_path / "run.safetensors"
    train_gan(*fresh_pair(), tiny_images, epochs=1, settings=SETTINGS, checkpoint=path)
    generator, discriminator, settings = change(*fresh_pair())
    with pytest.raises(CheckpointError, match=f"belongs to another run: its {part} is .*resume=False"):
        train_gan(generator, discriminator, tiny_images, 2, settings=settings, checkpoint=path, resume=True)


def test_a_folder_that_takes_no_files_is_told_before_training(tiny_images, tmp_path):
    (tmp_path / "file").write_text("not a folder")
    steps = []
    with pytest.raises(CheckpointError, match="cannot write"):
        train_gan(*fresh_pair(), tiny_images, 1, settings=SETTINGS, checkpoint=tmp_path / "file" / "run",
                  callbacks=[steps.append])  # fmt: skip
    assert steps == []


def test_a_disk_that_fills_up_costs_a_warning_not_the_training(tiny_images, tmp_path, monkeypatch, capsys):
    path = tmp_path / "run.safetensors"
    calls = []

    def fail_in_the_middle(run: Run, path: object) -> None:
        calls.append(run.step)
        if 0 < run.step < 8:
            raise CheckpointError("cannot write: No space left on device")
        save_run(run, path)

    monkeypatch.setattr("gan_helpers.training.runs.save_run", fail_in_the_middle)
    run = train_gan(*fresh_pair(), tiny_images, 1, settings=SETTINGS, checkpoint=path, checkpoint_seconds=0)
    assert run.step == 8
    assert len(calls) > 2
    assert "no checkpoint at step 1, but the run itself is kept" in capsys.readouterr().out
    assert load_tensors(path)[1]["step"] == 8


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


@pytest.mark.parametrize("every", [1, 100])  # as on a CPU; as on a GPU, where the end comes before the next look
def test_a_checkpoint_never_holds_a_nan(tiny_images, tmp_path, monkeypatch, every):
    monkeypatch.setattr(runs, "CHECK_EVERY", {"cpu": every})

    def poison(run: Run) -> None:
        if run.step == 3:
            run.generator.layers[0].weight.data.fill_(float("nan"))

    path = tmp_path / "run.safetensors"
    with pytest.raises(TrainingDiverged, match="at step 4"):
        train_gan(*fresh_pair(), tiny_images, 1, settings=SETTINGS, checkpoint=path, callbacks=[poison])
    tensors, facts = load_tensors(path)
    assert facts["step"] == 0
    assert all(t.isfinite().all() for t in tensors.values() if t.is_floating_point())


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


def test_a_checkpoint_is_resumed_on_the_same_pictures_only(tiny_images, tmp_path):
    path = tmp_path / "run.safetensors"
    train_gan(*fresh_pair(), tiny_images, epochs=1, settings=SETTINGS, checkpoint=path)
    other = 255 - tiny_images.images
    with pytest.raises(CheckpointError, match="its data is 128 pictures of 1x6x6"):
        train_gan(*fresh_pair(), other, epochs=2, settings=SETTINGS, checkpoint=path, resume=True)
    same = tiny_images.images.clone()
    assert train_gan(*fresh_pair(), same, epochs=2, settings=SETTINGS, checkpoint=path, resume=True).step == 16


def test_seconds_of_a_resumed_run_count_from_its_beginning(tiny_images, tmp_path):
    path = tmp_path / "run.safetensors"
    run = train_gan(*fresh_pair(), tiny_images, seconds=0.3, settings=SETTINGS, checkpoint=path)
    again = train_gan(*fresh_pair(), tiny_images, seconds=0.2, settings=SETTINGS, checkpoint=path, resume=True)
    assert again.step == run.step + 1  # the step that finds the budget spent


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
