"""Forms of the answers to the exercises of notebook 17."""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F

RIGHT: dict[str, list] = {}
WRONG: dict[str, list] = {}


# --- cycle loss ---------------------------------------------------------------------------------------


def cycle_by_pixels(to_a, to_b, a, b):
    total = 0.0
    for images, there, back in ((a, to_b, to_a), (b, to_a, to_b)):
        differences = (back(there(images)) - images).flatten().tolist()
        total += sum(abs(d) for d in differences) / len(differences)
    return total


def cycle_by_pictures(to_a, to_b, a, b):
    of_a = [F.l1_loss(to_a(to_b(x[None])), x[None]) for x in a]
    of_b = [F.l1_loss(to_b(to_a(x[None])), x[None]) for x in b]
    return torch.stack(of_a).mean() + torch.stack(of_b).mean()


def cycle_numpy(to_a, to_b, a, b):
    ways = (to_a(to_b(a)).numpy() - a.numpy(), to_b(to_a(b)).numpy() - b.numpy())
    return sum(np.abs(way).mean() for way in ways)


def cycle_by_maximum(to_a, to_b, a, b):
    def error(x, y):
        return torch.maximum(x - y, y - x).mean()

    return [error(to_a(to_b(a)), a) + error(to_b(to_a(b)), b)]


RIGHT["cycle loss"] = [
    lambda to_a, to_b, a, b: F.l1_loss(to_a(to_b(a)), a) + F.l1_loss(to_b(to_a(b)), b),
    lambda to_a, to_b, a, b: (to_a(to_b(a)) - a).abs().mean() + (b - to_b(to_a(b))).abs().mean(),
    cycle_by_pixels,
    cycle_by_pictures,
    cycle_numpy,
    cycle_by_maximum,
    lambda to_a, to_b, a, b: float(torch.nn.L1Loss()(to_b(to_a(b)), b)) + float(torch.nn.L1Loss()(to_a(to_b(a)), a)),
]
WRONG["cycle loss"] = [
    lambda to_a, to_b, a, b: F.l1_loss(to_a(to_b(a)), a),
    lambda to_a, to_b, a, b: F.l1_loss(to_b(to_a(b)), b),
    lambda to_a, to_b, a, b: (F.l1_loss(to_a(to_b(a)), a) + F.l1_loss(to_b(to_a(b)), b)) / 2,
    lambda to_a, to_b, a, b: F.l1_loss(to_b(to_a(a)), a) + F.l1_loss(to_a(to_b(b)), b),
    lambda to_a, to_b, a, b: F.mse_loss(to_a(to_b(a)), a) + F.mse_loss(to_b(to_a(b)), b),
    lambda to_a, to_b, a, b: F.l1_loss(to_b(a), a) + F.l1_loss(to_a(b), b),
    lambda to_a, to_b, a, b: F.l1_loss(to_a(a), a) + F.l1_loss(to_b(b), b),
    lambda to_a, to_b, a, b: (to_a(to_b(a)) - a).mean() + (to_b(to_a(b)) - b).mean(),
    lambda to_a, to_b, a, b: (to_a(to_b(a)) - a).abs().sum() + (to_b(to_a(b)) - b).abs().sum(),
    lambda to_a, to_b, a, b: torch.cat([(to_a(to_b(a)) - a).flatten(), (to_b(to_a(b)) - b).flatten()]).abs().mean(),
    lambda to_a, to_b, a, b: torch.stack([F.l1_loss(to_a(to_b(a)), a), F.l1_loss(to_b(to_a(b)), b)]),
    lambda to_a, to_b, a, b: F.l1_loss(to_a(to_b(a)), a) - F.l1_loss(to_b(to_a(b)), b),
    lambda to_a, to_b, a, b: F.mse_loss(to_a(to_b(a)), a).sqrt() + F.mse_loss(to_b(to_a(b)), b).sqrt(),
    lambda to_a, to_b, a, b: to_a(to_b(a)),
    lambda to_a, to_b, a, b: (to_a(to_b(a)) - a).mean().abs() + (to_b(to_a(b)) - b).mean().abs(),
]


# --- what D sees --------------------------------------------------------------------------------------


