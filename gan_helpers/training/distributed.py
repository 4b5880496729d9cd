"""One training in several processes, as ``torchrun`` starts them. Notebook 18 builds it up.

Each process holds both networks whole, sees its share of every batch, draws latent vectors of its own, and averages
gradients with the others before each step: so all take the same step, and keep the same networks. On CPUs they talk
through gloo, on GPUs through NCCL. In one process every function here gives back what it was given.
Source: Li et al., *PyTorch Distributed*, arXiv 2006.15704.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, nullcontext, redirect_stdout
from datetime import timedelta
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from gan_helpers import environment

PATIENCE = timedelta(minutes=10)  # with the others, at the start and in every step
APART = 7_919  # between the seed of one process and that of the next

Step = tuple[Tensor, ...]  # scalar losses, then perhaps D's logits (N,), real and generated


# --- who is there -------------------------------------------------------------------------------------


def world_size() -> int:
    """How many processes share the training that this one is part of."""
    return dist.get_world_size() if dist.is_available() and dist.is_initialized() else 1


def rank() -> int:
    """Which of them this is, from 0. The first one prints, and writes files."""
    return dist.get_rank() if world_size() > 1 else 0


@contextmanager
def joined(patience: timedelta = PATIENCE) -> Iterator[None]:
    """Work together with the other processes that ``torchrun`` has started, if it has; only the first one prints.

    Raises:
        ConnectionError: they are not there, or cannot be reached.
        ValueError: the device is none that several processes can use.
    """
    if environment.process_count() == 1:
        yield
        return
    _meet(environment.best_device(), patience)
    try:
        with open(os.devnull, "w") as nowhere, redirect_stdout(nowhere) if rank() else nullcontext():
            yield
    finally:
        dist.destroy_process_group()


def _meet(device: torch.device, patience: timedelta) -> None:
    if device.type not in ("cpu", "cuda"):
        raise ValueError(f"several processes cannot share {environment.place_name(device)}: set GAN_DEVICE=cpu")
    if device.type == "cuda":
        torch.cuda.set_device(device)
    try:
        dist.init_process_group("gloo" if device.type == "cpu" else "cpu:gloo,cuda:nccl", timeout=patience)
    except (ValueError, RuntimeError) as error:  # an address is missing; nobody answers at it
        count, cause = environment.process_count(), str(error).split("\n")[0]
        raise ConnectionError(
            f"process {environment.process_number()} of {count} cannot reach the others ({cause}): start all of them "
            f"with torchrun --nproc-per-node {count}, on several machines with its --nnodes and --rdzv-endpoint"
        ) from error


# --- what each takes of the whole ---------------------------------------------------------------------


def check_share(batch_size: int, n: int) -> None:
    """Refuse a batch, of n pictures, that the processes cannot share evenly (ValueError)."""
    count = world_size()
    if count > 1 and n < 2 * count:
        raise ValueError(f"{n} pictures for {count} processes, and each needs two: start {max(1, n // 2)} at most")
    if batch_size % count or (count > 1 and batch_size < 2 * count):
        raise ValueError(
            f"a batch of {batch_size} for {count} processes: choose a multiple of {count} from {2 * count} on, so that "
            "each gets as many, and at least two"
        )


def own_share(chosen: Tensor) -> Tensor:
    """This process's part of the indices (N,) of a batch: every so many-th, from its rank on."""
    return chosen[rank() :: world_size()]


def own_seed(seed: int) -> int:
    """A seed for this process alone, the first one's being ``seed``: or all would draw the same latent vectors."""
    return seed + APART * rank()


# --- what they do together ----------------------------------------------------------------------------


class Shared(DistributedDataParallel):
    """A network whose gradients are means over all processes as soon as ``backward`` has ended.

    Everything else that it is asked for, such as ``config``, is the network's own. Its buffers stay each process's:
    to copy them before each pass, as DDP does if it may, would change them between D's two passes in one step.
    """

    def __init__(self, network: nn.Module) -> None:
        super().__init__(network)
        self.broadcast_buffers = False  # set so, as its argument has another name in newer releases of torch

    def __getattr__(self, name: str) -> Any:
        try:
            return super().__getattr__(name)
        except AttributeError:
            return getattr(super().__getattr__("module"), name)


def shared(network: nn.Module) -> nn.Module:
    """The network as ``Shared``, with the first process's weights in all; in one process the network itself."""
    if world_size() == 1:
        return network
    warnings.filterwarnings("ignore", "Grad strides do not match")  # of weights that lie channels last
    return Shared(network)


@torch.no_grad()
def average(tensors: list[Tensor]) -> None:
    """Put the mean over all processes in place of each tensor: one all-reduce for them all."""
    flat = torch.cat([tensor.flatten() for tensor in tensors])
    dist.all_reduce(flat)  # the sum, in every process
    means = (flat / dist.get_world_size()).split([tensor.numel() for tensor in tensors])
    for tensor, mean in zip(tensors, means, strict=True):
        tensor.copy_(mean.view_as(tensor))


def average_gradients(network: nn.Module) -> None:
    """Put the mean over all processes in place of each gradient."""
    average([parameter.grad for parameter in network.parameters()])


def average_buffers(network: nn.Module) -> None:
    """Put the mean over all processes in place of each buffer of floats, such as batch norm's running averages."""
    if buffers := [buffer for buffer in network.buffers() if buffer.is_floating_point()]:
        average(buffers)


def together(steps: Iterable[Step], *networks: nn.Module) -> Iterable[Step]:
    """The same steps, each with the losses and logits of the whole batch, and with the buffers of all averaged."""
    return steps if world_size() == 1 else _together(steps, *networks)


def _together(steps: Iterable[Step], *networks: nn.Module) -> Iterator[Step]:
    for step in steps:
        for network in networks:
            average_buffers(network)
        yield _whole(step)


def _whole(step: Step) -> Step:
    """Means of the losses over all processes, and the logits of all: (N / world size,) to (N,)."""
    flat = torch.cat([value.flatten() for value in step])
    parts = [torch.empty_like(flat) for _ in range(world_size())]
    dist.all_gather(parts, flat)
    values = zip(*(part.split([value.numel() for value in step]) for part in parts), strict=True)
    return tuple(
        torch.cat(pieces) if value.ndim else torch.cat(pieces).mean()
        for value, pieces in zip(step, values, strict=True)
    )


def agreed(*flags: bool) -> list[bool]:
    """What any of the processes says: or one would stop, and the others wait for it."""
    if world_size() == 1:
        return list(flags)
    said = torch.tensor(flags, dtype=torch.uint8)  # on the CPU: no GPU has to be waited for
    dist.all_reduce(said, dist.ReduceOp.MAX)
    return said.bool().tolist()


def gathered(tensors: dict[str, Tensor]) -> list[dict[str, Tensor]]:
    """The tensors of every process, in order of their ranks."""
    found: list[Any] = [None] * world_size()
    if world_size() == 1:
        return [tensors]
    dist.all_gather_object(found, tensors)
    return found
