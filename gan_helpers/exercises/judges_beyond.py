"""The judges behind the exercises of notebooks 08 to 11: labels, colour, faces, video."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
import torch.nn.functional as F

from gan_helpers.exercises.judges import call, differs, exercise
from gan_helpers.latent.paths import slerp

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


# --- notebook 10 --------------------------------------------------------------------------------------


@exercise("without others", "what is left is at right angles to all others, so their linear factors stay put.")
def _without_others(answer: Any) -> str | None:
    direction, others = torch.randn(7), torch.randn(3, 7)
    others[1] = others[0] + 0.3 * others[1]  # far from right angles
    found = torch.as_tensor(call(answer, direction, others))
    if found.shape != direction.shape:
        return f"the answer has shape {tuple(found.shape)}; it should be one vector, {tuple(direction.shape)}."
    rest = direction - others.T @ torch.linalg.lstsq(others.T, direction).solution
    if not differs(found, rest) and differs(found, rest / rest.norm()):
        return "the direction is right, its length is not: divide by its norm."
    along = (others @ found).abs().max()
    if along > 1e-3:
        return (
            f"the scalar product with one of the others is still {along:.2f}. They are not at right angles to each "
            "other: taking them away one by one brings parts back. Make an orthogonal basis of them first (QR)."
        )
    return None if not differs(found, rest / rest.norm()) else "that is at right angles to them, but not what is left."


@exercise("true share", "seen = share * hit + (1 - share) * false_alarm, solved for the share.")
def _true_share(answer: Any) -> str | None:
    for share, hit, false_alarm in ((0.1, 0.9, 0.02), (0.5, 0.8, 0.3), (0.0, 0.95, 0.1), (1.0, 0.7, 0.05)):
        seen = share * hit + (1 - share) * false_alarm
        found = float(call(answer, seen, hit, false_alarm))
        if abs(found - share) > 1e-4:
            case = f"hit {hit}, false_alarm {false_alarm}: if {share:.0%} have a hat, it is seen on {seen:.1%}"
            return f"{case}; you say {found:.1%}. Write seen as a sum over those with a hat and those without."
    for seen, bound in ((0.01, 0.0), (0.99, 1.0)):  # by chance in the sample
        found = float(call(answer, seen, 0.9, 0.05))
        if found != bound:
            return (
                f"for seen = {seen}, hit 0.9 and false_alarm 0.05 you say {found:.2f}: no share is below 0 or above 1."
            )
    return None


# --- notebook 11 --------------------------------------------------------------------------------------


@exercise("closed way", "each leg leaves out its end, which is the next leg's start: no frame is shown twice in a row.")
def _closed_way(answer: Any) -> str | None:
    for legs, frames in ((3, 4), (5, 2)):
        corners, shares = torch.randn(legs, 12), [i / frames for i in range(frames)]
        found = torch.as_tensor(call(answer, corners, frames))
        straight, arcs = (
            torch.stack([way(a, b, t) for a, b in zip(corners, corners.roll(-1, 0), strict=True) for t in shares])
            for way in (torch.lerp, slerp)
        )
        if len(found) == legs * (frames + 1):
            return "each corner comes twice: the end of a leg is the start of the next, so leave t = 1 out."
        if len(found) == (legs - 1) * frames:
            return "the way is open: one more leg leads from the last corner back to the first."
        if found.shape != arcs.shape:
            return f"{legs} corners, {frames} frames a leg: the shape is {tuple(found.shape)}, not {tuple(arcs.shape)}."
        if not differs(found, straight):
            return "straight lines: in the middle of a leg z is too short. Take slerp(a, b, t)."
        if differs(found, arcs, 1e-3):
            return f"the points are others: from corner to corner, t = {', '.join(f'{t:g}' for t in shares)}."
    return None


@exercise("even pace", "the way travelled, read backwards: from equal shares to the moments when they are reached.")
def _even_pace(answer: Any) -> str | None:
    for distances in (torch.tensor([1.0, 3.0, 2.0, 2.0]), 0.1 + torch.rand(9)):
        n = len(distances)
        found = torch.as_tensor(call(answer, distances)).float()
        travelled = torch.cat([torch.zeros(1), distances.cumsum(0)]) / distances.sum()
        right, late = (
            torch.from_numpy(np.interp(torch.arange(n) / steps, travelled, range(n + 1))).float()
            for steps in (n, n - 1)
        )
        if found.shape != right.shape:
            return f"for {n} distances the shape is {tuple(found.shape)}; it should be one moment a frame, ({n},)."
        if not differs(found, n * travelled[:-1], 1e-3):
            return "that is the way travelled at each frame; asked is the moment of each share of the way: the inverse."
        if not differs(found, late, 1e-3):
            return (
                "your last moment is the first again: on a loop, n frames stand total / n apart, not total / (n - 1)."
            )
        if differs(found, right, 1e-3):
            return f"for distances {distances[:4].tolist()} you begin {found[:4].tolist()}, not {right[:4].tolist()}."
    return None


@exercise("swap codes", "a row is one digit on all ways, a column one way for all digits: two codes, apart.")
def _swap_codes(answer: Any) -> str | None:
    latents, motion_dim = torch.randn(3, 7), 2
    found = torch.as_tensor(call(answer, latents, motion_dim))
    content, motion = latents[:, :-motion_dim], latents[:, -motion_dim:]
    grid = torch.cat([content[torch.arange(9) // 3], motion[torch.arange(9) % 3]], 1)
    if found.shape != grid.shape:
        return f"3 latent vectors of 7 numbers: the shape is {tuple(found.shape)}, it should be (9, 7), row after row."
    if not differs(found, grid.view(3, 3, 7).transpose(0, 1).flatten(0, 1)):
        return "that is one digit a column: in a row the content stays and the motion changes."
    if torch.equal(found, latents[torch.arange(9) // 3]) or torch.equal(found, latents[torch.arange(9) % 3]):
        return "whole vectors are repeated: split each into content and motion first, and join them anew."
    return None if not differs(found, grid) else "the motion code is the last motion_dim numbers, content the others."
