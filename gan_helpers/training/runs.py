"""A training run as data: settings, networks, optimisers, history, and its way to disk and back.

A saved run holds everything that the next step depends on, the state of the random numbers
included, so that a resumed run is the run that was interrupted. Used by ``training``.
"""

from __future__ import annotations

import copy
import math
import signal
import threading
import time
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.optim import Adam, Optimizer

from gan_helpers.checkpoints import CheckpointError, Network, load_tensors, save_tensors
from gan_helpers.training.losses import OBJECTIVES, discriminator_loss


@dataclass(frozen=True)
class Settings:
    """What a run is made of besides its two networks and its pictures."""

    batch_size: int = 128
    g_rate: float = 1e-3
    d_rate: float = 1e-3
    betas: tuple[float, float] = (0.0, 0.99)
    smoothing: float = 0.0
    average_decay: float = 0.999  # 0: no average, sample from the generator itself
    seed: int = 0


@dataclass(frozen=True)
class StableSettings(Settings):
    """``Settings`` for notebook 07's loop: another objective, and penalties on D's gradient."""

    objective: str = "non-saturating"  # a name in losses.OBJECTIVES
    r1: float = 0.0  # weights of the penalties: at real pictures, at generated ones,
    r2: float = 0.0
    unit_gradient: float = 0.0  # and for the length's distance from 1 between the two
    penalty_every: int = 8  # steps; the weights are multiplied by it

    def __post_init__(self) -> None:
        if self.objective not in OBJECTIVES:
            raise ValueError(f"unknown objective {self.objective!r}: choose one of {', '.join(OBJECTIVES)}")
        if self.smoothing and OBJECTIVES[self.objective][0] is not discriminator_loss:
            raise ValueError(f"the {self.objective} objective has no labels to smooth: set smoothing=0")


CLASSIC = Settings(64, 2e-3, 2e-3, betas=(0.9, 0.999), smoothing=0.1, average_decay=0.0)
STABLE = Settings(g_rate=1.5e-3)  # notebook 07's recipe, for networks.stable_pair


class History:
    """Four numbers a step, kept on the device until they are read: reading is what costs.

    The table doubles when it is full. A tensor a step would pin the memory that each step frees around it.
    """

    columns = ("d_loss", "g_loss", "d_real", "d_fake")

    def __init__(self, rows: Tensor | None = None) -> None:
        self._table = torch.empty(0, len(self.columns)) if rows is None else rows.clone()
        self._length = len(self._table)

    def __len__(self) -> int:
        return self._length

    def record(self, d_loss: Tensor, g_loss: Tensor, real_logits: Tensor, fake_logits: Tensor) -> None:
        """Append a step: both losses, and the mean of D(x) and of D(G(z)) as probabilities."""
        if self._length == len(self._table):
            more = torch.empty(max(1024, self._length), len(self.columns))
            self._table = torch.cat([self._table.cpu(), more]).to(d_loss.device)
        d_real, d_fake = real_logits.sigmoid().mean(), fake_logits.sigmoid().mean()
        self._table[self._length] = torch.stack([d_loss, g_loss, d_real, d_fake])
        self._length += 1

    def rows(self, start: int = 0) -> Tensor:
        """The steps from ``start`` on, as a tensor (steps, 4) on the CPU."""
        return self._table[start : self._length].cpu()

    def column(self, name: str) -> Tensor:
        """One of ``columns`` over all steps, (steps,)."""
        return self.rows()[:, self.columns.index(name)]


