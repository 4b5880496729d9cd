"""Several processes train as one would at the whole batch; one process trains as it did before there were several.

The functions that ``two`` runs travel to its processes as they stand here.
"""

from __future__ import annotations

import copy
from datetime import timedelta

import pytest
import torch
import torch.distributed as dist
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from gan_helpers.checkpoints import load_tensors
from gan_helpers.data import image_batches, index_batches
from gan_helpers.models import Generator, MixedDiscriminator, generate, sample_latents
from gan_helpers.training import (
    Settings,
    TrainingDiverged,
    adversarial_steps,
    average_gradients,
    distributed,
    losses_of,
    own_share,
    shared,
    train_autoencoder,
    train_gan,
)
from gan_helpers.training.losses import OBJECTIVES
from gan_helpers.training.processes import Processes

SHAPE = (1, 6, 6)
SETTINGS = Settings(batch_size=16, r1=0.5, penalty_every=2)
CASES = [Settings(objective=name, r1=r1) for name in OBJECTIVES for r1 in (0.0, 1.0) if name != "feature matching"]


@pytest.fixture(scope="module")
def two():
    return Processes(2, seconds=240)


def batch(n=16, seed=1):
    draw = torch.Generator().manual_seed(seed)
    return [torch.rand(n, *SHAPE, generator=draw) * 2 - 1 for _ in range(2)]


def plain_pair(batch_norm=False):
    torch.manual_seed(0)
    return Generator(4, SHAPE, (16, 16), 0.0, batch_norm), MixedDiscriminator(SHAPE, (4, 8), 16, statistics=False)


def gradients(settings, wrap, finish):
    """Of D's and of G's loss, for this process's share of a batch."""
    generator, discriminator = plain_pair()
    g, d = wrap(generator), wrap(discriminator)
    (real, _), z = batch(), torch.randn(16, 4, generator=torch.Generator().manual_seed(2))
    real, z = (own_share(x) for x in (real, z))
    d_loss, g_loss = losses_of(settings)
    fake = g(z)
    loss, _, _, *penalty = d_loss(d, real, fake.detach(), step=0)
    sum(penalty, loss).backward()
    finish(discriminator)
    found = [weight.grad.clone() for weight in discriminator.parameters()]
    d.requires_grad_(False)
    g_loss(d, real, fake).backward()
    finish(generator)
    return found + [weight.grad.clone() for weight in generator.parameters()]


def by_hand(settings):
    return gradients(settings, lambda network: network, average_gradients)


def by_wrapping(settings):
    return gradients(settings, shared, lambda network: None)


def of_all_cases(function):
    return [function(settings) for settings in CASES]


@pytest.mark.parametrize("function", [by_hand, by_wrapping], ids=lambda f: f.__name__)
def test_the_gradients_of_two_are_those_of_one_at_the_double_batch(two, function):
    """Every loss here is a mean over pictures or over pairs, and so is every penalty."""
    alone = [gradients(settings, lambda network: network, lambda network: None) for settings in CASES]
    for found in two.run(of_all_cases, function):
        for settings, ours, theirs in zip(CASES, found, alone, strict=True):
            for a, b in zip(ours, theirs, strict=True):
                torch.testing.assert_close(a, b, atol=1e-6, rtol=1e-4, msg=str(settings))


def weights_after(wrap, finish):
    """Five steps by a loop written out, or by the course's loop on wrapped networks."""
    generator, discriminator = plain_pair(batch_norm=True)
    rows = [own_share(batch(16, seed)[0]) for seed in range(5)]
    optimizers = [torch.optim.Adam(network.parameters(), 0.01) for network in (generator, discriminator)]
    d_loss, g_loss = losses_of(SETTINGS)
    torch.manual_seed(dist.get_rank())
    if wrap is not None:
        players = wrap(generator), wrap(discriminator)
        list(adversarial_steps(*players, rows, *optimizers, d_loss, g_loss))
    for step, real in enumerate(rows if wrap is None else []):
        fake = generator(sample_latents(generator, len(real)))
        loss, _, _, *penalty = d_loss(discriminator, real, fake.detach(), step=step)
        discriminator.zero_grad()
        sum(penalty, loss).backward()
        finish(discriminator)
        optimizers[1].step()
        generator.zero_grad()
        g_loss(discriminator, real, fake).backward()
        finish(generator)
        optimizers[0].step()
    return [weight.detach() for network in (generator, discriminator) for weight in network.parameters()]


