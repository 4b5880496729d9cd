"""The judges behind the exercises of notebooks 08 to 11: labels, colour, faces, video."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F

from gan_helpers.judges import call, differs, exercise

# --- notebook 08 --------------------------------------------------------------------------------------


@exercise("projection logit", "one vector a class, one scalar product: the label speaks about features, not pixels.")
def _projection_logit(answer: Any) -> str | None:
    features, vectors, rest, labels = torch.randn(6, 4), torch.randn(3, 4), torch.randn(6), torch.arange(6) % 3
    found = torch.as_tensor(call(answer, features, labels, vectors, rest))
    products = (vectors[labels] * features).sum(1)
    if found.shape != rest.shape:
        return f"the answer has shape {tuple(found.shape)}; it should be one logit a picture, {tuple(rest.shape)}."
    if not differs(found, products):
        return "that is the label's part alone: add rest, what D says of the picture whatever its label."
    return None if not differs(found, rest + products) else "multiply vectors[labels] by features, sum over dim 1."


@exercise("class agreement", "one number can hide a class that fails: 97 % may be nine at 100 % and one at 70 %.")
def _class_agreement(answer: Any) -> str | None:
    asked, read = torch.tensor([0, 0, 0, 0, 1, 1, 2, 2, 2, 2]), torch.tensor([0, 0, 0, 1, 1, 1, 2, 2, 0, 1])
    found, right = torch.as_tensor(call(answer, read, asked, 3)), torch.tensor([0.75, 1.0, 0.5])
    if found.shape != right.shape:
        return f"the answer has shape {tuple(found.shape)}; it should be one share a class, (3,)."
    if not differs(found, torch.tensor([0.75, 0.5, 1.0])):
        return "you divide by how often a class is read: divide by how often it was asked for."
    return None if not differs(found, right) else f"you give {found.tolist()}, it should be {right.tolist()}."


@exercise("style grid", "each z is repeated for all classes, the classes run through for each z: a row is one hand.")
def _style_grid(answer: Any) -> str | None:
    latents = torch.randn(3, 5)
    pair = call(answer, latents, 4)
    if not isinstance(pair, tuple) or [tuple(part.shape) for part in pair] != [(12, 5), (12,)]:
        return "give two tensors: 12 latent vectors of 5 numbers and 12 labels, for 3 styles of 4 classes."
    if not torch.equal(pair[1], torch.arange(12) % 4):
        return f"the labels are {pair[1].tolist()}: along a row they run 0 1 2 3, and each row begins anew."
    if differs(pair[0], latents[torch.arange(12) // 4]):
        return "the latent vectors change along a row: repeat each one for its four classes (repeat_interleave)."
    return None


# --- notebook 09 --------------------------------------------------------------------------------------


@exercise("convolution side", "that many places fit along the padded side, the first one included.")
def _convolution_side(answer: Any) -> str | None:
    for n, kernel, stride, padding in ((32, 4, 2, 1), (28, 5, 1, 0), (9, 3, 2, 0), (10, 3, 3, 2), (7, 4, 2, 0)):
        found = call(answer, n, kernel, stride, padding)
        expected = F.conv2d(torch.zeros(1, 1, n, n), torch.zeros(1, 1, kernel, kernel), None, stride, padding).shape[-1]
        if found != expected:
            case = f"side {n}, kernel {kernel}, stride {stride}, padding {padding}"
            return f"{case}: you say {found}, PyTorch {expected}. Padding is on both sides; round down, then add 1."
    return None


@exercise("zeros between", "stamps are a convolution of a spread-out picture: the two views are one computation.")
def _zeros_between(answer: Any) -> str | None:
    for m, k in ((3, 2), (5, 3), (4, 4)):
        features, kernel = torch.randn(m, m), torch.randn(k, k)
        found = torch.as_tensor(call(answer, features, kernel))
        stamps, unturned = (
            F.conv_transpose2d(features[None, None], turned[None, None], stride=2)[0, 0]
            for turned in (kernel, kernel.flip(0, 1))
        )
        if found.shape != stamps.shape:
            return f"for m = {m} and k = {k} the shape is {tuple(found.shape)}, it should be {tuple(stamps.shape)}."
        if not differs(found, unturned):
            return "the kernel is not turned: F.conv2d slides it as it is, so flip both its sides first."
        if differs(found, stamps):
            return "the shape is right, the numbers are not: features at every second place, zeros elsewhere."
    return None


@exercise("even kernels", "a pixel gets size / stride stamps along each side: the same everywhere only for multiples.")
def _even_kernels(answer: Any) -> str | None:
    for stride, most in ((2, 7), (3, 10), (1, 3), (4, 3)):
        found = list(call(answer, stride, most))
        overlaps = {
            size: F.conv_transpose1d(torch.ones(1, 1, 40), torch.ones(1, 1, size), stride=stride)[
                0, 0, 20 : 20 + stride
            ]
            for size in range(1, most + 1)
        }
        for size, counts in overlaps.items():
            if (size in found) != bool((counts == counts[0]).all()):
                stamps = counts.int().tolist()
                return f"stride {stride}, size {size}: neighbouring pixels get {stamps} stamps. Is that even?"
    return None