@dataclass
class Run:
    """A training run: the networks, and all that is needed to go on with it."""

    generator: Network
    discriminator: Network
    average: Network  # a running average of the generator's weights, in evaluation mode: sample from this one
    g_optimizer: Optimizer
    d_optimizer: Optimizer
    settings: Settings
    history: History = field(default_factory=History)
    step: int = 0
    seconds: float = 0.0  # of training: what a callback adds to ``waited`` is left out
    interrupted: bool = False
    last_step: float = math.inf  # the budget, as train_gan was given it
    last_second: float = math.inf
    steps_an_epoch: int = 0  # 0: not known
    waited: float = 0.0  # seconds for which a callback has held the run since the last step
    stop: bool = False  # a callback sets it to end the run as if its budget were spent
    logits: tuple[Tensor, Tensor] | None = None  # D's scores of the last batch, real and generated, (N,) each
    data: str = ""  # which pictures it learns from, as ``name_pictures`` says; "": not known

    @property
    def rates(self) -> tuple[float, float]:
        """The learning rates of G and D as they are now; the settings hold those of the start."""
        return self.g_optimizer.param_groups[0]["lr"], self.d_optimizer.param_groups[0]["lr"]

    @rates.setter
    def rates(self, rates: tuple[float, float]) -> None:
        for optimizer, rate in zip((self.g_optimizer, self.d_optimizer), rates, strict=True):
            for group in optimizer.param_groups:
                group["lr"] = float(rate)

    @property
    def share(self) -> float:
        """How much of the budget is spent, 0 to 1; 0 where there is none."""
        return min(1.0, max(self.step / self.last_step, self.seconds / self.last_second))


def start_run(generator: Network, discriminator: Network, settings: Settings) -> Run:
    """Step 0: two networks in training mode, their optimisers, and the average, which starts as a copy of G."""
    averaged = settings.average_decay > 0
    average = copy.deepcopy(generator).eval().requires_grad_(False) if averaged else generator
    # fused=True updates all weights in one call: on these small networks the calls cost more than the sums
    g_optimizer = Adam(generator.parameters(), settings.g_rate, settings.betas, fused=True)
    d_optimizer = Adam(discriminator.parameters(), settings.d_rate, settings.betas, fused=True)
    discriminator.requires_grad_(True)  # an earlier run, stopped by an error, may have left it frozen
    return Run(generator.train(), discriminator.train(), average, g_optimizer, d_optimizer, settings)


def run_state(run: Run) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """All that the next step depends on, as named tensors (the run's own, not copies) and JSON-able facts."""
    tensors = {"history": run.history.rows(), **_random_states(run)}
    for name, network in _networks(run).items():
        tensors |= {f"{name}/{key}": value for key, value in network.state_dict().items()}
    for name in ("g_optimizer", "d_optimizer"):
        for index, state in getattr(run, name).state_dict()["state"].items():
            tensors |= {f"{name}/{index}/{key}": value for key, value in state.items()}
    return tensors, {"step": run.step, "seconds": run.seconds, "rates": run.rates}


def restore_run(run: Run, tensors: dict[str, Tensor], facts: dict[str, Any]) -> None:
    """Put a state made by ``run_state`` back, random numbers included; the tensors stay the caller's own."""
    groups = _by_prefix(tensors)
    for name, network in _networks(run).items():
        network.load_state_dict(groups[name])
    for name in ("g_optimizer", "d_optimizer"):
        _restore_optimizer(getattr(run, name), groups.get(name, {}))
    run.history = History(tensors["history"])
    run.step, run.seconds = facts["step"], facts["seconds"]
    run.rates = facts.get("rates", run.rates)  # older files have none
    torch.set_rng_state(tensors["random/cpu"])
    if "random/cuda" in tensors and torch.cuda.is_available():
        torch.cuda.set_rng_state(tensors["random/cuda"])


def save_run(run: Run, path: str | Path) -> None:
    """Write the whole run to ``path``; CheckpointError if it cannot be written."""
    tensors, facts = run_state(run)
    save_tensors(path, tensors, {**_identity(run), **facts})


def load_run(run: Run, path: str | Path) -> None:
    """Put the state saved at ``path`` into a freshly started run, learning rates and random numbers included.

    Raises:
        CheckpointError: the file is damaged, or its networks or settings are not those of ``run``.
    """
    tensors, facts = load_tensors(path)
    for part, ours in _identity(run).items():
        if facts.get(part, "" if part == "data" else None) not in (ours, ""):  # older files do not name their data
            raise CheckpointError(
                f"{path} belongs to another run: its {part} is {facts.get(part)}, here it is {ours}. "
                "Build the same run, or start afresh with resume=False (in a terminal, without --resume)"
            )
    restore_run(run, tensors, facts)