def test_the_wrapped_loop_is_the_loop_with_gradients_averaged_by_hand(two):
    hand, wrapped = two.run(weights_after, None, average_gradients), two.run(weights_after, shared, None)
    for a, b, c, d in zip(*hand, *wrapped, strict=True):
        assert torch.equal(a, b)
        assert torch.equal(c, d)
        torch.testing.assert_close(a, c, atol=1e-6, rtol=1e-5)


# --- whole runs ---------------------------------------------------------------------------------------


def run_of(path, epochs, resume=False, stop_at=0, seconds=None, bad_at=0):
    """What a run of this process has come to: its step, weights, average, history, and the first latents it drew."""
    generator, discriminator = plain_pair(batch_norm=True)
    torch.manual_seed(5)
    images = torch.rand(130, *SHAPE) * 2 - 1
    d_loss, g_loss = losses_of(SETTINGS)

    def spoilt(d, real, fake, step=0):
        found = d_loss(d, real, fake, step=step)
        return (found[0] * float("nan"), *found[1:]) if step == bad_at and dist.get_rank() == 1 else found

    def interrupt(run):
        run.interrupted = run.interrupted or (run.step == stop_at and dist.get_rank() == 1)

    losses = (spoilt, g_loss) if bad_at else None
    options = {"checkpoint": path, "resume": resume, "callbacks": [interrupt], "settings": SETTINGS, "losses": losses}
    try:
        run = train_gan(generator, discriminator, images, epochs, seconds, **options)
    except TrainingDiverged as error:
        return str(error)
    tensors = {f"{n}/{k}": v for n, net in run.networks.items() for k, v in net.state_dict().items()}
    return run.step, {**tensors, "rows": run.history.rows(), **run.average.state_dict()}


def assert_same(found, expected):
    assert found[0] == expected[0]
    assert found[1].keys() == expected[1].keys()
    for key, value in expected[1].items():
        assert torch.equal(found[1][key], value), key


def test_both_end_with_the_same_networks_and_an_interrupted_run_goes_on_bit_by_bit(two, tmp_path):
    whole = two.run(run_of, None, 3)
    assert whole[0][0] == 24
    assert_same(*whole)
    path = tmp_path / "run.safetensors"
    assert [step for step, _ in two.run(run_of, path, 3, False, 11)] == [11, 11]  # one was interrupted, both stopped
    for found in two.run(run_of, path, 3, True):
        assert_same(found, whole[0])
    assert "random/cpu of process 1" in load_tensors(path)[0]


def test_one_process_goes_on_where_two_were_interrupted(two, tmp_path):
    path = tmp_path / "run.safetensors"
    two.run(run_of, path, 3, False, 11)
    assert run_of(path, 3, resume=True)[0] == 24


def test_a_budget_in_seconds_ends_all_at_the_same_step(two):
    (first, _), (second, _) = two.run(run_of, None, None, False, 0, 0.3)
    assert first == second > 1


def test_a_loss_that_is_infinite_in_one_process_ends_all(two):
    assert two.run(run_of, None, 3, False, 0, None, 7) == two.run(run_of, None, 3, False, 0, None, 7)
    for line in two.run(run_of, None, 3, False, 0, None, 7):
        assert "no longer a finite number at step 8" in line


def what_each_sees():
    """The pictures' numbers and the latents of two steps of a run."""
    seen, drawn = [], []
    generator, discriminator = plain_pair()
    images = torch.arange(32.0).div(100).view(32, 1, 1, 1).expand(32, *SHAPE)
    d_loss, g_loss = losses_of(SETTINGS)
    generator.register_forward_pre_hook(lambda network, inputs: drawn.append(inputs[0].clone()))

    def noted(d, real, fake, step=0):
        seen.append((real[:, 0, 0, 0] * 100).round().int().tolist())
        return d_loss(d, real, fake, step=step)

    run = train_gan(generator, discriminator, images, 1, settings=SETTINGS, losses=(noted, g_loss))
    return seen, drawn, len(run.logits[0])


def test_each_sees_its_part_of_every_batch_and_draws_latents_of_its_own(two):
    (seen, drawn, n), (others, theirs, _) = two.run(what_each_sees)
    for chosen, a, b in zip(index_batches(32, 16), seen, others, strict=True):
        assert sorted(a + b) == sorted(chosen.tolist())
        assert len(a) == len(b)
    assert n == 16  # D's scores of the whole batch
    assert all(not torch.isin(z, w).any() for z, w in zip(drawn, theirs, strict=True))