def pool_by_list(fakes, places, exchanged, size):
    pool, seen = [None] * size, []
    for step in range(len(fakes)):
        row = []
        for fake, place, coin in zip(fakes[step], places[step].tolist(), exchanged[step], strict=True):
            if pool[place] is None:
                pool[place] = fake
                row.append(fake)
            elif coin:
                row.append(pool[place])
                pool[place] = fake
            else:
                row.append(fake)
        seen.append(row)
    return seen


def pool_vectorised(fakes, places, exchanged, size):
    pool, filled, seen = torch.zeros(size), torch.zeros(size, dtype=torch.bool), []
    for new, where, coin in zip(fakes, places, exchanged, strict=True):
        old, known = pool[where], filled[where]
        swap = known & coin
        pool[where] = torch.where(swap | ~known, new, old)
        filled[where] = True
        seen.append(torch.where(swap, old, new))
    return torch.stack(seen)


def pool_with_nan(fakes, places, exchanged, size):
    pool, out = torch.full((size,), float("nan")), fakes.clone()
    for t in range(len(fakes)):
        for i in range(fakes.shape[1]):
            p = places[t, i]
            if pool[p].isnan():
                pool[p] = fakes[t, i]
            elif exchanged[t, i]:
                out[t, i], pool[p] = pool[p].clone(), fakes[t, i]
    return out


def pool_by_dict(fakes, places, exchanged, size):
    pool, seen = {}, []
    for new, where, coins in zip(fakes.numpy(), places.numpy(), exchanged.numpy(), strict=True):
        row = []
        for f, p, c in zip(new, where, coins, strict=True):
            old = pool.get(int(p))
            row.append(old if old is not None and c else f)
            if old is None or c:
                pool[int(p)] = f
        seen.append(row)
    return np.array(seen)


def pool_looking_back(fakes, places, exchanged, size):
    """For each picture, the step at which its place was last filled."""
    out = fakes.clone()
    for t in range(len(fakes)):
        for i in range(fakes.shape[1]):
            held = None
            for s in range(t):
                for j in range(fakes.shape[1]):
                    if places[s, j] == places[t, i] and (held is None or exchanged[s, j]):
                        held = fakes[s, j]
            if held is not None and exchanged[t, i]:
                out[t, i] = held
    return out


def pool_in_place(fakes, places, exchanged, size):
    pool, filled = torch.empty(size), set()
    for t in range(len(fakes)):
        for i, p in enumerate(places[t].tolist()):
            if p not in filled:
                filled.add(p)
                pool[p] = fakes[t, i]
            elif exchanged[t, i]:
                pool[p], fakes[t, i] = fakes[t, i].clone(), pool[p].clone()
    return fakes


RIGHT["what D sees"] = [
    pool_by_list,
    pool_vectorised,
    pool_with_nan,
    pool_by_dict,
    pool_looking_back,
    pool_in_place,
    lambda fakes, places, exchanged, size: tuple(map(tuple, pool_by_list(fakes, places, exchanged, size))),
]


def wrong_pool(stores, gives, start=0.0, forget=False):
    def run(fakes, places, exchanged, size):
        pool, out = {}, fakes.clone()
        for t in range(len(fakes)):
            pool = {} if forget else pool
            for i in range(fakes.shape[1]):
                p, coin = int(places[t, i]), bool(exchanged[t, i])
                free, old = p not in pool, pool.get(p, torch.tensor(start))
                if gives(coin, free):
                    out[t, i] = old
                if stores(coin, free):
                    pool[p] = fakes[t, i]
        return out

    return run


WRONG["what D sees"] = [
    lambda fakes, places, exchanged, size: fakes,
    wrong_pool(lambda c, f: c or f, lambda c, f: c),
    wrong_pool(lambda c, f: True, lambda c, f: c and not f),
    wrong_pool(lambda c, f: c, lambda c, f: c and not f),
    wrong_pool(lambda c, f: f, lambda c, f: c and not f),
    wrong_pool(lambda c, f: c or f, lambda c, f: not f),
    wrong_pool(lambda c, f: not c or f, lambda c, f: not c and not f),
    wrong_pool(lambda c, f: c or f, lambda c, f: c and not f, forget=True),
    wrong_pool(lambda c, f: c or f, lambda c, f: c, start=1.0),
    lambda fakes, places, exchanged, size: pool_vectorised(fakes, places, exchanged, size)[-1],
    lambda fakes, places, exchanged, size: pool_vectorised(fakes, places, exchanged, size).flip(0),
    lambda fakes, places, exchanged, size: torch.where(exchanged, fakes.roll(1, 0), fakes),
    lambda fakes, places, exchanged, size: pool_vectorised(fakes, places.flip(1), exchanged, size),
    lambda fakes, places, exchanged, size: torch.zeros(size),
]


