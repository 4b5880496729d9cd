"""Forms of the answers to the exercises of notebooks 12 to 15 and 18."""

from __future__ import annotations

import math
import statistics

import numpy as np
import torch
from scipy import ndimage, special
from torch.distributions import Categorical, Independent, MixtureSameFamily, Normal

from gan_helpers.training import squared_gradient

RIGHT: dict[str, list] = {}
WRONG: dict[str, list] = {}


# --- enough components --------------------------------------------------------------------------------


def components_by_loop(variances, share):
    total, held = sum(variances.tolist()), 0.0
    for k, variance in enumerate(variances.tolist(), 1):
        held += variance
        if held >= share * total:
            return k
    return len(variances)


def components_by_while(variances, share):
    k = 0
    while variances[:k].sum() / variances.sum() < share:
        k += 1
    return k


RIGHT["enough components"] = [
    components_by_loop,
    components_by_while,
    lambda v, s: int(np.searchsorted(np.cumsum(v.numpy()) / v.numpy().sum(), s)) + 1,
    lambda v, s: (v.cumsum(0) / v.sum() >= s).int().argmax() + 1,
    lambda v, s: next(k for k in range(1, len(v) + 1) if v[:k].sum() >= s * v.sum()),
    lambda v, s: float(len(v) - (v.cumsum(0) >= s * v.sum()).sum() + 1),
    lambda v, s: torch.searchsorted(v.cumsum(0), s * v.sum()) + 1,
    lambda v, s: [min(k for k in range(1, len(v) + 1) if v[k:].sum() <= (1 - s) * v.sum() + 1e-6)],
]
WRONG["enough components"] = [
    lambda v, s: int((v.cumsum(0) / v.sum() < s).sum()),
    lambda v, s: int((v.cumsum(0) / v.sum() < s).sum()) + 2,
    lambda v, s: int((v.cumsum(0) / v.sum() < s).sum()) + 0.7,
    lambda v, s: int((v.sqrt().cumsum(0) / v.sqrt().sum() < s).sum()) + 1,
    lambda v, s: int(((v**2).cumsum(0) / (v**2).sum() < s).sum()) + 1,
    lambda v, s: int((v.flip(0).cumsum(0) / v.sum() < s).sum()) + 1,
    lambda v, s: int((v.cumsum(0) < s).sum()) + 1,
    lambda v, s: math.ceil(s * len(v)),
    lambda v, s: int((v / v.sum() >= s).sum()),
    lambda v, s: int((v.cumsum(0) / v.sum() >= s).sum()),
    lambda v, s: len(v),
    lambda v, s: int((v.cumsum(0) / v.sum() > s).int().argmax()),
    lambda v, s: v.cumsum(0) / v.sum(),
    lambda v, s: int((v.cumsum(0) / v.max() < s).sum()) + 1,
    lambda v, s: (v.cumsum(0) / v.sum() >= s).nonzero(),
]


# --- fill in ------------------------------------------------------------------------------------------


def fill_by_normal_equations(rows, seen, mean, axes):
    known = axes[:, seen]
    codes = torch.linalg.solve(known @ known.T, known @ (rows - mean)[:, seen].T)
    return codes.T @ axes + mean


def fill_row_by_row(rows, seen, mean, axes):
    out = []
    for row in rows.double():
        gap = (row - mean)[seen].double()
        code = torch.linalg.lstsq(axes[:, seen].T.double(), gap[:, None]).solution[:, 0]
        out.append((mean.double() + code @ axes.double()).tolist())
    return out


def fill_numpy(rows, seen, mean, axes):
    rows, seen, mean, axes = (x.numpy() for x in (rows, seen, mean, axes))
    codes, *_ = np.linalg.lstsq(axes[:, seen].T, (rows - mean)[:, seen].T, rcond=None)
    return mean + codes.T @ axes


def fill_masked(rows, seen, mean, axes):
    masked = axes * seen
    codes = (rows - mean) * seen @ torch.linalg.pinv(masked)
    return mean + codes @ axes


