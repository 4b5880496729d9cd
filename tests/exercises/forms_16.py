"""Forms of the answers to the exercises of notebook 16."""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F

from gan_helpers.models import apply

RIGHT: dict[str, list] = {}
WRONG: dict[str, list] = {}


# --- weighted constant --------------------------------------------------------------------------------


def constant_by_trying_all(values, weights):
    losses = [float((weights * (values - v).abs()).sum()) for v in values]
    return float(values[losses.index(min(losses))])


def constant_by_walking(values, weights):
    total, below = float(weights.sum()), 0.0
    for value, weight in sorted(zip(values.tolist(), weights.tolist(), strict=True)):
        below += weight
        if below >= total / 2:
            return value


def constant_in_numpy(values, weights):
    v, w = values.numpy(), weights.numpy()
    order = np.argsort(v)
    return v[order][np.searchsorted(np.cumsum(w[order]), w.sum() / 2)]


def constant_by_sides(values, weights):
    for v in values:
        if weights[values < v].sum() <= weights.sum() / 2 and weights[values > v].sum() <= weights.sum() / 2:
            return v


RIGHT["weighted constant"] = [
    constant_by_trying_all,
    constant_by_walking,
    constant_in_numpy,
    constant_by_sides,
    lambda v, w: v[(w * (v[:, None] - v).abs()).sum(1).argmin()],
    lambda v, w: v.sort().values[torch.searchsorted(w[v.argsort()].cumsum(0), w.sum() / 2)].half(),
    lambda v, w: [float(min(v, key=lambda c: float((w * (v - c).abs()).sum())))],
]
WRONG["weighted constant"] = [
    lambda v, w: (v * w).sum() / w.sum(),
    lambda v, w: v.mean(),
    lambda v, w: v.median(),
    lambda v, w: v[w.argmax()],
    lambda v, w: (v * w).median(),
    lambda v, w: v.sort().values[(w.cumsum(0) < w.sum() / 2).sum()],
    lambda v, w: v[(w.cumsum(0) < w.sum() / 2).sum()],
    lambda v, w: (v * w).sum(),
    lambda v, w: v[v.argsort()][w[v.argsort()].cumsum(0) < w.sum() / 2],
    lambda v, w: v.argsort()[0],
    lambda v, w: float("nan"),
    lambda v, w: torch.average(v, w),
    lambda v, w: "the median",
    lambda v: v.median(),
    lambda v, w: v.sort(),
]


# --- rows seen ------------------------------------------------------------------------------------------


def rows_as_a_set(index, layers):
    rows = {index}
    for kernel, stride, padding in layers[::-1]:
        rows = {row * stride - padding + i for row in rows for i in range(kernel)}
    return min(rows), max(rows)


def rows_by_recursion(index, layers):
    if not layers:
        return [index, index]
    *before, (k, s, p) = layers
    return [rows_by_recursion(index * s - p, before)[0], rows_by_recursion(index * s - p + k - 1, before)[1]]


def rows_by_field(index, layers):
    start, step, field = 0, 1, 1
    for k, s, p in layers:
        start, field, step = start - p * step, field + (k - 1) * step, step * s
    return np.array([start + index * step, start + index * step + field - 1])


def rows_by_gradient(index, layers):
    """A picture with room on every side, and convolutions without padding, shifted."""
    room, side = 600, 1400
    row, x, offset = torch.zeros(1, 1, side, dtype=torch.float64, requires_grad=True), None, []
    x = row
    for k, s, _ in layers:
        x = F.conv1d(x, torch.ones(1, 1, k, dtype=torch.float64), stride=s)
    start, step = 0, 1
    for _, s, p in layers:
        start, step = start - p * step, step * s
        offset.append(start)
    first = room // step
    (slope,) = torch.autograd.grad(x[0, 0, first + index], row)
    seen = slope[0, 0].nonzero()[:, 0] - first * step + start
    return int(seen[0]), int(seen[-1])