# --- error outside ------------------------------------------------------------------------------------


def outside_loop(images, truth, changed):
    return [float((x - t).abs()[(~m).expand_as(x)].mean()) for x, t, m in zip(images, truth, changed, strict=True)]


def outside_numpy(images, truth, changed):
    x, t, m = images.numpy(), truth.numpy(), np.broadcast_to(~changed.numpy(), images.shape)
    return np.ma.masked_array(np.abs(x - t), ~m).mean(axis=(1, 2, 3)).filled(0)


def outside_nan(images, truth, changed):
    return (images - truth).abs().masked_fill(changed, float("nan")).flatten(1).nanmean(1)


def outside_weights(images, truth, changed):
    weight = (~changed).float().expand_as(images)
    return ((images - truth).abs() * weight).sum((1, 2, 3)) / weight.sum((1, 2, 3))


def outside_einsum(images, truth, changed):
    keep = (~changed)[:, 0].float()
    return torch.einsum("nchw,nhw->n", (images - truth).abs(), keep) / keep.sum((1, 2)) / images.shape[1]


def outside_channel_mean(images, truth, changed):
    per_pixel = (images - truth).abs().mean(1)
    return torch.stack([p[~m[0]].mean() for p, m in zip(per_pixel, changed, strict=True)])


RIGHT["error outside"] = [
    outside_loop,
    outside_numpy,
    outside_nan,
    outside_weights,
    outside_einsum,
    outside_channel_mean,
    lambda x, t, m: ((x - t).abs() * ~m).flatten(1).sum(1) / ((~m).flatten(1).sum(1) * x.shape[1]),
]
WRONG["error outside"] = [
    lambda x, t, m: outside_loop(x, t, ~m),
    lambda x, t, m: (x - t).abs().flatten(1).mean(1),
    lambda x, t, m: ((x - t).abs() * ~m).flatten(1).mean(1),
    lambda x, t, m: ((x - t).abs() * ~m).flatten(1).sum(1) / (~m).flatten(1).sum(1) + (x.shape[1] == 1),
    lambda x, t, m: ((x - t).square() * ~m).flatten(1).sum(1) / (~m).expand_as(x).flatten(1).sum(1),
    lambda x, t, m: (((x - t).square() * ~m).flatten(1).sum(1) / (~m).expand_as(x).flatten(1).sum(1)).sqrt(),
    lambda x, t, m: (x - t).abs()[(~m).expand_as(x)].mean(),
    lambda x, t, m: outside_weights(x, t, m).mean(),
    lambda x, t, m: ((x - t).abs() * ~m).flatten(1).sum(1),
    lambda x, t, m: ((x - t) * ~m).flatten(1).sum(1) / (~m).expand_as(x).flatten(1).sum(1),
    lambda x, t, m: ((x - t).abs() * ~m).flatten(1).amax(1),
    lambda x, t, m: ((x - t).abs() * ~m).sum((2, 3)) / (~m).sum((2, 3)),
    lambda x, t, m: outside_weights(x, t, m[:1].expand_as(m)),
    lambda x, t, m: (x - t).abs()[m.expand_as(x)].mean(),
    lambda x, t, m: (x - t).abs()[(~m).expand_as(x)],
    lambda x, t, m: ((x - t) * ~m).flatten(1).sum(1).abs() / (~m).expand_as(x).flatten(1).sum(1),
]


# --- cheat the losses ---------------------------------------------------------------------------------


def halves_exchanged(numbers):
    return torch.where(numbers < 0, numbers + 1, numbers - 1)


def quarters_exchanged(numbers):
    out = numbers.clone()
    for low, shift in ((-1.0, 1.5), (-0.5, 0.5), (0.0, -0.5), (0.5, -1.5)):
        inside = (numbers >= low) & (numbers < low + 0.5)
        out[inside] = numbers[inside] + shift
    return out


def stripes(numbers):
    """Neighbouring stripes of 0.5 mirrored at 0, the others too."""
    return -1 * numbers.numpy()