def fill_in_place(rows, seen, mean, axes):
    rows -= mean
    codes = rows[:, seen] @ torch.linalg.pinv(axes[:, seen])
    rows[:] = codes @ axes
    rows += mean
    return rows


def fill_by_gradient(rows, seen, mean, axes):
    known, target, codes = (
        axes[:, seen].double(),
        (rows - mean)[:, seen].double(),
        torch.zeros(len(rows), len(axes)).double(),
    )
    step = 1 / torch.linalg.matrix_norm(known @ known.T, 2)
    for _ in range(4000):
        codes -= step * (codes @ known - target) @ known.T
    return mean + codes @ axes.double()


def filled(rows, seen, mean, axes):
    return mean + (rows - mean)[:, seen] @ torch.linalg.pinv(axes[:, seen]) @ axes


RIGHT["fill in"] = [
    fill_by_normal_equations,
    fill_row_by_row,
    fill_numpy,
    fill_masked,
    fill_in_place,
    fill_by_gradient,
    lambda rows, seen, mean, axes: filled(
        *(x.double() if x.is_floating_point() else x for x in (rows, seen, mean, axes))
    ),
]
WRONG["fill in"] = [
    lambda rows, seen, mean, axes: mean + (rows - mean) @ axes.T @ axes,
    lambda rows, seen, mean, axes: mean + (rows - mean)[:, seen] @ axes[:, seen].T @ axes,
    lambda rows, seen, mean, axes: rows[:, seen] @ torch.linalg.pinv(axes[:, seen]) @ axes,
    lambda rows, seen, mean, axes: mean + rows[:, seen] @ torch.linalg.pinv(axes[:, seen]) @ axes,
    lambda rows, seen, mean, axes: filled(rows, seen, mean, axes) - mean,
    lambda rows, seen, mean, axes: torch.where(seen, rows, filled(rows, seen, mean, axes)),
    lambda rows, seen, mean, axes: torch.where(seen, rows, mean),
    lambda rows, seen, mean, axes: filled(rows, seen, mean, axes)[:, ~seen],
    lambda rows, seen, mean, axes: filled(rows, seen, mean, axes)[:, seen],
    lambda rows, seen, mean, axes: filled(rows, ~seen, mean, axes),
    lambda rows, seen, mean, axes: (rows - mean)[:, seen] @ torch.linalg.pinv(axes[:, seen]),
    lambda rows, seen, mean, axes: filled(rows, torch.ones_like(seen), mean, axes),
    lambda rows, seen, mean, axes: filled(rows, seen, rows.mean(0), axes),
    lambda rows, seen, mean, axes: rows,
    lambda rows, seen, mean, axes: mean.expand_as(rows),
    lambda rows, seen, mean, axes: filled(rows, seen, mean, axes[:1]) + 0.01,
    lambda rows, seen, mean, axes: filled(rows, seen, mean, axes).clamp(-1, 1),
]


# --- psnr of each -------------------------------------------------------------------------------------


def psnr_by_loop(images, clean):
    found = []
    for a, b in zip(images, clean, strict=True):
        found.append(10 * math.log10(4 / ((a - b) ** 2).mean().item()))
    return found


def psnr_in_place(images, clean):
    images -= clean
    images **= 2
    return -10 * (images.flatten(1).mean(1) / 4).log10_()