def rows_in_a_tensor(index, layers):
    ends = torch.tensor([index, index])
    for k, s, p in reversed(layers):
        ends = ends * s - p + torch.tensor([0, k - 1])
    return ends


def rows_by_while(index, layers):
    layers, first, last = list(layers), index, index
    while layers:
        k, s, p = layers.pop()
        first, last = first * s - p, (last * s - p) + (k - 1)
    return first, last


RIGHT["rows seen"] = [
    rows_as_a_set,
    rows_by_recursion,
    rows_by_field,
    rows_by_gradient,
    rows_in_a_tensor,
    rows_by_while,
    lambda i, layers: tuple(map(float, rows_by_while(i, layers))),
]
WRONG["rows seen"] = [
    lambda i, layers: rows_by_while(i, layers[::-1]),
    lambda i, layers: rows_by_while(i, [(k, s, 0) for k, s, p in layers]),
    lambda i, layers: rows_by_while(i, [(k, s, -p) for k, s, p in layers]),
    lambda i, layers: (rows_by_while(i, layers)[0], rows_by_while(i, layers)[1] + 1),
    lambda i, layers: [max(0, r) for r in rows_by_while(i, layers)],
    lambda i, layers: rows_by_while(i, [(k, 1, p) for k, s, p in layers]),
    lambda i, layers: rows_by_while(0, layers),
    lambda i, layers: rows_by_while(i, layers)[0],
    lambda i, layers: rows_by_while(i, layers)[::-1],
    lambda i, layers: rows_by_while(i, [(1, s, p) for k, s, p in layers]),
    lambda i, layers: rows_by_while(i, [(k + 1, s, p) for k, s, p in layers]),
    lambda i, layers: range(rows_by_while(i, layers)[0], rows_by_while(i, layers)[1] + 1),
    lambda i, layers: rows_by_while(i, layers, 0),
    lambda i, layers: (None, None),
]


# --- long lines -----------------------------------------------------------------------------------------


def lines_by_flooding(marks, least):
    kept, left = torch.zeros_like(marks), {tuple(place) for place in marks.nonzero().tolist()}
    while left:
        line, border = set(), [left.pop()]
        while border:
            y, x = border.pop()
            line.add((y, x))
            near = {(y + i, x + j) for i in (-1, 0, 1) for j in (-1, 0, 1)} & left
            left -= near
            border += near
        for place in line if len(line) >= least else ():
            kept[place] = True
    return kept


def lines_by_growing(marks, least):
    def grow(found):
        return (F.max_pool2d(found[None, None].float(), 3, 1, 1)[0, 0] > 0) & marks

    kept = torch.zeros_like(marks)
    for place in marks.nonzero().tolist():
        line = torch.zeros_like(marks)
        line[tuple(place)] = True
        while not torch.equal(grow(line), line):
            line = grow(line)
        if line.sum() >= least:
            kept |= line
    return kept


def lines_by_union(marks, least):
    places = [tuple(p) for p in marks.nonzero().tolist()]
    root = {p: p for p in places}

    def find(p):
        while root[p] != p:
            p = root[p]
        return p

    for y, x in places:
        for q in ((y, x + 1), (y + 1, x - 1), (y + 1, x), (y + 1, x + 1)):
            if q in root:
                root[find(q)] = find((y, x))
    counts = {}
    for p in places:
        counts[find(p)] = counts.get(find(p), 0) + 1
    out = np.zeros(tuple(marks.shape), dtype=bool)
    for p in places:
        out[p] = counts[find(p)] >= least
    return out


def lines_by_matrix(marks, least):
    places = marks.nonzero()
    out = torch.zeros(marks.shape)
    if not len(places):
        return out
    near = (places[:, None] - places).abs().amax(2) <= 1
    joined = torch.linalg.matrix_power(near.double() / 9, 1) > 0
    for _ in range(10):
        joined = (joined.double() @ joined.double()) > 0
    out[tuple(places.T)] = (joined.sum(1) >= least).float()
    return out


