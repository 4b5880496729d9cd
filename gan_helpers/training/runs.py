"""A training run: its networks and settings as data, and the loop around the loop.

``train`` is what every training of the course goes through: a budget in epochs or seconds, losses that stay finite, a
stop button that loses nothing, checkpoints, resuming, callbacks, history. What a checkpoint holds is in ``saving``.
"""

from __future__ import annotations

import copy
import hashlib
import math
import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from itertools import chain, count, islice
from pathlib import Path

import torch
from torch import Tensor
from torch.optim import Adam, Optimizer

from gan_helpers.checkpoints import Network
from gan_helpers.data.sets import index_batches
from gan_helpers.training.distributed import agreed, own_seed, world_size
from gan_helpers.training.saving import Saver
from gan_helpers.training.settings import Settings, SupervisedSettings

CHECK_EVERY = {"cpu": 1}  # steps between looks at the losses; on a GPU each look waits for it,
ELSEWHERE = 100  # so there they are seldom

Step = tuple[Tensor, ...]  # what a loop yields: scalar losses, then perhaps D's logits (N,), real and generated
Loop = Callable[["Run"], Iterator[Step]]


class TrainingDiverged(RuntimeError):
    """A loss is no longer a finite number; the message says at which step and what to try."""


class History:
    """A few numbers a step, kept on the device until they are read: reading is what costs.

    The table doubles when it is full. A tensor a step would pin the memory that each step frees around it.
    """

    def __init__(
        self, rows: Tensor | None = None, columns: Sequence[str] = ("d_loss", "g_loss", "d_real", "d_fake")
    ) -> None:
        self.columns = tuple(columns)
        self._table = torch.empty(0, len(self.columns)) if rows is None else rows.clone()
        self._length = len(self._table)

    def __len__(self) -> int:
        return self._length

    def record(self, *values: Tensor) -> None:
        """Append a step: losses as they are, logits (N,) as the mean of their probabilities."""
        if self._length == len(self._table):
            more = torch.empty(max(1024, self._length), len(self.columns))
            self._table = torch.cat([self._table.cpu(), more]).to(values[0].device)
        numbers = [value if value.ndim == 0 else value.sigmoid().mean() for value in values]
        self._table[self._length] = torch.stack(numbers)
        self._length += 1

    def rows(self, start: int = 0) -> Tensor:
        """The steps from ``start`` on, as a tensor (steps, columns) on the CPU."""
        return self._table[start : self._length].cpu()

    def column(self, name: str) -> Tensor:
        """One of ``columns`` over all steps, (steps,)."""
        return self.rows()[:, self.columns.index(name)]


@dataclass
class Run:
    """A training run: the networks, and all that is needed to go on with it."""

    networks: dict[str, Network]  # those that learn: "generator" and "discriminator", or "network"
    optimizers: dict[str, Optimizer]  # one for each, by the same names
    settings: Settings | SupervisedSettings
    average: Network  # a running average of the first network's weights: sample from this one
    history: History = field(default_factory=History)
    step: int = 0
    seconds: float = 0.0  # of training, before and after resuming: what a callback adds to ``waited`` is left out
    interrupted: bool = False
    last_step: float = math.inf  # the budget, as the training was given it
    last_second: float = math.inf
    steps_an_epoch: int = 0  # 0: not known
    waited: float = 0.0  # seconds for which a callback has held the run since the last step
    stop: bool = False  # a callback sets it to end the run as if its budget were spent
    logits: Step | None = None  # D's scores of the last batch, real and generated, (N,) each
    shared: bool = False  # may several processes work on it together?
    data: str = ""  # a fingerprint of the pictures: a checkpoint is resumed on the same ones only

    @property
    def network(self) -> Network:
        """The first network, or the only one."""
        return next(iter(self.networks.values()))

    @property
    def generator(self) -> Network:
        return self.networks["generator"]

    @property
    def discriminator(self) -> Network:
        return self.networks["discriminator"]

    @property
    def device(self) -> torch.device:
        return next(self.network.parameters()).device

    @property
    def lrs(self) -> tuple[float, ...]:
        """The learning rates as they are now, G's before D's; the settings hold those of the start."""
        return tuple(optimizer.param_groups[0]["lr"] for optimizer in self.optimizers.values())

    @lrs.setter
    def lrs(self, lrs: Sequence[float]) -> None:
        for optimizer, lr in zip(self.optimizers.values(), lrs, strict=True):
            for group in optimizer.param_groups:
                group["lr"] = float(lr)

    @property
    def share(self) -> float:
        """How much of the budget is spent, 0 to 1; 0 where there is none."""
        return min(1.0, max(self.step / self.last_step, self.seconds / self.last_second))