RIGHT["psnr of each"] = [
    psnr_by_loop,
    psnr_in_place,
    lambda a, b: 20 * torch.log10(2 / (a - b).pow(2).mean((1, 2, 3)).sqrt()),
    lambda a, b: 10 * np.log10(4 / np.square(a.numpy() - b.numpy()).mean(axis=(1, 2, 3))),
    lambda a, b: torch.stack([-10 * ((x - y).double().square().mean() / 4).log10() for x, y in zip(a, b, strict=True)]),
    lambda a, b: 10 / math.log(10) * torch.log(4 * a[0].numel() / (a - b).square().sum((1, 2, 3))),
    lambda a, b: 20 * math.log10(2) - 10 * (a - b).flatten(1).norm(dim=1).square().div(a[0].numel()).log10(),
]
WRONG["psnr of each"] = [
    lambda a, b: 10 * torch.log10(4 / (a - b).square().mean()),
    lambda a, b: 10 * torch.log10(1 / (a - b).square().mean((1, 2, 3))),
    lambda a, b: 10 * torch.log10(2 / (a - b).square().mean((1, 2, 3))),
    lambda a, b: 10 * torch.log(4 / (a - b).square().mean((1, 2, 3))),
    lambda a, b: 20 * torch.log10(4 / (a - b).square().mean((1, 2, 3))),
    lambda a, b: 10 * torch.log10(2 / (a - b).square().mean((1, 2, 3)).sqrt()),
    lambda a, b: 20 * torch.log10(2 / (a - b).abs().mean((1, 2, 3))),
    lambda a, b: 10 * torch.log10((a - b).square().mean((1, 2, 3)) / 4),
    lambda a, b: (10 * torch.log10(4 / (a - b).square().mean((1, 2, 3)))).mean(),
    lambda a, b: 10 * torch.log10(4 / (a - b).square().mean((2, 3))),
    lambda a, b: 10 * torch.log10(4 / (a - b).square().mean(0).flatten(1).mean(1)),
    lambda a, b: 10 * torch.log10(4 / (a - b).square().sum((1, 2, 3))),
    lambda a, b: 10 * torch.log10(4 / (a.clamp_(-1, 1) - b.clamp_(-1, 1)).square().mean((1, 2, 3))),
    lambda a, b: 10 * torch.log10(255**2 / (a - b).square().mean((1, 2, 3))),
    lambda a, b: torch.log10(4 / (a - b).square().mean((1, 2, 3))),
    lambda a, b: 10 * torch.log10((a.amax() - a.amin()) ** 2 / (a - b).square().mean((1, 2, 3))),
    lambda a, b: (a - b).square().mean((1, 2, 3)),
]


# --- median of windows --------------------------------------------------------------------------------


def median_by_loop(image, window):
    h, w = image.shape
    return [
        [statistics.median(image[i : i + window, j : j + window].flatten().tolist()) for j in range(w - window + 1)]
        for i in range(h - window + 1)
    ]


