"""A generator as one HTML file that runs without a kernel: python assets/make/playground.py [--weights FILE]

Any generator of dense or small convolutional layers will do. The weights are stored in half precision; batch norm is
folded into the layer before it, since in evaluation mode it is linear.
"""

from __future__ import annotations

import argparse
import base64
import json
import sys
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from gan_helpers import environment
from gan_helpers.checkpoints import CheckpointError, Network, load_network, load_shipped, write_atomically
from gan_helpers.latent import principal_directions

PAGE = Path(__file__).with_name("playground_page.html")
WEIGHTED = (nn.Linear, nn.Conv2d, nn.ConvTranspose2d)
NORMS = (nn.BatchNorm1d, nn.BatchNorm2d)


def flat_layers(module: nn.Module) -> list[nn.Module]:
    """The layers of nested ``nn.Sequential``s and networks, in order, without what does nothing in evaluation."""
    if isinstance(module, (nn.Sequential, Network)):
        return [layer for child in module.children() for layer in flat_layers(child)]
    return [] if isinstance(module, (nn.Dropout, nn.Identity, nn.Flatten)) else [module]


def folded(layer: nn.Module, norm: nn.Module | None) -> tuple[Tensor, Tensor]:
    """Weight and bias of a layer followed by batch norm in evaluation mode: still one linear map."""
    weight = layer.weight.detach().double()
    axis = 1 if isinstance(layer, nn.ConvTranspose2d) else 0  # where its outputs are
    outputs = weight.shape[axis]
    bias = torch.zeros(outputs).double() if layer.bias is None else layer.bias.detach().double()
    if norm is None:
        return weight, bias
    scale = (norm.running_var.double() + norm.eps).rsqrt()
    shift = -norm.running_mean.double() * scale
    if norm.affine:
        scale, shift = scale * norm.weight.detach(), shift * norm.weight.detach() + norm.bias.detach()
    # Behind a dense layer whose outputs become maps, a channel's numbers belong to all pixels of its map.
    scale, shift = (x.repeat_interleave(outputs // norm.num_features) for x in (scale, shift))
    shape = [-1 if i == axis else 1 for i in range(weight.ndim)]
    return weight * scale.view(shape), bias * scale + shift


def norm_behind(layers: list[nn.Module]) -> nn.Module | None:
    """The batch norm that follows the first of ``layers``, at once or behind an ``nn.Unflatten``; else None."""
    after = [layer for layer in layers[1:3] if not isinstance(layer, nn.Unflatten)]
    return after[0] if after and isinstance(after[0], NORMS) else None


def describe_network(generator: Network) -> tuple[list[dict[str, Any]], Tensor]:
    """The layers as plain data, and all their weights in one row.

    Raises:
        ValueError: a layer that the page cannot compute, by name.
    """
    layers, specs, rows = flat_layers(generator), [], []
    shape: tuple[int, ...] = (generator.config["latent_dim"],)
    norms: list[nn.Module | None] = []  # folded into the layer before them
    for i, layer in enumerate(layers):
        if isinstance(layer, WEIGHTED):
            norms.append(norm_behind(layers[i:]))
            rows += [part.float().flatten() for part in folded(layer, norms[-1])]
        if layer not in norms:
            spec, shape = described(layer, shape)
            specs += [spec] if spec else []
    return specs, torch.cat(rows)


def described(layer: nn.Module, shape: tuple[int, ...]) -> tuple[dict[str, Any] | None, tuple[int, ...]]:
    """One layer as plain data, None if it computes nothing, and the shape that it makes of ``shape``."""
    if isinstance(layer, nn.Linear):
        return {"kind": "linear", "in": layer.in_features, "out": layer.out_features}, (layer.out_features,)
    if isinstance(layer, (nn.Conv2d, nn.ConvTranspose2d)):
        return described_convolution(layer, shape)
    if isinstance(layer, nn.Unflatten):
        return None, tuple(layer.unflattened_size)
    if isinstance(layer, nn.Upsample) and layer.mode == "nearest":
        factor, (depth, height, width) = int(layer.scale_factor), shape
        return {"kind": "upsample", "shape": shape, "factor": factor}, (depth, height * factor, width * factor)
    if isinstance(layer, (nn.LeakyReLU, nn.ReLU)):
        return {"kind": "leaky", "slope": getattr(layer, "negative_slope", 0.0)}, shape
    if isinstance(layer, nn.Tanh):
        return {"kind": "tanh"}, shape
    raise ValueError(f"the page cannot compute {type(layer).__name__}: it knows dense and small convolutional nets")


def described_convolution(
    layer: nn.Conv2d | nn.ConvTranspose2d, shape: tuple[int, ...]
) -> tuple[dict[str, Any], tuple[int, ...]]:
    """A convolution, and the shape of its maps."""
    (kernel, _), (stride, _), (padding, _) = layer.kernel_size, layer.stride, layer.padding
    if isinstance(layer, nn.Conv2d):
        kind, sides = "conv", [(side + 2 * padding - kernel) // stride + 1 for side in shape[1:]]
    else:
        extra = layer.output_padding[0]
        kind, sides = "upconv", [(side - 1) * stride - 2 * padding + kernel + extra for side in shape[1:]]
    result = (layer.out_channels, *sides)
    facts = {"kernel": kernel, "stride": stride, "padding": padding, "shape": shape, "result": result}
    return {"kind": kind, **facts}, result


def playground_page(generator: Network, directions: int = 8) -> str:
    """The HTML of a page in which this generator runs; ValueError for a layer that the page cannot compute."""
    specs, weights = describe_network(generator.eval())
    halves = weights.half()
    if not halves.isfinite().all():
        raise ValueError("a weight is too large for half precision: train with a lower rate, or check for divergence")
    model = {
        "latent_dim": generator.config["latent_dim"],
        "latent": generator.config["latent"],
        "image_shape": generator.config["image_shape"],
        "directions": [[round(v, 5) for v in row] for row in principal_directions(generator, directions).tolist()],
        "layers": specs,
        "weights": base64.b64encode(halves.numpy().astype("<f2").tobytes()).decode(),
    }
    return PAGE.read_text(encoding="utf-8").replace("@@MODEL@@", json.dumps(model, separators=(",", ":")))


def write_playground(generator: Network, path: Path) -> None:
    """Write the page: all of it or nothing."""
    write_atomically(path, playground_page(generator).encode())


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--weights", type=Path, help="a generator's file; default: the digits that ship")
    parser.add_argument("--out", type=Path, default=environment.ASSETS / "playground.html")
    options = parser.parse_args(arguments)
    try:
        generator, _ = load_network(options.weights) if options.weights else load_shipped("mnist_generator")
        write_playground(generator, options.out)
    except (CheckpointError, ValueError) as error:
        raise SystemExit(str(error)) from error
    print(f"wrote {options.out}, {options.out.stat().st_size / 1e6:.1f} MB")


if __name__ == "__main__":
    main()