RIGHT["cheat the losses"] = [
    lambda numbers: -numbers,
    halves_exchanged,
    lambda numbers: [-x for x in numbers.tolist()],
    stripes,
    lambda numbers: torch.remainder(numbers + 2, 2) - 1,
    lambda numbers: numbers.sign() * (1 - numbers.abs()),
    lambda numbers: (1 - (numbers + 1)) if len(numbers) else numbers,
    quarters_exchanged,
]
WRONG["cheat the losses"] = [
    lambda numbers: numbers,
    lambda numbers: numbers.flip(0),
    lambda numbers: numbers[torch.randperm(len(numbers))],
    lambda numbers: -(numbers**3),
    lambda numbers: numbers + 1,
    lambda numbers: torch.remainder(numbers + 1.5, 2) - 1,
    lambda numbers: torch.zeros_like(numbers),
    lambda numbers: torch.rand_like(numbers) * 2 - 1,
    lambda numbers: -numbers / 2,
    lambda numbers: numbers.abs(),
    lambda numbers: -numbers + 0.01 * torch.randn_like(numbers),
    lambda numbers: -numbers[:10],
    lambda numbers: numbers / 0,
    lambda numbers: numbers.sort().values,
    lambda numbers: torch.where(numbers.abs() < 0.2, -numbers, numbers),
    lambda numbers: 1 / numbers,
    lambda numbers: -(2 * numbers.abs() - 1),
]


# --- hidden signal ------------------------------------------------------------------------------------


def by_noise(there, back, images, sigma=0.05, times=8):
    halfway = there(images)
    noise = sigma * torch.randn(halfway.shape)
    change = (back(halfway + noise) - back(halfway)).abs().mean()
    return bool(change > times * noise.abs().mean())


def by_growth(there, back, images):
    def error(sigma):
        halfway = there(images)
        return float((back(halfway + sigma * torch.randn_like(halfway)) - images).abs().mean())

    return error(0.05) - error(0.0) > 0.3


def by_rounding(there, back, images):
    halfway = there(images)
    rounded = (halfway * 16).round() / 16
    return ((back(rounded) - back(halfway)).abs().mean() > 10 * (rounded - halfway).abs().mean() + 1e-6).item()


def by_uniform_noise(there, back, images):
    halfway = there(images)
    noise = torch.empty_like(halfway).uniform_(-0.05, 0.05)
    return 1 if (back(halfway + noise) - back(halfway)).abs().mean() > 0.3 else 0


def by_numpy_noise(there, back, images):
    halfway = there(images)
    noise = torch.from_numpy(np.random.default_rng(0).normal(0, 0.03, halfway.shape)).float()
    return np.abs((back(halfway + noise) - back(halfway)).numpy()).max() > 1.0


def by_brightness(there, back, images):
    halfway = there(images)
    return (back(halfway + 0.02) - back(halfway)).abs().mean() > 0.2


RIGHT["hidden signal"] = [
    by_noise,
    by_growth,
    by_rounding,
    by_uniform_noise,
    by_numpy_noise,
    by_brightness,
    lambda there, back, images: by_noise(there, back, images, sigma=0.1, times=5),
    lambda there, back, images: float(by_noise(there, back, images)),
]
WRONG["hidden signal"] = [
    lambda there, back, images: True,
    lambda there, back, images: False,
    lambda there, back, images: not by_noise(there, back, images),
    lambda there, back, images: (back(there(images)) - images).abs().mean() < 0.01,
    lambda there, back, images: (back(there(images)) - images).abs().mean() > 0.01,
    lambda there, back, images: (there(images) - images).abs().mean() > 0.3,
    lambda there, back, images: (back(there(images + 0.05 * torch.randn_like(images))) - images).abs().mean() > 0.3,
    lambda there, back, images: (back(there(images)) + 0.05 * torch.randn_like(images) - images).abs().mean() > 0.3,
    lambda there, back, images: (
        (back(there(images) + 0.05 * torch.randn_like(images)) - images).abs().mean()
        > 2 * (back(there(images)) - images).abs().mean()
    ),
    lambda there, back, images: (back(there(images) + 0.05 * torch.randn_like(images)) - images).abs().mean(),
    lambda there, back, images: "yes",
    lambda there, back, images: there(images).std() < 0.1,
    lambda there, back, images: by_noise(back, there, images),
    lambda there, back, images: (back(there(images) + 0.05 * torch.randn_like(images)) - images).abs().mean() > 0.03,
    lambda there, back, images: [by_noise(there, back, images)] * 2,
]
