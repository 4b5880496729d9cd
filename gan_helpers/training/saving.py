"""A training run on its way to disk and back.

A saved run holds everything that the next step depends on, the state of the random numbers included, so that a resumed
run is the run that was interrupted. It says whose it is, and goes into no other run.
"""

from __future__ import annotations

import time
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor
from torch.optim import Optimizer

from gan_helpers.checkpoints import CheckpointError, Network, load_tensors, save_tensors
from gan_helpers.training.distributed import agreed, gathered, rank

if TYPE_CHECKING:  # runs.py imports this module: its loop saves as it goes
    from gan_helpers.training.runs import Run


def run_state(run: Run) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """All that the next step depends on, as named tensors (the run's own, not copies) and JSON-able facts."""
    tensors = {"history": run.history.rows(), **_random_states(run)}
    for name, network in _saved_networks(run).items():
        tensors |= {f"{name}/{key}": value for key, value in network.state_dict().items()}
    for name, optimizer in run.optimizers.items():
        for index, state in optimizer.state_dict()["state"].items():
            tensors |= {f"optimizer of {name}/{index}/{key}": value for key, value in state.items()}
    return tensors, {"step": run.step, "seconds": run.seconds, "lrs": run.lrs}


def restore_run(run: Run, tensors: dict[str, Tensor], facts: dict[str, Any]) -> None:
    """Put a state made by ``run_state`` back, random numbers included; the tensors stay the caller's own."""
    groups = _by_prefix(tensors)
    for name, network in _saved_networks(run).items():
        network.load_state_dict(groups[name])
    for name, optimizer in run.optimizers.items():
        _restore_optimizer(optimizer, groups.get(f"optimizer of {name}", {}))
    run.history = type(run.history)(tensors["history"], run.history.columns)
    run.step, run.seconds, run.lrs = facts["step"], facts["seconds"], facts["lrs"]
    torch.set_rng_state(tensors["random/cpu"])
    if "random/cuda" in tensors and torch.cuda.is_available():
        torch.cuda.set_rng_state(tensors["random/cuda"])


def save_run(run: Run, path: str | Path) -> None:
    """Write the whole run to ``path``; CheckpointError if it cannot be written.

    Of several processes the first one writes, with the random numbers of all.
    """
    tensors, facts = run_state(run)
    for number, states in enumerate(gathered(_random_states(run))[1:], 1):
        tensors |= {_of_process(name, number): state for name, state in states.items()}
    if rank() == 0:
        save_tensors(path, tensors, {**_identity(run), **facts})


def load_run(run: Run, path: str | Path) -> None:
    """Put the state saved at ``path`` into a freshly started run, learning rates and random numbers included.

    Raises:
        CheckpointError: the file is damaged, or its networks, settings or pictures are not those of ``run``.
    """
    tensors, facts = load_tensors(path)
    for part, ours in _identity(run).items():
        if facts.get(part) != ours:
            raise CheckpointError(
                f"{path} belongs to another run: its {part} is {facts.get(part)}, here it is {ours}. "
                "Build the same run, or start afresh with resume=False"
            )
    if rank():  # what the file does not know, as it has more processes now, stays as it is
        tensors |= {name: tensors.get(_of_process(name, rank()), now) for name, now in _random_states(run).items()}
    restore_run(run, tensors, facts)


def _of_process(name: str, number: int) -> str:
    return f"{name} of process {number}"


def _saved_networks(run: Run) -> dict[str, Network]:
    return run.networks if run.average is run.network else {**run.networks, "average": run.average}


def _identity(run: Run) -> dict[str, Any]:
    """What two runs must share for one to go on with the other's checkpoint, as JSON would return it."""
    networks = {
        name: {"class": type(n).__name__, "arguments": n.config, "changes": n.changes}
        for name, n in run.networks.items()
    }
    return _as_json({**networks, "settings": asdict(run.settings), "data": run.data})


def _as_json(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _as_json(item) for key, item in value.items()}
    return [_as_json(item) for item in value] if isinstance(value, (list, tuple)) else value


def _random_states(run: Run) -> dict[str, Tensor]:
    states = {"random/cpu": torch.get_rng_state()}
    if run.device.type == "cuda":
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
        (exists,) = agreed(self.path.exists())
        if resume and exists:
            load_run(run, self.path)
            return
        if exists and rank() == 0:
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
