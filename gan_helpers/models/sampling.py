"""What every network of the course is asked for: latent vectors, pictures from them, and its size."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from gan_helpers.checkpoints import Network
from gan_helpers.data.sets import scale_pixels


def as_input(network: nn.Module, images: Tensor) -> Tensor:
    """Images (N, C, H, W), uint8 or floats in [-1, 1], as a network takes them: scaled, on its device, in its type."""
    weight = next(network.parameters())
    return scale_pixels(images.to(weight.device)).to(weight.dtype)


@torch.no_grad()
def apply(network: Network, images: Tensor, batch_size: int = 500) -> Tensor:
    """What a network in evaluation mode makes of images (N, C, H, W), uint8 or floats: pictures, or codes."""
    was_training = network.training
    network.eval()
    try:
        return torch.cat([network(as_input(network, part)) for part in images.split(batch_size)])
    finally:
        network.train(was_training)


def check_latents(generator: Network, latents: Tensor) -> None:
    """Refuse latent vectors that this generator was not built for (ValueError)."""
    width = generator.config["latent_dim"]
    if latents.ndim != 2 or latents.shape[1] != width:
        raise ValueError(
            f"latents have shape {tuple(latents.shape)}, but this generator takes (N, {width}): "
            "draw them with sample_latents(generator, n)"
        )


def sample_latents(generator: Network, n: int) -> Tensor:
    """n latent vectors, (n, latent_dim): standard normal, or uniform in [-1, 1), as ``config`` says."""
    weight = next(generator.parameters())
    shape = (n, generator.config["latent_dim"])
    if generator.config["latent"] == "uniform":
        return torch.empty(shape, device=weight.device, dtype=weight.dtype).uniform_(-1, 1)
    return torch.randn(shape, device=weight.device, dtype=weight.dtype)


@torch.no_grad()
def renew_statistics(generator: Network, batches: int = 60, batch_size: int = 200) -> None:
    """Measure batch norm's running means and variances anew, in place: plain means over batches of new latents.

    An average of weights needs it: its layers give other numbers than those whose statistics were averaged with it.
    Source: Izmailov et al., *Averaging Weights Leads to Wider Optima and Better Generalization*, arXiv 1803.05407.
    """
    norms = [layer for layer in generator.modules() if isinstance(layer, nn.modules.batchnorm._BatchNorm)]
    momenta, was_training = [norm.momentum for norm in norms], generator.training
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None  # torch's word for a plain mean
    generator.train()
    for _ in range(batches):
        generator(sample_latents(generator, batch_size))
    for norm, momentum in zip(norms, momenta, strict=True):
        norm.momentum = momentum
    generator.train(was_training)


def count_parameters(network: nn.Module) -> int:
    """How many numbers training may change."""
    return sum(p.numel() for p in network.parameters() if p.requires_grad)


@torch.no_grad()
def generate(generator: Network, latents: Tensor, labels: Tensor | None = None, batch_size: int = 1000) -> Tensor:
    """Pictures (N, C, H, W) in [-1, 1] for latents (N, latent_dim), in evaluation mode.

    In evaluation mode dropout is off and batch norm uses its running averages, so one
    latent vector always gives the same picture, whatever else is in the batch. The mode is put back.
    ``labels`` (N,) go to a conditional generator, one class a picture.
    """
    was_training = generator.training
    generator.eval()
    latents = latents.to(next(generator.parameters()).dtype)
    try:
        inputs = (latents,) if labels is None else (latents, labels)
        return torch.cat([generator(*part) for part in zip(*(x.split(batch_size) for x in inputs), strict=True)])
    finally:
        generator.train(was_training)