class Every:
    """A callback that calls ``function(run)`` at every n-th step, and at the first one if asked to.

    Raises:
        ValueError: n is below 1.
    """

    def __init__(self, n: int, function: Callable[[Run], None], first: bool = False) -> None:
        if n < 1:
            raise ValueError(f"every {n} steps: n must be 1 or more")
        self.n, self.function, self.first = n, function, first

    def __call__(self, run: Run) -> None:
        if run.step % self.n == 0 or (self.first and run.step == 1):
            self.function(run)


# --- beginning ----------------------------------------------------------------------------------------


def start_run(networks: dict[str, Network], settings: Settings | SupervisedSettings) -> Run:
    """Networks in training mode, an optimiser for each, and the average, which starts as a copy of the first."""
    first = next(iter(networks.values()))
    averaged = settings.ema_decay > 0
    average = copy.deepcopy(first).eval().requires_grad_(False) if averaged else first
    optimizers = {
        name: adam(n, lr, settings.betas) for (name, n), lr in zip(networks.items(), settings.lrs, strict=True)
    }
    for network in networks.values():
        network.train()
    networks["discriminator" if "discriminator" in networks else next(iter(networks))].requires_grad_(True)
    history = History(columns=settings.columns)
    return Run(networks, optimizers, settings, average, history)


def adam(network: torch.nn.Module, lr: float, betas: tuple[float, float]) -> Adam:
    """Adam, all weights in one call where the device can: on small networks the calls cost more than the sums."""
    fused = next(network.parameters()).device.type in ("cpu", "cuda")
    return Adam(network.parameters(), lr, betas, fused=fused)


def limits(epochs: float | None, seconds: float | None, steps_an_epoch: int) -> tuple[float, float]:
    """The last step and the last second of a training; ValueError for a budget of nothing."""
    if epochs is None and seconds is None:
        raise ValueError("say how long to train: epochs=10, or seconds=120")
    for name, value in (("epochs", epochs), ("seconds", seconds)):
        if value is not None and not value > 0:
            raise ValueError(f"{name}={value} trains nothing: it must be above 0")
    last_step = math.inf if epochs is None else max(1, round(epochs * steps_an_epoch))
    return last_step, math.inf if seconds is None else seconds


