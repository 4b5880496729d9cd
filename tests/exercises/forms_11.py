"""Notebook 11: right and wrong forms of every answer, in the styles that readers write."""

from __future__ import annotations

from itertools import pairwise, product

import numpy as np
import torch
import torch.nn.functional as F

from gan_helpers.latent.paths import slerp

RIGHT: dict[str, list] = {}
WRONG: dict[str, list] = {}


# --- there and back ----------------------------------------------------------------------------------


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


# --- open film ---------------------------------------------------------------------------------------


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


# --- swap codes --------------------------------------------------------------------------------------


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
