"""Notebook 18: right and wrong forms of every answer, in the styles that readers write."""

from __future__ import annotations

import numpy as np
import torch

from gan_helpers.training import squared_gradient

RIGHT: dict[str, list] = {}
WRONG: dict[str, list] = {}


# --- whole gradient ----------------------------------------------------------------------------------


def whole_by_loop(gradients, counts):
    total = [0.0] * gradients.shape[1]
    for row, n in zip(gradients.tolist(), counts.tolist(), strict=True):
        total = [a + n * b for a, b in zip(total, row, strict=True)]
    return [a / sum(counts.tolist()) for a in total]


RIGHT["whole gradient"] = [
    whole_by_loop,
    lambda g, c: np.average(g.numpy(), axis=0, weights=c.numpy()),
    lambda g, c: c.to(g.dtype) @ g / c.sum(),
    lambda g, c: ((c / c.sum()).unsqueeze(1) * g).sum(0),
    lambda g, c: torch.einsum("r,rp->p", c / c.sum(), g),
    lambda g, c: g.repeat_interleave(c, 0).mean(0),
    lambda g, c: (g.T * c).sum(1).div(c.sum()).double(),
]
WRONG["whole gradient"] = [
    lambda g, c: g.mean(0),
    lambda g, c: g.sum(0),
    lambda g, c: (g * c[:, None]).sum(0),
    lambda g, c: (g * c[:, None]).mean(0),
    lambda g, c: g.sum(0) / c.sum(),
    lambda g, c: (g / c[:, None]).mean(0),
    lambda g, c: (g * c[:, None]).sum(1) / c.sum(),
    lambda g, c: (g * c[:, None]).sum() / c.sum(),
    lambda g, c: g[c.argmax()],
    lambda g, c: (g / c[:, None]).sum(0) / (1 / c).sum(),
    lambda g, c: torch.softmax(c.float(), 0) @ g,
    lambda g, c: g * c[:, None] / c.sum(),
    lambda g, c: -(g * c[:, None]).sum(0) / c.sum(),
]


# --- shard -------------------------------------------------------------------------------------------


def shard_by_loop(order, rank, count):
    each = len(order) // count
    return [int(order[rank + count * i]) for i in range(each)]


RIGHT["shard"] = [
    shard_by_loop,
    lambda order, rank, count: order[rank::count][: len(order) // count],
    lambda order, rank, count: order[: len(order) - len(order) % count].view(-1, count)[:, rank],
    lambda order, rank, count: order.numpy()[: len(order) // count * count].reshape(-1, count).T[rank],
    lambda order, rank, count: order[torch.arange(len(order) // count) * count + rank],
    lambda order, rank, count: order[: len(order) // count * count].unflatten(0, (-1, count)).unbind(1)[rank],
    lambda order, rank, count: [x for i, x in enumerate(order.tolist()) if i % count == rank][: len(order) // count],
]
WRONG["shard"] = [
    lambda order, rank, count: order[rank::count],
    lambda order, rank, count: order.chunk(count)[rank],
    lambda order, rank, count: order.view(count, -1)[rank] if len(order) % count == 0 else order[rank::count],
    lambda order, rank, count: order[rank * (len(order) // count) : (rank + 1) * (len(order) // count)],
    lambda order, rank, count: order,
    lambda order, rank, count: order[::count][: len(order) // count],
    lambda order, rank, count: order[len(order) % count :][rank::count],
    lambda order, rank, count: torch.arange(len(order))[rank::count][: len(order) // count],
    lambda order, rank, count: order.sort().values[rank::count][: len(order) // count],
    lambda order, rank, count: order[count - 1 - rank :: count][: len(order) // count],
    lambda order, rank, count: order[rank],
    lambda order, rank, count: order[torch.randperm(len(order))][rank::count][: len(order) // count],
]


# --- complete R1 -------------------------------------------------------------------------------------


def r1_of(discriminator, images, graph=True):
    images = images.detach().clone().requires_grad_()
    (slope,) = torch.autograd.grad(discriminator(images).sum(), images, create_graph=graph)
    return slope.flatten(1).pow(2).sum(1).mean() / 2


def r1_over_weights(discriminator, images):
    return r1_of(discriminator, images) + sum(0 * weight.sum() for weight in discriminator.parameters())


def r1_one_pass(discriminator, images):
    images = images.requires_grad_()
    logits = discriminator(images)
    (slope,) = torch.autograd.grad(logits.sum(), images, create_graph=True)
    return slope.square().sum() / (2 * len(images)) + 0 * logits.mean()


def r1_by_parts(discriminator, images):
    total = 0
    for image in images:
        total = total + r1_of(discriminator, image[None]) / len(images)
    return total + (discriminator(images) * 0).sum()


def r1_backward(discriminator, images):
    images = images.requires_grad_()
    discriminator(images).sum().backward(create_graph=True)
    return images.grad.flatten(1).square().sum(1).mean() / 2 + 0 * discriminator(images).sum()


RIGHT["complete R1"] = [
    r1_over_weights,
    r1_one_pass,
    r1_by_parts,
    lambda d, x: r1_of(d, x) + 0 * d(x).sum(),
    lambda d, x: squared_gradient(d, x) + (d(x) - d(x)).mean(),
    lambda d, x: r1_of(d, x) + 0.0 * torch.cat([w.flatten() for w in d.parameters()]).sum(),
    lambda d, x: (r1_of(d, x) + d(x).sum() * 0).reshape(1),
]
WRONG["complete R1"] = [
    r1_backward,
    lambda d, x: r1_of(d, x),
    lambda d, x: r1_of(d, x) + d(x).sum(),
    lambda d, x: r1_of(d, x) + d(x).mean(),
    lambda d, x: 2 * r1_of(d, x) + 0 * d(x).sum(),
    lambda d, x: len(x) * r1_of(d, x) + 0 * d(x).sum(),
    lambda d, x: r1_of(d, x).item(),
    lambda d, x: r1_of(d, x).detach() + 0 * d(x).sum(),
    lambda d, x: r1_of(d, x, graph=False),
    lambda d, x: 0 * d(x).sum(),
    lambda d, x: r1_of(d, x) + 0 * d(x).sum().detach(),
    lambda d, x: r1_of(d, x) + 0 * d(x),
    lambda d, x: r1_of(d, x) + d(x).sum() - d(x).sum().detach(),
]