def data_fingerprint(images: Tensor) -> str:
    """Number, shape and a digest of every few pictures: two data sets of the same one are the same."""
    some = images[:: max(1, len(images) // 1000)].detach().cpu().contiguous()
    digest = hashlib.sha256(some.reshape(-1).view(torch.uint8).numpy()).hexdigest()[:12]
    return f"{len(images)} pictures of {'x'.join(map(str, images.shape[1:]))}, {digest}"


# --- training -----------------------------------------------------------------------------------------


def train(
    run: Run,
    loop: Loop,
    n: int,
    epochs: float | None = None,
    seconds: float | None = None,
    checkpoint: str | Path | None = None,
    checkpoint_seconds: float = 30.0,
    resume: bool = False,
    callbacks: Sequence[Callable[[Run], None]] = (),
) -> Run:
    """Take steps of ``loop(run)``, which begins behind ``run.step``, until the budget is spent; returns the run.

    Args:
        n: how many pictures make an epoch.
        epochs, seconds: the budget; with both given, the one that ends first. A resumed run counts what it had
            already: ``seconds=120`` with ``resume=True`` is two minutes in all, not two more.
        checkpoint: a file written every ``checkpoint_seconds`` and at the end. An older file of that
            name is kept beside it as ``*.previous.safetensors`` unless the run resumes from it.
        resume: go on from the checkpoint if there is one. On a CPU a run with a budget in epochs ends
            bit-identical, however often it was killed and resumed.
        callbacks: called with the run after every step; they must not draw random numbers. They may set
            ``run.stop``, hold the run (see ``run.waited``), or put it back to an earlier step. One that is
            a context manager is entered when training begins and left when it ends, however it ends.

    Interrupting (Ctrl-C, a notebook's stop button) finishes the step in hand, saves and returns.

    Raises:
        ValueError: a budget of nothing, or several processes for a training that only one can do.
        CheckpointError: a checkpoint that cannot be written, or belongs to another run.
        TrainingDiverged: a loss became infinite or NaN.
    """
    if world_size() > 1 and not run.shared:
        raise ValueError("only train_gan can share its work among processes: start this training without torchrun")
    run.steps_an_epoch = n // run.settings.batch_size
    run.last_step, run.last_second = limits(epochs, seconds, run.steps_an_epoch)
    saver = Saver(checkpoint, checkpoint_seconds)
    torch.set_flush_denormal(True)  # Adam's second moments sink to where a CPU computes many times slower
    with ExitStack() as stack:
        stack.enter_context(torch.random.fork_rng([run.device] if run.device.type == "cuda" else []))
        stack.enter_context(finish_step_on_interrupt(run))
        stack.callback(_thaw, run)
        torch.manual_seed(own_seed(run.settings.seed))
        saver.prepare(run, resume)
        for callback in callbacks:
            if hasattr(callback, "__exit__"):
                stack.enter_context(callback)
        clock = time.perf_counter()
        for step in _steps_from(run, loop):
            _record(run, step)
            now = time.perf_counter()
            run.seconds += now - clock - run.waited
            clock, run.waited = now, 0.0
            for callback in callbacks:
                callback(run)
            stop, due = agreed(run.interrupted or run.stop or run.share >= 1, saver.due())
            save = stop or due
            if save or run.step % CHECK_EVERY.get(run.device.type, ELSEWHERE) == 0:
                _check_finite(run, saver.path)  # always before a file is written
            if save:
                saver.save_or_warn(run)
            if stop:
                break
    return run


def run_batches(run: Run, n: int) -> Iterator[Tensor]:
    """Indices (batch_size,) of n pictures, epoch after epoch, from the step on that the run has come to."""
    size, seed = run.settings.batch_size, run.settings.seed
    epoch, done = divmod(run.step, n // size)
    epochs = (index_batches(n, size, seed, e, done if e == epoch else 0) for e in count(epoch))
    batches = chain.from_iterable(epochs)
    return batches if run.last_step == math.inf else islice(batches, int(run.last_step) - run.step)


@torch.no_grad()
def update_average(
    average: torch.nn.Module, network: torch.nn.Module, decay: float, step: int, warmup: float = 10.0
) -> None:
    """Move the average a little towards the network: a <- decay * a + (1 - decay) * g.

    The first steps use a smaller decay, (1 + step) / (warmup + step), so that the average forgets the untrained
    network soon. With a warm-up of 10 that rules until step 8,990 for a decay of 0.999; 1 switches it off.
    Source: Yazici et al., arXiv 1806.04498; the start as in TensorFlow's ExponentialMovingAverage.
    """
    decay = min(decay, (1 + step) / (warmup + step))
    pairs = zip(average.state_dict().values(), network.state_dict().values(), strict=True)
    for a, g in pairs:
        if a.is_floating_point():
            a.lerp_(g, 1 - decay)
        else:
            a.copy_(g)  # batch norm's step counter


def _steps_from(run: Run, loop: Loop) -> Iterator[Step]:
    """The steps after ``run.step``, begun anew where a callback has put the run back to an earlier one."""
    while run.step < run.last_step:
        for expected, step in enumerate(loop(run), run.step + 1):
            yield step
            if run.step != expected:
                break


def _record(run: Run, step: Step) -> None:
    """Count a step, and let the average follow."""
    run.step += 1
    run.history.record(*step)
    run.logits = step[2:] or None
    if run.average is not run.network:
        update_average(run.average, run.network, run.settings.ema_decay, run.step, run.settings.ema_warmup)
    if run.step >= run.settings.lr_decay_from > 0:
        fall = run.step / (run.step + 1)  # in all from lr to lr * lr_decay_from / step,
        run.lrs = [lr * fall for lr in run.lrs]  # and of what they are now: a reader may have changed them


def _thaw(run: Run) -> None:
    """A step that an error has cut in half may have left D frozen."""
    if "discriminator" in run.networks:
        run.discriminator.requires_grad_(True)


def _check_finite(run: Run, saved: Path | None) -> None:
    recent = run.history.rows(max(0, run.step - ELSEWHERE))
    if math.isfinite(recent[-1].sum()):  # once a weight is NaN, all later losses are
        return
    step = run.step - len(recent) + 1 + int((~recent.isfinite()).any(1).nonzero()[0])
    kept = f" The last good state is in {saved}." if saved is not None else ""
    raise TrainingDiverged(
        f"a loss is no longer a finite number at step {step}. Try a lower learning rate "
        f"(now {' and '.join(f'{lr:g}' for lr in run.lrs)}), betas (0, 0.99), or a larger batch, and look "
        f"for NaN in your pictures.{kept}"
    )


@contextmanager
def finish_step_on_interrupt(run: Run) -> Iterator[None]:
    """Turn the first interrupt into ``run.interrupted``, so that no step is cut in half; a second one raises."""
    if threading.current_thread() is not threading.main_thread():
        yield  # only the main thread can receive signals
        return

    def on_interrupt(number: int, frame: object) -> None:
        run.interrupted = True
        signal.signal(signal.SIGINT, before)

    before = signal.signal(signal.SIGINT, on_interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
