"""From a picture back to latent space: what a drawn or uploaded picture becomes, and the search for its nearest z."""

from __future__ import annotations

import copy
import time
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import torch
from PIL import Image, ImageOps
from torch import Tensor

from gan_helpers.checkpoints import Network
from gan_helpers.latent.points import is_uniform, random_points
from gan_helpers.models.sampling import generate


def fit_picture(image: Image.Image, shape: tuple[int, ...], dark_ground: bool = True) -> Tensor:
    """A drawn or uploaded picture as a generator's ``shape`` (C, H, W) would show it: (1, C, H, W) in [-1, 1].

    It is cropped to the shape's proportions. A grey picture is inverted where its border says that it stands on the
    other ground than the generator's pictures do: digits are bright on a ``dark_ground``. For 28x28 grey, a picture
    of another size is treated as MNIST's digits were: the ink scaled to fit 20x20, its centre of mass in the middle.

    Raises:
        ValueError: a 28x28 digit is wanted, but nothing is drawn.
    """
    channels, height, width = shape
    image = _on_white(_upright(image)).convert("L" if channels == 1 else "RGB")
    if channels == 1 and (_border(image) < 128) != dark_ground:
        image = ImageOps.invert(image)
    if tuple(shape) == (1, 28, 28) and dark_ground and image.size != (28, 28):
        image = _like_mnist(image)
    else:
        image = ImageOps.fit(image, (width, height), Image.Resampling.LANCZOS)
    pixels = torch.from_numpy(np.array(image, dtype=np.float32)).view(height, width, channels)
    return pixels.permute(2, 0, 1)[None] / 127.5 - 1  # (H, W, C) -> (1, C, H, W)


def _upright(image: Image.Image) -> Image.Image:
    """Turned as its camera says; as it lies where what the camera wrote cannot be read."""
    try:
        return ImageOps.exif_transpose(image)
    except Exception:  # whatever a malformed entry raises: the pixels are there
        return image


def _on_white(image: Image.Image) -> Image.Image:
    """Eight bits a channel, transparent parts white."""
    if image.mode.startswith("I"):  # 16-bit grey, which convert() would clip instead of scaling
        return Image.fromarray((np.asarray(image) / 256).clip(0, 255).astype(np.uint8))
    image = image.convert("RGBA")
    return Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)


def _border(image: Image.Image) -> float:
    pixels = np.asarray(image)
    return float(np.median(np.concatenate([pixels[0], pixels[-1], pixels[:, 0], pixels[:, -1]])))


def _like_mnist(image: Image.Image) -> Image.Image:
    """Bright ink on a dark ground: scaled to fit 20x20, then shifted so that its mass is centred in 28x28."""
    ink = (np.asarray(image, dtype=np.float32) - _border(image)).clip(min=0)
    if ink.max() < 32:
        raise ValueError("nothing is drawn: draw a digit, or upload a picture of one")
    ink *= 255 / ink.max()
    ys, xs = np.nonzero(ink > 64)
    ink = Image.fromarray(ink.astype(np.uint8)).crop((xs.min(), ys.min(), xs.max() + 1, ys.max() + 1))
    scale = 20 / max(ink.size)
    ink = ink.resize([max(1, round(side * scale)) for side in ink.size], Image.Resampling.LANCZOS)
    mass = np.asarray(ink, dtype=np.float32)
    ys, xs = np.indices(mass.shape) + 0.5  # a pixel's mass lies in its middle
    x, y = (round(14 - float((mass * axis).sum() / mass.sum())) for axis in (xs, ys))
    sheet = Image.new("L", (28, 28))
    sheet.paste(ink, (min(max(x, 0), 28 - ink.width), min(max(y, 0), 28 - ink.height)))
    return sheet


class Found(NamedTuple):
    """A stage of the search: its step, 0 for the best start, and the best so far."""

    step: int
    latents: Tensor  # (1, latent_dim)
    error: float  # the mean squared difference of pixels
    label: int | None  # the class, of a conditional generator