def autoencoder_in_two():
    network = Generator(36, SHAPE, (8,), 0.0)
    try:
        train_autoencoder(network, torch.zeros(32, *SHAPE), epochs=1, batch_size=16)
    except ValueError as error:
        return str(error)


def test_another_training_in_several_processes_is_refused(two):
    for line in two.run(autoencoder_in_two):
        assert "start this training without torchrun" in line


# --- one process, and shares ----------------------------------------------------------------------------


def test_one_process_trains_as_the_loop_alone(tiny_images):
    generator, discriminator = plain_pair(batch_norm=True)
    g, d = copy.deepcopy(generator), copy.deepcopy(discriminator)
    run = train_gan(generator, discriminator, tiny_images, epochs=2, settings=SETTINGS)
    torch.manual_seed(SETTINGS.seed)
    rows = (rows for epoch in range(2) for rows in image_batches(tiny_images.images, 16, 0, epoch))
    lrs = (SETTINGS.g_lr, SETTINGS.d_lr)
    optimizers = [
        torch.optim.Adam(n.parameters(), lr, SETTINGS.betas, fused=True) for n, lr in zip((g, d), lrs, strict=True)
    ]
    list(adversarial_steps(g, d, rows, *optimizers, *losses_of(SETTINGS)))
    assert run.step == 16
    for ours, theirs in ((generator, g), (discriminator, d)):
        for key, value in theirs.state_dict().items():
            assert torch.equal(ours.state_dict()[key], value), key
    assert shared(g) is g


@hypothesis_settings(max_examples=100, deadline=None, derandomize=True)
@given(count=st.integers(1, 9), each=st.integers(2, 9), batches=st.integers(1, 5), seed=st.integers(0, 99))
def test_shares_are_a_partition_of_every_batch(count, each, batches, seed):
    size, n = count * each, count * each * batches + seed % (count * each)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(distributed, "world_size", lambda: count)
        distributed.check_share(size, n)
        seen = []
        for chosen in index_batches(n, size, seed):
            parts = []
            for number in range(count):
                patch.setattr(distributed, "rank", lambda number=number: number)
                parts.append(own_share(chosen))
            assert {len(part) for part in parts} == {each}
            assert sorted(torch.cat(parts).tolist()) == sorted(chosen.tolist())
            seen += torch.cat(parts).tolist()
        assert len(set(seen)) == len(seen) == batches * size


@pytest.mark.parametrize(
    ("batch_size", "n", "count", "words"),
    [
        (2, 3, 4, "3 pictures for 4 processes, and each needs two: start 1 at most"),
        (64, 1000, 3, "a batch of 64 for 3 processes: choose a multiple of 3 from 6 on"),
        (4, 1000, 4, "choose a multiple of 4 from 8 on"),
    ],
)
def test_a_batch_that_cannot_be_shared_is_refused(batch_size, n, count, words, monkeypatch):
    monkeypatch.setattr(distributed, "world_size", lambda: count)
    with pytest.raises(ValueError, match=words):
        distributed.check_share(batch_size, n)


def test_processes_that_are_not_there_are_missed_in_one_line(monkeypatch):
    monkeypatch.setenv("WORLD_SIZE", "2")
    monkeypatch.setenv("RANK", "1")
    monkeypatch.delenv("MASTER_ADDR", raising=False)
    with pytest.raises(ConnectionError, match=r"process 1 of 2 cannot reach the others \(.*MASTER_ADDR"):
        distributed.joined().__enter__()
    monkeypatch.setenv("MASTER_ADDR", "127.0.0.1")
    monkeypatch.setenv("MASTER_PORT", "9")  # nobody listens there
    with pytest.raises(ConnectionError, match=r"torchrun --nproc-per-node 2, on several machines"):
        distributed.joined(timedelta(seconds=1)).__enter__()


def test_a_device_that_processes_cannot_share_is_named(monkeypatch):
    monkeypatch.setenv("WORLD_SIZE", "2")
    monkeypatch.setattr(distributed.environment, "best_device", lambda: torch.device("mps"))
    with pytest.raises(ValueError, match="cannot share Apple's GPU: set GAN_DEVICE=cpu"):
        distributed.joined().__enter__()


def test_pictures_of_the_average_do_not_depend_on_the_process(two):
    assert two.run(picture_of_the_average)[0] == two.run(picture_of_the_average)[1]


def picture_of_the_average():
    generator, discriminator = plain_pair(batch_norm=True)
    run = train_gan(generator, discriminator, batch(64)[0], 2, settings=SETTINGS)
    return generate(run.average, torch.ones(1, 4)).flatten().tolist()