def median_by_shifts(image, window):
    h, w = image.shape[0] - window + 1, image.shape[1] - window + 1
    layers = [image[i : i + h, j : j + w] for i in range(window) for j in range(window)]
    return torch.stack(layers).sort(dim=0).values[window * window // 2]


def median_by_scipy(image, window):
    edge = window // 2
    full = ndimage.median_filter(image.numpy(), window)
    return full[edge : image.shape[0] - edge, edge : image.shape[1] - edge]


def median_by_unfold(image, window):
    columns = torch.nn.functional.unfold(image[None, None], window)[0]
    return columns.median(0).values.view(image.shape[0] - window + 1, image.shape[1] - window + 1)


def windows_of(image, window):
    return image.unfold(0, window, 1).unfold(1, window, 1)


RIGHT["median of windows"] = [
    median_by_loop,
    median_by_shifts,
    median_by_scipy,
    median_by_unfold,
    lambda x, k: np.median(np.lib.stride_tricks.sliding_window_view(x.numpy(), (k, k)), axis=(2, 3)),
    lambda x, k: windows_of(x, k).reshape(x.shape[0] - k + 1, x.shape[1] - k + 1, -1).quantile(0.5, dim=-1),
    lambda x, k: windows_of(x.double(), k).flatten(2).kthvalue(k * k // 2 + 1, dim=2)[0],
    lambda x, k: windows_of(x, k).flatten(2).median(2)[0].clone(),
]
WRONG["median of windows"] = [
    lambda x, k: windows_of(x, k).mean((2, 3)),
    lambda x, k: windows_of(x, k).flatten(2).median(2),
    lambda x, k: windows_of(x, k).median(3).values.median(2).values,
    lambda x, k: windows_of(x, k).median(2).values.median(2).values,
    lambda x, k: windows_of(x, 3).flatten(2).median(2).values,
    lambda x, k: windows_of(x, k).flatten(2).median(2).indices,
    lambda x, k: windows_of(x, k).flatten(2).amax(2),
    lambda x, k: windows_of(x, k).flatten(2).median(2).values.T,
    lambda x, k: windows_of(x, k).flatten(2).median(),
    lambda x, k: x.median(),
    lambda x, k: torch.from_numpy(ndimage.median_filter(x.numpy(), k)),
    lambda x, k: windows_of(x, k).flatten(2).median(2).values.clamp(-1, 1),
    lambda x, k: windows_of(x, k).flatten(2)[..., k * k // 2],
    lambda x, k: windows_of(x, k).flatten(2).sort(2).values[..., k * k // 2 - 1],
    lambda x, k: windows_of(x, k).flatten(2).mode(2).values,
    lambda x, k: x.unfold(0, k, k).unfold(1, k, k).flatten(2).median(2).values,
    lambda x, k: x.unfold(1, k, 1).median(2).values,
]


# --- several draws ------------------------------------------------------------------------------------


def draws_by_hand(log_weights):
    largest = log_weights.max(0, keepdim=True).values
    return (largest + torch.log(torch.exp(log_weights - largest).mean(0, keepdim=True)))[0]


def draws_by_loop(log_weights):
    found = []
    for column in log_weights.T.tolist():
        top = max(column)
        found.append(top + math.log(sum(math.exp(w - top) for w in column) / len(column)))
    return found


def draws_by_adding(log_weights):
    total = log_weights[0]
    for row in log_weights[1:]:
        total = torch.logaddexp(total, row)
    return total - math.log(log_weights.shape[0])


RIGHT["several draws"] = [
    draws_by_hand,
    draws_by_loop,
    draws_by_adding,
    lambda w: torch.logsumexp(w - math.log(len(w)), dim=0),
    lambda w: special.logsumexp(w.numpy(), axis=0) - np.log(w.shape[0]),
    lambda w: torch.logsumexp(w.double(), 0) - torch.tensor(float(len(w))).log(),
    lambda w: -((w.log_softmax(0) - w)[0]) - math.log(len(w)),
]
WRONG["several draws"] = [
    lambda w: w.exp().mean(0).log(),
    lambda w: w.mean(0),
    lambda w: w.logsumexp(0),
    lambda w: w.logsumexp(1),
    lambda w: w.logsumexp(1) - math.log(w.shape[1]),
    lambda w: w.logsumexp(0) - math.log(w.shape[1]),
    lambda w: w.logsumexp(0) / len(w),
    lambda w: w.logsumexp(0) + math.log(len(w)),
    lambda w: w.logsumexp(0) - len(w),
    lambda w: w.max(0).values,
    lambda w: w.max(0),
    lambda w: w.logsumexp(0).mean() - math.log(len(w)),
    lambda w: w.logsumexp(0) - math.log2(len(w)),
    lambda w: (w - w.max()).exp().mean(0).log() + w.max() if w.max() < 0 else w.mean(0),
    lambda w: (w.double().exp().mean(0) + 1e-300).log(),
    lambda w: (w - w.max(0).values).exp().mean(0).log(),
    lambda w: w.logsumexp(0) - math.log(50),
]


# --- all codes ----------------------------------------------------------------------------------------


def codes_by_loop(mean, log_variance):
    n, k = mean.shape
    first = [sum(mean[:, j].tolist()) / n for j in range(k)]
    square = [float((log_variance[:, j].exp() + mean[:, j] ** 2).sum()) / n for j in range(k)]
    return first, [b - a * a for a, b in zip(first, square, strict=True)]


def codes_by_library(mean, log_variance):
    parts = Independent(Normal(mean.double(), (log_variance.double() / 2).exp()), 1)
    mixture = MixtureSameFamily(Categorical(torch.ones(len(mean)).double()), parts)
    return mixture.mean, mixture.variance


def within(log_variance):
    return log_variance.exp().mean(0)


RIGHT["all codes"] = [
    codes_by_loop,
    codes_by_library,
    lambda m, s: (m.mean(0), within(s) + m.var(0, unbiased=False)),
    lambda m, s: [m.mean(0), within(s) + (m - m.mean(0)).square().mean(0)],
    lambda m, s: torch.stack([m.mean(0), (s.exp() + m.square()).mean(0) - m.mean(0).square()]),
    lambda m, s: (m.numpy().mean(0), np.exp(s.numpy()).mean(0) + m.numpy().var(0)),
    lambda m, s: (m.double().mean(0), (s / 2).double().exp().square().mean(0) + m.double().std(0, correction=0) ** 2),
]
WRONG["all codes"] = [
    lambda m, s: (m.mean(0), within(s)),
    lambda m, s: (m.mean(0), m.var(0, correction=0)),
    lambda m, s: (m.mean(0), within(s) + m.var(0)),
    lambda m, s: (m.mean(0), s.mean(0) + m.var(0, correction=0)),
    lambda m, s: (m.mean(0), (s / 2).exp().mean(0) + m.var(0, correction=0)),
    lambda m, s: (m.mean(0), (within(s) + m.var(0, correction=0)).sqrt()),
    lambda m, s: (m.mean(0), (within(s) + m.var(0, correction=0)).log()),
    lambda m, s: (m.mean(0), s.mean(0).exp() + m.var(0, correction=0)),
    lambda m, s: (m.mean(0), (s.exp() + m.square()).mean(0)),
    lambda m, s: (within(s) + m.var(0, correction=0), m.mean(0)),
    lambda m, s: m.mean(0),
    lambda m, s: (m.mean(1), s.exp().mean(1) + m.var(1, correction=0)),
    lambda m, s: (m.mean(), within(s).mean() + m.var(correction=0)),
    lambda m, s: (m.sum(0), within(s) + m.var(0, correction=0)),
    lambda m, s: (m.mean(0), within(s) / len(m) + m.var(0, correction=0)),
    lambda m, s: (m.mean(0), within(s) + m.std(0, correction=0)),
    lambda m, s: (m, s.exp()),
    lambda m, s: (torch.zeros(m.shape[1]), torch.ones(m.shape[1])),
]


# --- first bad step -----------------------------------------------------------------------------------


def first_by_loop(losses):
    for step, row in enumerate(losses.tolist(), 1):
        if not all(map(math.isfinite, row)):
            return step
    return 0


def first_by_numpy(losses):
    bad = ~np.isfinite(losses.numpy()).all(axis=1)
    return int(bad.argmax()) + 1 if bad.any() else 0


def first_by_next(losses):
    return next((i + 1 for i in range(len(losses)) if not bool(losses[i].isfinite().all())), 0)


def first_by_sum(losses):
    sums = losses.double().sum(1)
    bad = (~torch.isfinite(sums)).nonzero()
    return bad[0] + 1 if len(bad) else torch.tensor([0])


def first_by_cumsum(losses):
    fine = losses.isfinite().all(1)
    return 0 if fine.all() else fine.int().cumprod(0).sum() + 1


def first_by_min(losses):
    bad = torch.isnan(losses) | torch.isinf(losses)
    return min([int(step) + 1 for step in bad.nonzero()[:, 0]], default=0)


def first_in_place(losses):
    losses[losses.isfinite()] = 0
    bad = (losses != 0).any(1).nonzero().flatten() + 1
    return float(bad.min()) if bad.numel() else 0.0


RIGHT["first bad step"] = [
    first_by_loop, first_by_numpy, first_by_next, first_by_sum, first_by_cumsum, first_by_min, first_in_place,
]  # fmt: skip
WRONG["first bad step"] = [
    lambda losses: max(0, first_by_loop(losses) - 1),
    lambda losses: next((i + 1 for i, row in enumerate(losses) if row.isnan().any()), 0),
    lambda losses: next((i + 1 for i, row in enumerate(losses) if row.isinf().any()), 0),
    lambda losses: next((i + 1 for i, row in enumerate(losses) if not row[0].isfinite()), 0),
    lambda losses: next((i + 1 for i, row in enumerate(losses) if not row.isfinite().any()), 0),
    lambda losses: (~losses.isfinite()).any(1).sum(),
    lambda losses: (~losses.isfinite()).sum(),
    lambda losses: int((~losses.isfinite()).any(1).int().argmax()) + 1,
    lambda losses: first_by_loop(losses) or None,
    lambda losses: first_by_loop(losses) or len(losses),
    lambda losses: (~losses.isfinite()).any(1),
    lambda losses: len(losses) - first_by_loop(losses),
    lambda losses: [i + 1 for i, row in enumerate(losses) if not row.isfinite().all()],
    lambda losses: first_by_loop(losses.T),
]


# --- copied share -------------------------------------------------------------------------------------


def copied_by_cdist(fake, held_out, train):
    near = torch.cdist(fake.double(), train.double()).amin(1)
    return (near < torch.cdist(held_out.double(), train.double()).min()).double().mean()


def copied_by_loop(fake, held_out, train):
    def nearest(row):
        return min(math.dist(row, other) for other in train.tolist())

    limit = min(map(nearest, held_out.tolist()))
    return sum(nearest(row) < limit for row in fake.tolist()) / len(fake)


def copied_by_numpy(fake, held_out, train):
    f, h, t = (x.numpy() for x in (fake, held_out, train))
    gaps = [np.linalg.norm(x[:, None] - t, axis=2).min(axis=1) for x in (f, h)]
    return np.mean(gaps[0] < gaps[1].min())


def copied_by_squares(fake, held_out, train):
    def squares(rows):
        return ((rows.unsqueeze(1) - train) ** 2).sum(2).min(1)[0]

    return (squares(fake) < squares(held_out).min()).float().mean()


def copied_by_topk(fake, held_out, train):
    near, fresh = (torch.cdist(x, train).topk(1, largest=False).values[:, 0] for x in (fake, held_out))
    return float((near < fresh.min()).sum()) / len(fake)


def copied_by_sort(fake, held_out, train):
    near, fresh = (torch.cdist(x, train).sort(dim=1).values[:, 0] for x in (fake, held_out))
    return [bool(n < fresh.sort().values[0]) for n in near].count(True) / fake.shape[0]


RIGHT["copied share"] = [
    copied_by_cdist, copied_by_loop, copied_by_numpy, copied_by_squares, copied_by_topk, copied_by_sort,
]  # fmt: skip
WRONG["copied share"] = [
    lambda fake, held_out, train: copied_by_loop(fake, held_out, train) * len(fake) + 1,
    lambda fake, held_out, train: 1 - copied_by_loop(fake, held_out, train),
    lambda fake, held_out, train: (
        (torch.cdist(fake, train).amin(1) < torch.cdist(held_out, train).amin(1).mean()).float().mean()
    ),
    lambda fake, held_out, train: (
        (torch.cdist(fake, train).amin(1) < torch.cdist(held_out, train).amin(1).max()).float().mean()
    ),
    lambda fake, held_out, train: (torch.cdist(fake, train) < torch.cdist(held_out, train).min()).float().mean(),
    lambda fake, held_out, train: (
        (torch.cdist(fake, held_out).amin(1) < torch.cdist(train, held_out).min()).float().mean()
    ),
    lambda fake, held_out, train: (
        (torch.cdist(train, fake).amin(1) < torch.cdist(train, held_out).min()).float().mean()
    ),
    lambda fake, held_out, train: torch.cdist(fake, train).amin(1) < torch.cdist(held_out, train).min(),
    lambda fake, held_out, train: torch.cdist(fake, train).amin(1).mean() / torch.cdist(held_out, train).amin(1).mean(),
    lambda fake, held_out, train: copied_by_loop(held_out, fake, train) + 0.5,
    lambda fake, held_out, train: (
        (torch.cdist(fake, train).amax(1) < torch.cdist(held_out, train).amin()).float().mean()
    ),
    lambda fake, held_out, train: (torch.cdist(fake, train).amin(1) == 0).float().mean(),
]


# --- whole gradient -----------------------------------------------------------------------------------


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


# --- shard --------------------------------------------------------------------------------------------


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


# --- complete R1 --------------------------------------------------------------------------------------


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