def find_latents(
    generator: Network,
    target: Tensor,
    steps: int = 400,
    starts: int = 500,
    seconds: float = 5.0,
    labels: Tensor | None = None,
    pull: float = 0.02,
    seed: int = 0,
) -> Iterator[Found]:
    """Search for the z whose picture is nearest to ``target`` (1, C, H, W) in [-1, 1]; yields each stage.

    The best 8 of ``starts`` random points descend together with Adam on the mean squared difference of pixels. A
    small ``pull`` draws each length |z| to that of random z, so the search stays where G was trained. Ends after
    ``steps`` or ``seconds``, whichever comes first. ``labels`` (K,) are the classes of a conditional generator in
    which it searches. Source: Creswell and Bharath, *Inverting the Generator of a GAN*, arXiv 1611.05644.

    Raises:
        ValueError: the target has another shape than the generator's pictures.
    """
    began = time.perf_counter()
    twin = copy.deepcopy(generator).eval().requires_grad_(False)  # the caller's own is never touched
    points = random_points(twin, seed, starts)
    if labels is not None:
        labels = labels.repeat(len(points) // len(labels) + 1)[: len(points)]  # each start stays in its class
    latents, labels, least = _best_starts(twin, target, points, labels, began + seconds / 5)
    best, adam = latents[:1].clone(), _Adam(latents)
    label = None if labels is None else int(labels[0])
    yield Found(0, best, least, label)
    for step in range(1, steps + 1):
        spent = max((step - 1) / steps, (time.perf_counter() - began) / seconds)
        if spent >= 1:
            return
        errors, slopes = _slopes(twin, target, latents, labels, pull)
        if errors.min() < least:
            nearest = int(errors.argmin())
            best, least = latents[nearest][None], float(errors[nearest])
            label = None if labels is None else int(labels[nearest])
        latents = adam.step(latents, slopes, rate=0.15 * (1 - spent))  # lands softly, whichever budget ends it
        latents = latents.clamp(-1, 1) if is_uniform(twin) else latents
        yield Found(step, best, least, label)


class _Adam:
    """Adam (Kingma and Ba, arXiv 1412.6980). The first of torch's own takes a second to make, of our five."""

    def __init__(self, values: Tensor) -> None:
        self.mean, self.square, self.steps = torch.zeros_like(values), torch.zeros_like(values), 0

    def step(self, values: Tensor, slopes: Tensor, rate: float) -> Tensor:
        self.steps += 1
        self.mean = torch.lerp(self.mean, slopes, 0.1)
        self.square = torch.lerp(self.square, slopes.square(), 0.001)
        mean, square = self.mean / (1 - 0.9**self.steps), self.square / (1 - 0.999**self.steps)
        return values - rate * mean / (square.sqrt() + 1e-8)


def _best_starts(
    generator: Network, target: Tensor, points: Tensor, labels: Tensor | None, until: float, keep: int = 8
) -> tuple[Tensor, Tensor | None, float]:
    """The points (keep, latent_dim) with the nearest pictures, best first, their labels (keep,), the least error."""
    errors: list[Tensor] = []
    for i, part in enumerate(points.split(50)):  # a slow generator gets through fewer in its time
        images = generate(generator, part, None if labels is None else labels.split(50)[i])
        if images.shape[1:] != target.shape[1:]:
            raise ValueError(
                f"the target is {tuple(target.shape)}, the pictures {tuple(images.shape)}: use fit_picture"
            )
        errors.append((images - target).pow(2).mean(dim=(1, 2, 3)))
        if time.perf_counter() > until:
            break
    order = torch.cat(errors).argsort()[:keep]
    return points[order].clone(), None if labels is None else labels[order], float(torch.cat(errors)[order[0]])


@torch.enable_grad()
def _slopes(
    generator: Network, target: Tensor, latents: Tensor, labels: Tensor | None, pull: float
) -> tuple[Tensor, Tensor]:
    """The error of each row of ``latents``, and the gradient of error and pull (N, latent_dim)."""
    latents = latents.detach().requires_grad_()
    inputs = (latents,) if labels is None else (latents, labels)
    errors = (generator(*inputs) - target).pow(2).mean(dim=(1, 2, 3))
    usual = latents.shape[1] / (3 if is_uniform(generator) else 1)  # the mean of |z|^2
    loss = errors + pull * (latents.pow(2).sum(1) / usual - 1).pow(2)
    (slopes,) = torch.autograd.grad(loss.sum(), latents)  # a row's gradient depends on that row alone
    return errors.detach(), slopes
