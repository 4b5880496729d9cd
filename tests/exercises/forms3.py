"""Forms of the answers to the exercises of notebooks 08 to 11."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise, product

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from gan_helpers.latent.paths import slerp

RIGHT: dict[str, list] = {}
WRONG: dict[str, list] = {}


# --- every label --------------------------------------------------------------------------------------


def labels_by_loop(features, vectors, rest):
    table = []
    for i in range(len(features)):
        table.append([float(rest[i] + (features[i] * vector).sum()) for vector in vectors])
    return table


def labels_one_class_at_a_time(features, vectors, rest):
    out = torch.zeros(len(features), len(vectors))
    for k in range(len(vectors)):
        out[:, k] = (features * vectors[k]).sum(1) + rest
    return out


RIGHT["every label"] = [
    labels_by_loop,
    labels_one_class_at_a_time,
    lambda f, v, rest: torch.einsum("nf,kf->nk", f, v) + rest.unsqueeze(1),
    lambda f, v, rest: (vectors_T := v.t()) is not None and f.matmul(vectors_T) + rest.reshape(-1, 1),
    lambda f, v, rest: f.numpy() @ v.numpy().T + rest.numpy()[:, None],
    lambda f, v, rest: torch.stack([rest + f @ vector for vector in v], dim=1),
    lambda f, v, rest: F.linear(f.double(), v.double()) + rest.double().view(-1, 1),
    lambda f, v, rest: (f[:, None] * v[None]).sum(-1) + rest[:, None].expand(-1, len(v)),
]
WRONG["every label"] = [
    lambda f, v, rest: f @ v.T,
    lambda f, v, rest: (rest[:, None] + f @ v.T).T,
    lambda f, v, rest: f @ v.T + rest,
    lambda f, v, rest: f @ v.T - rest[:, None],
    lambda f, v, rest: rest + (f @ v.T).sum(1),
    lambda f, v, rest: (rest[:, None] + f @ v.T).softmax(1),
    lambda f, v, rest: (rest[:, None] + f @ v.T).log_softmax(1),
    lambda f, v, rest: (rest[:, None] + f @ v.T).max(1),
    lambda f, v, rest: (rest[:, None] + f @ v.T).argmax(1),
    lambda f, v, rest: rest[:, None] * (f @ v.T),
    lambda f, v, rest: rest[:, None] + torch.cdist(f, v),
    lambda f, v, rest: rest[:, None] + F.cosine_similarity(f[:, None], v, dim=2),
    lambda f, v, rest: rest[:, None] + f @ F.normalize(v, dim=1).T,
    lambda f, v, rest: (rest[:, None] + f @ v.T).sigmoid(),
    lambda f, v, rest: rest.mean() + f @ v.T,
]


# --- class agreement ----------------------------------------------------------------------------------


def agreement_by_counting(read, asked, classes):
    asked_for, right = Counter(asked.tolist()), Counter()
    for r, a in zip(read.tolist(), asked.tolist(), strict=True):
        right[a] += r == a
    return [right[k] / asked_for[k] for k in range(classes)]


def agreement_scatter(read, asked, classes):
    hits = torch.zeros(classes).scatter_add_(0, asked, (read == asked).float())
    return hits / torch.bincount(asked, minlength=classes)


def agreement_table(read, asked, classes):
    table = torch.zeros(classes, classes)
    table.index_put_((asked, read), torch.ones(len(read)), accumulate=True)
    return (table / table.sum(1, keepdim=True)).diagonal()


RIGHT["class agreement"] = [
    agreement_by_counting,
    agreement_scatter,
    agreement_table,
    lambda read, asked, k: torch.bincount(asked[read == asked], minlength=k) / torch.bincount(asked, minlength=k),
    lambda read, asked, k: np.array([(read.numpy() == i)[asked.numpy() == i].mean() for i in range(k)]),
    lambda read, asked, k: (
        (F.one_hot(asked, k) * (read == asked)[:, None]).sum(0).double() / F.one_hot(asked, k).sum(0)
    ),
    lambda read, asked, k: tuple(((read == asked) & (asked == i)).sum() / (asked == i).sum() for i in range(k)),
    lambda read, asked, k: torch.stack([(read == asked)[asked == i].half().mean() for i in range(k)]),
]
WRONG["class agreement"] = [
    lambda read, asked, k: (read == asked).float().mean(),
    lambda read, asked, k: torch.stack([(asked[read == i] == i).float().mean() for i in range(k)]),
    lambda read, asked, k: torch.bincount(asked[read == asked], minlength=k),
    lambda read, asked, k: torch.bincount(asked[read == asked], minlength=k) / len(asked),
    lambda read, asked, k: torch.bincount(read, minlength=k) / torch.bincount(asked, minlength=k),
    lambda read, asked, k: 1 - agreement_scatter(read, asked, k),
    lambda read, asked, k: torch.ones(k),
    lambda read, asked, k: agreement_scatter(read, asked, k)[:-1],
    lambda read, asked, k: [(read[asked == i] == i).float().mean() for i in range(1, k + 1)],
    lambda read, asked, k: torch.bincount(asked[read == asked]) // torch.bincount(asked, minlength=k),
    lambda read, asked, k: torch.stack([(read == i).float().mean() for i in range(k)]),
    lambda read, asked, k: agreement_scatter(read, asked, k).flip(0),
    lambda read, asked, k: 100 * agreement_scatter(read, asked, k),
    lambda read, asked, k: agreement_scatter(read, asked, 10),
    lambda read, asked, k: agreement_scatter(read, asked, k).min(),
]


# --- label sheet --------------------------------------------------------------------------------------


def sheet_by_loop(latents, classes):
    rows, labels = [], []
    for k in range(classes):
        for z in latents:
            rows.append(z)
            labels.append(k)
    return torch.stack(rows), torch.tensor(labels)


def sheet_by_product(latents, classes):
    places = list(product(range(classes), range(len(latents))))
    return latents[[i for _, i in places]], torch.LongTensor([k for k, _ in places])


RIGHT["label sheet"] = [
    sheet_by_loop,
    sheet_by_product,
    lambda z, k: (torch.cat([z] * k), torch.arange(k)[:, None].expand(k, len(z)).flatten()),
    lambda z, k: [z.repeat(k, 1), torch.arange(k * len(z)) // len(z)],
    lambda z, k: (z.expand(k, -1, -1).reshape(-1, z.shape[1]), torch.arange(k).repeat(len(z), 1).T.reshape(-1)),
    lambda z, k: (z[torch.arange(k * len(z)) % len(z)], torch.from_numpy(np.repeat(np.arange(k), len(z))).long()),
    lambda z, k: (torch.tile(z, (k, 1)), torch.cat([torch.full((len(z),), i) for i in range(k)])),
]
WRONG["label sheet"] = [
    lambda z, k: (z.repeat_interleave(k, 0), torch.arange(k).repeat(len(z))),
    lambda z, k: (z.repeat(k, 1), torch.arange(k).repeat(len(z))),
    lambda z, k: (z.repeat_interleave(k, 0), torch.arange(k).repeat_interleave(len(z))),
    lambda z, k: (z.repeat(k, 1), torch.arange(k).repeat_interleave(len(z)).float()),
    lambda z, k: (z.repeat(k, 1), torch.arange(k).repeat_interleave(len(z)).int()),
    lambda z, k: (z.repeat(k, 1), [i for i in range(k) for _ in z]),
    lambda z, k: (z.repeat(k, 1).numpy(), torch.arange(k).repeat_interleave(len(z))),
    lambda z, k: (torch.arange(k).repeat_interleave(len(z)), z.repeat(k, 1)),
    lambda z, k: z.repeat(k, 1),
    lambda z, k: (z.repeat(k, 1), torch.arange(1, k + 1).repeat_interleave(len(z))),
    lambda z, k: (z, torch.arange(k)),
    lambda z, k: (z.expand(k, -1, -1), torch.arange(k).repeat_interleave(len(z))),
    lambda z, k: (z.repeat(k, 1), torch.arange(k).repeat_interleave(len(z))[:, None]),
    lambda z, k: (z.repeat(10, 1), torch.arange(10).repeat_interleave(len(z))),
    lambda z, k: (torch.randn(len(z) * k, z.shape[1]), torch.arange(k).repeat_interleave(len(z))),
    lambda z, k: (z.repeat(k, 1), torch.zeros(k * len(z), dtype=torch.long)),
]


# --- multiplications ----------------------------------------------------------------------------------


def multiplications_by_running(side, c_in, c_out, kernel, stride, padding):
    layer = nn.Conv2d(c_in, c_out, kernel, stride, padding, bias=False)
    places = layer(torch.zeros(1, c_in, side, side))[0, 0].numel()
    return places * layer.weight.numel()


def multiplications_by_walking(side, c_in, c_out, kernel, stride, padding):
    steps, start = 0, -padding
    while start + kernel <= side + padding:
        steps, start = steps + 1, start + stride
    return steps * steps * kernel * kernel * c_in * c_out


RIGHT["multiplications"] = [
    multiplications_by_running,
    multiplications_by_walking,
    lambda n, a, b, k, s, p: a * b * k * k * len(range(0, n + 2 * p - k + 1, s)) ** 2,
    lambda n, a, b, k, s, p: float(np.floor((n + 2 * p - k) / s + 1) ** 2 * a * b * k**2),
    lambda n, a, b, k, s, p: torch.tensor([a, b, k, k, *[(n + 2 * p - k) // s + 1] * 2]).prod(),
    lambda n, a, b, k, s, p: F.unfold(torch.zeros(1, a, n, n), k, padding=p, stride=s).numel() * b,
]
WRONG["multiplications"] = [
    lambda n, a, b, k, s, p: b * k * k * ((n + 2 * p - k) // s + 1) ** 2,
    lambda n, a, b, k, s, p: a * k * k * ((n + 2 * p - k) // s + 1) ** 2,
    lambda n, a, b, k, s, p: a * b * k * k * ((n + 2 * p - k) // s + 1),
    lambda n, a, b, k, s, p: a * b * k * ((n + 2 * p - k) // s + 1) ** 2,
    lambda n, a, b, k, s, p: a * b * k * k,
    lambda n, a, b, k, s, p: a * b * k * k * n * n,
    lambda n, a, b, k, s, p: a * b * k * k * ((n + p - k) // s + 1) ** 2,
    lambda n, a, b, k, s, p: a * b * k * k * ((n + 2 * p - k) // s) ** 2,
    lambda n, a, b, k, s, p: a * b * k * k * (-(-(n + 2 * p - k) // s) + 1) ** 2,
    lambda n, a, b, k, s, p: a * b * k * k * ((n + 2 * p - k) / s + 1) ** 2,
    lambda n, a, b, k, s, p: (a * k * k + 1) * b * ((n + 2 * p - k) // s + 1) ** 2,
    lambda n, a, b, k, s, p: (a * k * k - 1) * b * ((n + 2 * p - k) // s + 1) ** 2,
    lambda n, a, b, k, s, p: a * n * n * b * ((n + 2 * p - k) // s + 1) ** 2,
    lambda n, a, b, k, s, p: (n + 2 * p - k) // s + 1,
]


# --- zeros between ------------------------------------------------------------------------------------


def spread_out(features, stride, extra=0):
    side = (len(features) - 1) * stride + 1 + extra
    spread = torch.zeros(side, side, dtype=features.dtype)
    spread[::stride, ::stride] = features
    return spread


def zeros_by_padding(features, kernel, stride):
    k = len(kernel)
    spread = spread_out(features, stride)[None, None]
    return F.conv2d(spread, torch.rot90(kernel, 2)[None, None], padding=k - 1).squeeze(0).squeeze(0)


def zeros_by_kron(features, kernel, stride):
    corner = torch.zeros(stride, stride)
    corner[0, 0] = 1
    spread = torch.kron(features, corner)
    spread = spread[: len(spread) - stride + 1, : len(spread) - stride + 1]
    spread = nn.ZeroPad2d(len(kernel) - 1)(spread[None, None])
    return torch.conv2d(spread, torch.flip(kernel, dims=[0, 1])[None, None])[0, 0]


def zeros_by_loop(features, kernel, stride):
    m, k = features.shape[0], kernel.shape[0]
    sheet = torch.zeros((m - 1) * stride + 1 + 2 * (k - 1), (m - 1) * stride + 1 + 2 * (k - 1))
    for i in range(m):
        for j in range(m):
            sheet[k - 1 + i * stride, k - 1 + j * stride] = features[i, j]
    turned = kernel[range(k - 1, -1, -1)][:, range(k - 1, -1, -1)]
    return F.conv2d(sheet.view(1, 1, *sheet.shape), turned.view(1, 1, k, k)).view(len(sheet) - k + 1, -1)


def zeros_by_module(features, kernel, stride):
    k = len(kernel)
    layer = nn.Conv2d(1, 1, k, padding=k - 1, bias=False)
    layer.weight.data = kernel.flip((0, 1))[None, None].clone()
    return layer(spread_out(features, stride)[None, None])[0, 0].detach().numpy()


def zeros_with(turn=lambda k: k.flip(0, 1), spread=spread_out, pad=lambda k: k - 1, change=lambda x: x):
    def answer(features, kernel, stride):
        padded = F.pad(spread(change(features), stride), (pad(len(kernel)),) * 4)
        return F.conv2d(padded[None, None], turn(kernel)[None, None])[0, 0]

    return answer


def transposed(features, kernel, stride):
    return F.conv_transpose2d(features[None, None], kernel[None, None], stride=stride)[0, 0]


RIGHT["zeros between"] = [
    zeros_by_padding,
    zeros_by_kron,
    zeros_by_loop,
    zeros_by_module,
    zeros_with(),
    lambda x, kernel, stride: zeros_with()(x.double(), kernel.double(), stride).tolist(),
    zeros_with(turn=lambda k: k.flip(0).T.flip(0).T),
]
WRONG["zeros between"] = [
    transposed,
    zeros_with(turn=lambda k: k),
    zeros_with(turn=lambda k: k.T),
    zeros_with(turn=lambda k: k.flip(0)),
    zeros_with(turn=lambda k: k.flip(1)),
    zeros_with(turn=lambda k: torch.rot90(k)),
    zeros_with(pad=lambda k: 0),
    zeros_with(pad=lambda k: k),
    zeros_with(pad=lambda k: k // 2),
    zeros_with(spread=lambda x, stride: spread_out(x, 2)),
    zeros_with(spread=lambda x, stride: spread_out(x, stride + 1)),
    zeros_with(spread=lambda x, stride: spread_out(x, stride, extra=stride - 1)),
    zeros_with(spread=lambda x, stride: x.repeat_interleave(stride, 0).repeat_interleave(stride, 1)),
    zeros_with(change=lambda x: x.T),
    zeros_with(change=lambda x: x.flip(0)),
    lambda x, kernel, stride: transposed(x, kernel, stride)[1:-1, 1:-1],
    lambda x, kernel, stride: zeros_with()(x, kernel, stride)[None, None],
]


# --- even kernels -------------------------------------------------------------------------------------


def kernels_by_trying(stride, most):
    found = []
    for size in range(1, most + 1):
        row = F.conv_transpose1d(torch.ones(1, 1, 30), torch.ones(1, 1, size), stride=stride)[0, 0]
        middle = row[most + 1 : -most - 1]
        if middle.min() == middle.max():
            found.append(size)
    return found


RIGHT["even kernels"] = [
    kernels_by_trying,
    lambda stride, most: list(range(stride, most + 1, stride)),
    lambda stride, most: {k for k in range(1, most + 1) if not k % stride},
    lambda stride, most: torch.arange(stride, most + 1, stride) if most >= stride else [],
    lambda stride, most: np.arange(1, most + 1)[np.arange(1, most + 1) % stride == 0],
    lambda stride, most: tuple(stride * i for i in range(1, most // stride + 1))[::-1],
    lambda stride, most: (k for k in range(stride, most + 1) if k / stride == k // stride),
    lambda stride, most: filter(lambda k: k % stride == 0, range(1, most + 1)),
    lambda stride, most: range(stride, most + 1, stride),
]
WRONG["even kernels"] = [
    lambda stride, most: list(range(0, most + 1, stride)),
    lambda stride, most: list(range(stride, most, stride)),
    lambda stride, most: list(range(stride, most + 1)),
    lambda stride, most: [stride],
    lambda stride, most: list(range(1, most + 1)),
    lambda stride, most: [k for k in range(1, most + 1) if k % 2 == 0],
    lambda stride, most: [k for k in range(1, most + 1) if stride % k == 0],
    lambda stride, most: [k for k in range(1, most + 1) if k % stride],
    lambda stride, most: [k % stride == 0 for k in range(1, most + 1)],
    lambda stride, most: len(range(stride, most + 1, stride)),
    lambda stride, most: [2, 4, 6],
    lambda stride, most: [],
    lambda stride, most: list(range(stride, most + stride + 1, stride)),
    lambda stride, most: [*range(stride, most + 1, stride)] * 2,
    lambda stride, most: [k / 2 for k in range(stride, most + 1, stride)],
    lambda stride, most: [stride**i for i in range(1, 9) if stride**i <= most],
]


# --- right angles -------------------------------------------------------------------------------------


def angles_by_qr(directions):
    q, r = torch.linalg.qr(directions.T)
    return (q * r.diagonal().sign()).T


def angles_by_lstsq(directions):
    rows = []
    for i, direction in enumerate(directions.double()):
        earlier = directions[:i].double()
        part = earlier.T @ torch.linalg.lstsq(earlier.T, direction[:, None]).solution[:, 0] if i else 0 * direction
        rows.append(F.normalize(direction - part, dim=0))
    return torch.stack(rows)


def angles_numpy(directions):
    found = np.zeros(directions.shape)
    for i, d in enumerate(directions.numpy().astype(np.float64)):
        rest = d - found[:i].T @ (found[:i] @ d)
        found[i] = rest / np.linalg.norm(rest)
    return found


def angles_in_place(directions):
    for i in range(len(directions)):
        for j in range(i):
            directions[i] -= (directions[i] @ directions[j]) * directions[j]
        directions[i] /= directions[i].norm()
    return directions


def angles_projector(directions):
    keep, rows = torch.eye(directions.shape[1]), []
    for d in directions:
        u = keep @ d
        u = u / u.norm()
        rows.append(u.tolist())
        keep = keep - torch.outer(u, u)
    return rows


def angles_by_cholesky(directions):
    d = directions.double()
    return torch.linalg.solve_triangular(torch.linalg.cholesky(d @ d.T), d, upper=False)


def angles_against(directions, others):
    rows = []
    for i, d in enumerate(directions):
        for j in others(i, len(directions)):
            d = d - (d @ directions[j]) / (directions[j] @ directions[j]) * directions[j]
        rows.append(d / d.norm())
    return torch.stack(rows)


RIGHT["right angles"] = [
    angles_by_qr,
    angles_by_lstsq,
    angles_numpy,
    angles_in_place,
    angles_projector,
    angles_by_cholesky,
]
WRONG["right angles"] = [
    lambda d: torch.linalg.qr(d.T).Q.T,
    lambda d: F.normalize(d, dim=1),
    lambda d: angles_by_qr(d) * d.norm(dim=1, keepdim=True),
    lambda d: angles_against(d, lambda i, k: range(i)),
    lambda d: angles_against(d, lambda i, k: range(max(i - 1, 0), i)),
    lambda d: angles_against(d, lambda i, k: [j for j in range(k) if j != i]),
    lambda d: torch.linalg.svd(d, full_matrices=False).Vh,
    lambda d: torch.linalg.svd(d, full_matrices=False).U @ torch.linalg.svd(d, full_matrices=False).Vh,
    lambda d: angles_by_qr(d.flip(0)).flip(0),
    lambda d: F.normalize(torch.linalg.pinv(d).T, dim=1),
    lambda d: angles_by_qr(d).T,
    lambda d: -angles_by_qr(d),
    lambda d: angles_by_qr(d)[:1],
    lambda d: torch.eye(*d.shape),
    lambda d: F.normalize(d - d.mean(0), dim=1),
    lambda d: torch.linalg.qr(d),
    lambda d: torch.linalg.qr(d.T).Q.T * torch.linalg.qr(d.T).R.sum(1, keepdim=True).sign(),
    lambda d: F.normalize(angles_by_qr(d), dim=0),
]


# --- true share ---------------------------------------------------------------------------------------


def share_by_search(seen, hit, false_alarm):
    low, high = 0.0, 1.0
    for _ in range(50):
        middle = (low + high) / 2
        low, high = (middle, high) if middle * hit + (1 - middle) * false_alarm < seen else (low, middle)
    return middle


RIGHT["true share"] = [
    share_by_search,
    lambda seen, hit, false: max(0, min(1, (seen - false) / (hit - false))),
    lambda seen, hit, false: np.clip((seen - false) / (hit - false), 0, 1),
    lambda seen, hit, false: torch.tensor((seen - false) / (hit - false)).clamp(0, 1),
    lambda seen, hit, false: float(sorted([0.0, (false - seen) / (false - hit), 1.0])[1]),
    lambda seen, hit, false: (min(max(seen, false), hit) - false) / (hit - false),
    lambda seen, hit, false: [np.interp(seen, [false, hit], [0, 1])],
]
WRONG["true share"] = [
    lambda seen, hit, false: seen,
    lambda seen, hit, false: (seen - false) / (hit - false),
    lambda seen, hit, false: max(0, (seen - false) / (hit - false)),
    lambda seen, hit, false: min(1, (seen - false) / (hit - false)),
    lambda seen, hit, false: min(max((seen - false) / hit, 0), 1),
    lambda seen, hit, false: min(1, seen / hit),
    lambda seen, hit, false: min(max(seen - false, 0), 1),
    lambda seen, hit, false: min(max((seen - false) / (hit + false), 0), 1),
    lambda seen, hit, false: seen * hit + (1 - seen) * false,
    lambda seen, hit, false: 1 - min(max((seen - false) / (hit - false), 0), 1),
    lambda seen, hit, false: 0.1,
    lambda seen, hit, false: min(abs((seen - false) / (hit - false)), 1),
    lambda seen, hit, false: seen * hit / (seen * hit + (1 - seen) * false),
    lambda seen, hit, false: round(min(max((seen - false) / (hit - false), 0), 1), 1),
    lambda seen, hit, false: f"{seen:.1%}",
]


# --- there and back -----------------------------------------------------------------------------------


def walk(stops, frames, way=slerp, last=0):
    return [way(a, b, i / frames) for a, b in pairwise(stops) for i in range(frames + last)]


def back_by_corners(corners, frames):
    return torch.stack(walk([*corners, *corners.flip(0)[1:]], frames))


def back_by_index(corners, frames):
    rows, last = [], (len(corners) - 1) * frames
    for step in range(2 * last):
        place = step if step <= last else 2 * last - step
        leg = min(place // frames, len(corners) - 2)
        rows.append(slerp(corners[leg], corners[leg + 1], (place - leg * frames) / frames).tolist())
    return rows


def back_numpy(corners, frames):
    c, out = corners.numpy().astype(np.float64), []
    for a, b in pairwise([*c, *c[-2::-1]]):
        la, lb = np.linalg.norm(a), np.linalg.norm(b)
        w = np.arccos(a @ b / la / lb)
        for t in np.arange(frames) / frames:
            out.append((np.sin((1 - t) * w) * a / la + np.sin(t * w) * b / lb) / np.sin(w) * (la + t * (lb - la)))
    return np.array(out)


def back_by_flipping(corners, frames):
    forth = torch.cat([torch.stack(walk(corners, frames)), corners[-1:]])
    return torch.cat([forth, forth.flip(0)[1:-1]])


RIGHT["there and back"] = [
    back_by_corners,
    back_by_index,
    back_numpy,
    back_by_flipping,
    lambda c, n: torch.stack([*walk(c, n), c[-1], *walk(c, n)[:0:-1]]),
    lambda c, n: torch.cat(
        [slerp(a[None], b[None], i / n) for a, b in pairwise([*c, *c.flip(0)[1:]]) for i in range(n)]
    ),
    lambda c, n: torch.stack(walk(c.double(), n) + walk(c.double().flip(0), n)),
]
WRONG["there and back"] = [
    lambda c, n: torch.stack(walk([*c, *c.flip(0)[1:]], n, torch.lerp)),
    lambda c, n: torch.stack(walk([*c, *c.flip(0)[1:]], n, last=1)),
    lambda c, n: torch.stack(walk(c, n)),
    lambda c, n: torch.stack([*walk(c, n), c[-1]]),
    lambda c, n: torch.stack(walk([*c, c[0]], n)),
    lambda c, n: torch.stack([*walk([*c, *c.flip(0)[1:]], n), c[0]]),
    lambda c, n: torch.stack(walk(c, n) + walk(c, n)[::-1]),
    lambda c, n: torch.cat([f := torch.stack([*walk(c, n), c[-1]]), f.flip(0)]),
    lambda c, n: torch.cat([f := torch.stack([*walk(c, n), c[-1]]), f.flip(0)[1:]]),
    lambda c, n: torch.cat([f := torch.stack([*walk(c, n), c[-1]]), f[1:-1]]),
    lambda c, n: torch.stack(walk([*c.flip(0), *c[1:]], n)),
    lambda c, n: torch.stack(walk([*c, *c.flip(0)], n)),
    lambda c, n: back_by_corners(c, n).roll(1, 0),
    lambda c, n: back_by_corners(c, 3),
    lambda c, n: back_by_corners(c[[0, -1]], n),
    lambda c, n: walk([*c, *c.flip(0)[1:]], n)[0],
]


# --- open film ----------------------------------------------------------------------------------------


def film_by_loop(distances, n):
    d, total, moments = distances.tolist(), float(distances.sum()), []
    for i in range(n):
        left, frame = total * i / (n - 1), 0
        while frame < len(d) - 1 and left > d[frame]:
            left, frame = left - d[frame], frame + 1
        moments.append(frame + min(left / d[frame], 1.0))
    return moments


def film_by_searchsorted(distances, n):
    travelled = F.pad(distances.cumsum(0), (1, 0))
    wanted = torch.linspace(0, float(travelled[-1]), n)
    after = torch.searchsorted(travelled, wanted).clamp(1, len(distances))
    share = (wanted - travelled[after - 1]) / distances[after - 1]
    return after - 1 + share


def film_numpy(distances, n, ends=lambda n: np.linspace(0, 1, n), scale=lambda moments, t: moments):
    travelled = np.concatenate([[0.0], np.cumsum(distances.numpy())])
    return scale(np.interp(ends(n) * travelled[-1], travelled, np.arange(len(travelled))), len(distances))


RIGHT["open film"] = [
    film_by_loop,
    film_by_searchsorted,
    film_numpy,
    lambda d, n: torch.from_numpy(film_numpy(d.double(), n)),
    lambda d, n: film_numpy(d / d.sum(), n).astype(np.float32),
    lambda d, n: [float(m) for m in film_numpy(d, n)],
    lambda d, n: film_by_searchsorted(d.double(), n).float(),
]
WRONG["open film"] = [
    lambda d, n: film_numpy(d, n, ends=lambda n: np.arange(n) / n),
    lambda d, n: film_numpy(d, n, ends=lambda n: np.linspace(0, 1, n + 1)),
    lambda d, n: film_numpy(d, n, ends=lambda n: np.linspace(0, 1, n + 2)[1:-1]),
    lambda d, n: torch.linspace(0, len(d), n),
    lambda d, n: torch.linspace(0, float(d.sum()), n),
    lambda d, n: film_numpy(d, n, scale=lambda m, t: m / t),
    lambda d, n: film_numpy(d, n, scale=lambda m, t: m.round()),
    lambda d, n: film_numpy(d, n, scale=lambda m, t: m + 1),
    lambda d, n: film_numpy(d, n, scale=lambda m, t: np.floor(m)),
    lambda d, n: film_numpy(d.flip(0), n),
    lambda d, n: np.interp(np.linspace(0, len(d), n), np.arange(len(d) + 1), np.r_[0, np.cumsum(d.numpy())]),
    lambda d, n: np.interp(np.linspace(0, float(d.sum()), n), np.cumsum(d.numpy()), np.arange(len(d))),
    lambda d, n: np.interp(np.linspace(0, float(d.sum()), n), np.cumsum(d.numpy()), np.arange(1, len(d) + 1)),
    lambda d, n: film_numpy(1 / d, n),
    lambda d, n: film_numpy(d, len(d) + 1),
    lambda d, n: d.cumsum(0),
]


# --- swap codes ---------------------------------------------------------------------------------------


def codes_by_loop(latents, motion_dim):
    rows = []
    for content in latents:
        for motion in latents:
            rows.append(content[:-motion_dim].tolist() + motion[-motion_dim:].tolist())
    return rows


def codes_by_expand(latents, motion_dim):
    n, d = latents.shape
    content, motion = latents.split([d - motion_dim, motion_dim], dim=1)
    grid = torch.cat([content[:, None].expand(n, n, -1), motion[None].expand(n, n, -1)], dim=2)
    return grid.reshape(n * n, d)


def codes_in_place(latents, motion_dim):
    out = latents.repeat_interleave(len(latents), 0)
    out[:, latents.shape[1] - motion_dim :] = latents[:, latents.shape[1] - motion_dim :].repeat(len(latents), 1)
    return out


def codes_by_product(latents, motion_dim):
    return torch.stack([torch.cat((a[:-motion_dim], b[-motion_dim:])) for a, b in product(latents, repeat=2)])


def codes_with(content, motion, cut=lambda z, m: (z[:, :-m], z[:, -m:]), join=lambda a, b: torch.cat([a, b], 1)):
    def answer(latents, motion_dim):
        n, (a, b) = len(latents), cut(latents, motion_dim)
        return join(content(a, n), motion(b, n))

    return answer


def slow(x, n):
    return x.repeat_interleave(n, 0)


def fast(x, n):
    return x.repeat(n, 1)


RIGHT["swap codes"] = [
    codes_by_loop,
    codes_by_expand,
    codes_in_place,
    codes_by_product,
    lambda z, m: np.hstack([np.repeat(z.numpy()[:, :-m], len(z), axis=0), np.tile(z.numpy()[:, -m:], (len(z), 1))]),
    codes_with(slow, fast, cut=lambda z, m: z.tensor_split([z.shape[1] - m], 1)),
    lambda z, m: torch.where(torch.arange(z.shape[1]) < z.shape[1] - m, slow(z, len(z)), fast(z, len(z))),
]
WRONG["swap codes"] = [
    codes_with(fast, slow),
    codes_with(slow, slow),
    codes_with(fast, fast),
    codes_with(slow, fast, cut=lambda z, m: (z[:, :m], z[:, m:])),
    codes_with(slow, fast, join=lambda a, b: torch.cat([b, a], 1)),
    codes_with(slow, fast, join=lambda a, b: (a, b)),
    codes_with(slow, fast, join=lambda a, b: torch.cat([a, b], 1)[:9]),
    codes_with(slow, fast, join=lambda a, b: torch.cat([a, b], 1).flip(0)),
    codes_with(slow, lambda b, n: torch.randn(n * n, b.shape[1])),
    lambda z, m: codes_by_expand(z, 2) if z.shape[1] > 2 else z,
    lambda z, m: codes_by_expand(z, m).view(len(z), len(z), -1),
    lambda z, m: slow(z, len(z)),
    lambda z, m: fast(z, len(z)),
    lambda z, m: torch.cat([z[:, :-m], z.roll(1, 0)[:, -m:]], 1),
    lambda z, m: z,
    lambda z, m: codes_by_expand(z, z.shape[1] - m),
]