def lines_in_place(marks, least):
    kept = lines_by_growing(marks, least)
    marks &= kept
    return marks


RIGHT["long lines"] = [
    lines_by_flooding,
    lines_by_growing,
    lines_by_union,
    lines_by_matrix,
    lines_in_place,
    lambda marks, least: lines_by_flooding(marks, least).int().tolist(),
]


def lines_without_corners(marks, least):
    def grow(found):
        up = F.pad(found, (0, 0, 1, 1))
        side = F.pad(found, (1, 1, 0, 0))
        return (found | up[:-2] | up[2:] | side[:, :-2] | side[:, 2:]) & marks

    kept = torch.zeros_like(marks)
    for place in marks.nonzero().tolist():
        line = torch.zeros_like(marks)
        line[tuple(place)] = True
        for _ in range(marks.numel()):
            line = grow(line)
        if line.sum() >= least:
            kept |= line
    return kept


WRONG["long lines"] = [
    lines_without_corners,
    lambda marks, least: lines_by_flooding(marks, least + 1),
    lambda marks, least: marks & ~lines_by_flooding(marks, least),
    lambda marks, least: marks,
    lambda marks, least: marks & False,
    lambda marks, least: marks & (F.avg_pool2d(marks[None, None].float(), 3, 1, 1)[0, 0] * 9 >= least - 1e-3),
    lambda marks, least: lines_by_flooding(marks, least).byte() * 255,
    lambda marks, least: lines_by_flooding(marks, least).sum(),
    lambda marks, least: lines_by_flooding(marks, least).T,
    lambda marks, least: ~lines_by_flooding(marks, least),
    lambda marks, least: lines_by_flooding(marks, least).nonzero(),
    lambda marks, least: F.max_pool2d(lines_by_flooding(marks, least)[None, None].float(), 3, 1, 1)[0, 0],
    lambda marks, least: marks if marks.sum() >= least else ~marks & marks,
    lambda marks: marks,
]


# --- lines first ----------------------------------------------------------------------------------------


def first_by_two_sums(fakes, targets, sources, times):
    on = (sources > 0).expand_as(fakes)
    gap = (fakes - targets).abs()
    return (times * gap[on].sum() + gap[~on].sum()) / (times * on.sum() + (~on).sum())


def first_with_weights(fakes, targets, sources, times):
    weights = 1 + (times - 1) * (sources > 0).float()
    return (weights * F.l1_loss(fakes, targets, reduction="none")).sum() / (weights.sum() * fakes.shape[1])


def first_by_means(fakes, targets, sources, times):
    share = (sources > 0).float().mean()
    gap = (fakes - targets).abs().mean(1, keepdim=True)
    on, off = gap[sources > 0].mean(), gap[sources <= 0].mean()
    return (times * share * on + (1 - share) * off) / (times * share + 1 - share)


def first_from_signs(fakes, targets, sources, times):
    weights = (sources + 1) / 2 * (times - 1) + 1
    weights = weights.repeat(1, fakes.shape[1], 1, 1)
    return (weights * (fakes - targets).abs()).sum().div(weights.sum())