def _networks(run: Run) -> dict[str, Network]:
    networks = {"generator": run.generator, "discriminator": run.discriminator}
    return networks if run.average is run.generator else {**networks, "average": run.average}


def _identity(run: Run) -> dict[str, Any]:
    """What two runs must share for one to go on with the other's checkpoint, as JSON would return it."""
    networks = {name: getattr(run, name) for name in ("generator", "discriminator")}
    identity = {name: {"class": type(n).__name__, "arguments": n.config} for name, n in networks.items()}
    return _as_json({**identity, "settings": asdict(run.settings), "data": run.data})


def name_pictures(images: Tensor) -> str:
    """How many images (N, C, H, W) of which shape, and a checksum of their pixels: what a resumed run must find."""
    checksum = zlib.crc32(images.detach().cpu().contiguous().numpy())
    return f"{len(images):,} pictures of {'x'.join(map(str, images.shape[1:]))}, checksum {checksum:08x}"


def _as_json(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _as_json(item) for key, item in value.items()}
    return [_as_json(item) for item in value] if isinstance(value, (list, tuple)) else value


def _random_states(run: Run) -> dict[str, Tensor]:
    states = {"random/cpu": torch.get_rng_state()}
    if next(run.generator.parameters()).is_cuda:
        states["random/cuda"] = torch.cuda.get_rng_state()
    return states


def _by_prefix(tensors: dict[str, Tensor]) -> dict[str, dict[str, Tensor]]:
    groups: dict[str, dict[str, Tensor]] = {}
    for name, tensor in tensors.items():
        prefix, _, rest = name.partition("/")
        groups.setdefault(prefix, {})[rest] = tensor
    return groups


def _restore_optimizer(optimizer: Optimizer, tensors: dict[str, Tensor]) -> None:
    state: dict[int, dict[str, Tensor]] = {}
    for name, tensor in tensors.items():
        index, key = name.split("/")
        state.setdefault(int(index), {})[key] = tensor.clone()  # Adam would go on in the given tensors themselves
    optimizer.load_state_dict({"state": state, "param_groups": optimizer.state_dict()["param_groups"]})
    for parameter, moments in optimizer.state.items():
        for key, moment in moments.items():
            if moment.shape == parameter.shape:  # fused Adam pairs numbers by their place in memory: same layout
                moments[key] = torch.empty_like(parameter).copy_(moment)


class Saver:
    """Writes a run to one file: now, or when it is due. Without a file it does nothing."""

    def __init__(self, path: str | Path | None, every_seconds: float) -> None:
        self.path = None if path is None else Path(path)
        self.every_seconds = every_seconds
        self.last = time.perf_counter()

    def prepare(self, run: Run, resume: bool) -> None:
        """Resume from the file, or move an older run's file aside and prove that the folder takes files."""
        if self.path is None:
            return
        if resume and self.path.exists():
            load_run(run, self.path)
            return
        if self.path.exists():
            self.path.replace(self.path.with_suffix(".previous" + self.path.suffix))
        self.save(run)

    def due(self) -> bool:
        """Have ``every_seconds`` passed since the last file?"""
        return self.path is not None and time.perf_counter() - self.last >= self.every_seconds

    def save_or_warn(self, run: Run) -> None:
        """Save; a disk that has filled up costs a warning, not the training so far."""
        try:
            self.save(run)
        except CheckpointError as error:
            self.last = time.perf_counter()
            print(f"no checkpoint at step {run.step}, but the run itself is kept in memory: {error}")

    def save(self, run: Run) -> None:
        if self.path is not None:
            save_run(run, self.path)
            self.last = time.perf_counter()


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


@dataclass(frozen=True)
class ConditionalSettings(Settings):
    """``Settings`` for a conditional pair: with how many wrong labels D is trained."""

    mismatched: float = 1 / 3  # their share in what D learns to refuse, as in ``told_loss``


CONDITIONAL = ConditionalSettings(g_rate=1.5e-3)  # runs.STABLE with wrong labels, for ``conditional_pair``
CLIPS = Settings(batch_size=64)
FACES = Settings(batch_size=64)  # for ``face_pair``
