"""A generator as one HTML file that runs without a kernel: python assets/make/playground.py [--weights FILE]

Any generator of dense or small convolutional layers will do. The weights are stored in half precision; batch norm is
folded into the layer before it, since in evaluation mode it is linear. Where ``edges_to_faces.safetensors`` lies among
the weights that ship, the page has a second panel, in which that U-Net makes a face of what the reader draws.
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
from gan_helpers.data import CHANCES, FACTORS, draw_faces, edge_map, sample_factors, scale_pixels
from gan_helpers.data.edges import grown
from gan_helpers.latent import principal_directions
from gan_helpers.models import UNet, apply
from gan_helpers.viz.pictures import png_bytes
from gan_helpers.widgets.canvas import PIXELS_SCRIPT, data_url

PAGE = Path(__file__).with_name("playground_page.html")
TRANSLATOR = environment.ASSETS / "weights" / "edges_to_faces.safetensors"
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


class Keep(nn.Module):
    """In a list of layers: what is here is handed over a U-Net's valley."""


class Join(nn.Module):
    """In a list of layers: what was kept last, of ``shape``, is put behind what is here."""

    def __init__(self, shape: tuple[int, ...]) -> None:
        super().__init__()
        self.shape = shape


def describe_unet(unet: UNet) -> tuple[list[dict[str, Any]], Tensor]:
    """The layers of a U-Net as plain data, and all their weights in one row.

    Raises:
        ValueError: a residual one, or one without skips.
    """
    if not unet.skips or unet.residual:
        raise ValueError("the page knows U-Nets with skips that end in tanh: not skips=False, not residual=True")
    _, height, width = unet.config["image_shape"]
    layers, kept = [*unet.first], []
    for level, down in enumerate(unet.down):
        kept.append((down[0].in_channels, height >> level, width >> level))
        layers += [Keep(), *down]
    for up in reversed(unet.up):
        layers += [nn.Upsample(scale_factor=2), Join(kept.pop()), *up]
    specs, rows, shape = [], [], (unet.first[0].in_channels, height, width)
    for layer in [*layers, unet.last, nn.Tanh()]:
        spec, shape = described(layer, shape)
        specs.append(spec)
        rows += [part.detach().flatten() for part in layer.parameters()]
    return specs, torch.cat(rows)


def described(layer: nn.Module, shape: tuple[int, ...]) -> tuple[dict[str, Any] | None, tuple[int, ...]]:
    """One layer as plain data, None if it computes nothing, and the shape that it makes of ``shape``."""
    if isinstance(layer, nn.Linear):
        return {"kind": "linear", "in": layer.in_features, "out": layer.out_features}, (layer.out_features,)
    if isinstance(layer, (nn.Conv2d, nn.ConvTranspose2d)):
        return described_convolution(layer, shape)
    if isinstance(layer, nn.GroupNorm) and layer.num_groups == 1:
        return {"kind": "norm", "channels": layer.num_channels, "eps": layer.eps}, shape
    if isinstance(layer, Keep):
        return {"kind": "keep"}, shape
    if isinstance(layer, Join):
        return {"kind": "join"}, (shape[0] + layer.shape[0], *shape[1:])
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


def encoded(weights: Tensor) -> str:
    """Weights in half precision as text."""
    halves = weights.half()
    if not halves.isfinite().all():
        raise ValueError("a weight is too large for half precision: train with a lower rate, or check for divergence")
    return base64.b64encode(halves.numpy().astype("<f2").tobytes()).decode()


def drawings(unet: UNet, pen: int, candidates: int = 200) -> Tensor:
    """Edges of drawn faces to begin with, uint8 (5, 1, H, W): of each kind the face that is translated best.

    The kinds are faces with none of the four things that may be there, and with one of them alone. What counts is the
    middle half, since no line tells the colour of the ground.
    """
    factors, side = sample_factors(candidates, seed=99), unet.config["image_shape"][1]
    faces, middle = draw_faces(factors, side), slice(side // 4, side - side // 4)
    edges = edge_map(faces)
    for _ in range(pen // 2):
        edges = grown(edges > 0).byte() * 255
    errors = (apply(unet, edges) - scale_pixels(faces)).abs()[..., middle, middle].flatten(1).mean(1)
    there = factors[:, [FACTORS.index(name) for name in CHANCES]]
    kinds = [there.sum(1) == 0, *((there.sum(1) == 1) & (column == 1) for column in there.T)]
    return edges[[int(errors.where(kind, errors.new_tensor(9.0)).argmin()) for kind in kinds]]


def translator_model(unet: UNet, pen: int) -> dict[str, Any]:
    """What the page needs of a U-Net from drawings to colours; ``pen`` is the side in pixels of what draws."""
    specs, weights = describe_unet(unet.eval())
    return {
        "image_shape": unet.config["image_shape"],
        "pen": pen,
        "drawings": [data_url(png_bytes(drawing, effort=9)) for drawing in drawings(unet, pen)],
        "layers": specs,
        "weights": encoded(weights),
    }


def playground_page(generator: Network, directions: int = 8, translator: dict[str, Any] | None = None) -> str:
    """The HTML of a page in which this generator runs, and a ``translator_model``, if there is one.

    Raises:
        ValueError: a layer that the page cannot compute.
    """
    specs, weights = describe_network(generator.eval())
    model = {
        "latent_dim": generator.config["latent_dim"],
        "latent": generator.config["latent"],
        "image_shape": generator.config["image_shape"],
        "directions": [[round(v, 5) for v in row] for row in principal_directions(generator, directions).tolist()],
        "layers": specs,
        "weights": encoded(weights),
    } | ({} if translator is None else {"translator": translator})
    page = PAGE.read_text(encoding="utf-8").replace("@@MODEL@@", json.dumps(model, separators=(",", ":")))
    return page.replace("@@PIXELS@@", PIXELS_SCRIPT.read_text(encoding="utf-8").replace("export default", "return"))


def write_playground(generator: Network, path: Path, translator: dict[str, Any] | None = None) -> None:
    """Write the page: all of it or nothing."""
    write_atomically(path, playground_page(generator, translator=translator).encode())


def load_translator(path: Path = TRANSLATOR) -> dict[str, Any] | None:
    """The ``translator_model`` of a file; None where there is none."""
    if not path.is_file():
        return None
    unet, facts = load_network(path, UNet)
    return translator_model(unet, int(facts.get("pen", 1)))


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--weights", type=Path, help="a generator's file; default: the digits that ship")
    parser.add_argument("--out", type=Path, default=environment.ASSETS / "playground.html")
    options = parser.parse_args(arguments)
    try:
        generator, _ = load_network(options.weights) if options.weights else load_shipped("mnist_generator")
        write_playground(generator, options.out, load_translator())
    except (CheckpointError, ValueError) as error:
        raise SystemExit(str(error)) from error
    print(f"wrote {options.out}, {options.out.stat().st_size / 1e6:.1f} MB")


if __name__ == "__main__":
    main()