RIGHT["lines first"] = [
    first_by_two_sums,
    first_with_weights,
    first_by_means,
    first_from_signs,
    lambda f, t, s, w: (
        torch.dot((x := torch.where(s > 0, w, 1.0).expand_as(f).flatten()), (f - t).abs().flatten()) / x.sum()
    ),
    lambda f, t, s, w: (torch.where(s > 0, w, 1.0) * (f - t).abs()).mean() / torch.where(s > 0, w, 1.0).mean(),
    lambda f, t, s, w: torch.maximum(f - t, t - f).mul_(x := torch.where(s > 0, w, 1.0)).mean() / x.mean(),
]
WRONG["lines first"] = [
    lambda f, t, s, w: (f - t).abs().mean(),
    lambda f, t, s, w: (torch.where(s > 0, w, 1.0) * (f - t).abs()).mean(),
    lambda f, t, s, w: (torch.where(s > 0, w, 1.0) * (f - t).abs()).sum() / torch.where(s > 0, w, 1.0).sum(),
    lambda f, t, s, w: (torch.where(s > 0, w, 1.0) * (f - t) ** 2).mean() / torch.where(s > 0, w, 1.0).mean(),
    lambda f, t, s, w: (f - t).abs()[(s > 0).expand_as(f)].mean(),
    lambda f, t, s, w: (torch.where(s > 0, 1.0, w) * (f - t).abs()).mean() / torch.where(s > 0, 1.0, w).mean(),
    lambda f, t, s, w: (torch.where(s > 0, w, 1.0) * (f - t).abs()).sum(),
    lambda f, t, s, w: (torch.where(s > 0, w, 1.0) * (f - t)).mean().abs() / torch.where(s > 0, w, 1.0).mean(),
    lambda f, t, s, w: first_with_weights(f, t, s, w).item(),
    lambda f, t, s, w: first_with_weights(f.detach(), t, s, w),
    lambda f, t, s, w: (torch.where(s > 0, w, 1.0) * (f - t).abs()) / torch.where(s > 0, w, 1.0).sum(),
    lambda f, t, s, w: first_with_weights(f, t, f[:, :1], w),
    lambda f, t, s, w: first_with_weights(f, t, s, 3.0 if w != 3.0 else 2.0),
]


# --- lower error ----------------------------------------------------------------------------------------


def lower_by_mirror(translator, sources):
    return (translator(sources) + translator(sources.flip(3)).flip(3)) / 2


def lower_by_stack(translator, sources):
    answers = torch.stack([translator(sources), translator(sources.flip(-1)).flip(-1)])
    return answers.mean(0)


def lower_by_apply(translator, sources):
    return apply(translator, sources).lerp(apply(translator, sources.flip(3)).flip(3), 0.5)


def lower_one_by_one(translator, sources):
    faces = []
    for source in sources.split(20):
        faces.append(0.5 * translator(source) + 0.5 * translator(source.flip(3)).flip(3))
    return torch.cat(faces).numpy()


def lower_in_one_batch(translator, sources):
    straight, mirrored = translator(torch.cat([sources, sources.flip(3)])).chunk(2)
    return straight.add(mirrored.flip(3)).div(2).double()


def lower_and_clamped(translator, sources):
    return lower_by_mirror(translator, sources).clamp(-1, 1).half()


RIGHT["lower error"] = [
    lower_by_mirror,
    lower_by_stack,
    lower_by_apply,
    lower_one_by_one,
    lower_in_one_batch,
    lower_and_clamped,
]
WRONG["lower error"] = [
    lambda translator, sources: translator(sources),
    lambda translator, sources: translator(sources.flip(3)),
    lambda translator, sources: (translator(sources) + translator(sources.flip(3))) / 2,
    lambda translator, sources: translator(sources) + translator(sources.flip(3)).flip(3),
    lambda translator, sources: translator(sources.flip(3)).flip(3),
    lambda translator, sources: (translator(sources) + translator(sources.flip(2)).flip(2)) / 2,
    lambda translator, sources: sources,
    lambda translator, sources: sources.expand(-1, 3, -1, -1),
    lambda translator, sources: torch.zeros(len(sources), 3, *sources.shape[2:]),
    lambda translator, sources: lower_by_mirror(translator, sources)[:-1],
    lambda translator, sources: lower_by_mirror(translator, sources) * float("nan"),
    lambda translator, sources: (translator(sources) + translator(-sources)) / 2,
    lambda translator, sources: lower_by_mirror(translator, sources).mean(1, keepdim=True),
    lambda translator, sources: "faces",
]
