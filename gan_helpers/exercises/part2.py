"""The exercises of notebooks 05 to 07: sampling, measuring, stable training."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from itertools import product
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from gan_helpers.exercises.calling import Hint, call
from gan_helpers.exercises.judging import Case, Draw, effect, exercise
from gan_helpers.exercises.values import as_tensor, copied, distinct
from gan_helpers.metrics.distances import covered, frechet_distance

# --- notebook 05 --------------------------------------------------------------------------------------


@effect("truncated latents", "what lies outside is drawn again, so the bell keeps its shape up to the limit.")
def _truncated_latents(answer: Any, draw: Draw) -> None:
    for n, latent_dim, limit in ((2, 3, 1.0), (300, 80, 1.0), (125, 80, 0.5), (100, 100, 2.0), (1, 1, 0.3)):
        given = as_tensor(call(answer, n, latent_dim, limit, names=("n", "latent_dim", "limit")))
        found, case = given.double(), f"for n = {n}, latent_dim = {latent_dim} and limit = {limit}"
        if tuple(found.shape) != (n, latent_dim):
            raise Hint(f"{case} the shape is {tuple(found.shape)}; it should be {(n, latent_dim)}.")
        if not found.isfinite().all():
            raise Hint(f"{case} some values are not finite numbers.")
        if (largest := float(found.abs().max())) > limit * (1 + 1e-3):
            raise Hint(f"{case} the largest value is {distinct(largest, limit)[0]}, beyond the limit.")
        if found.numel() > 1000:
            _check_bell(found, limit, case, rounded=given.dtype in (torch.float16, torch.bfloat16))


def _check_bell(found: Tensor, limit: float, case: str, rounded: bool) -> None:
    """Is it a normal distribution cut off at the limit? A right answer fails once in ten million draws."""
    if (found.abs() >= limit * (1 - 1e-6)).double().mean() > 0.01 and not rounded:
        raise Hint(f"{case} values pile up at the limit: draw them again instead of clamping them.")
    if len(found.unique()) < 0.9 * found.numel() and not rounded:
        raise Hint(f"{case} the same numbers occur again and again: draw each of them on its own.")
    if max(_gap(found, limit), _gap(found.abs(), limit, folded=True)) > 3 + 0.6 * rounded or _too_wide(found, limit):
        ours, right = distinct(float(found.square().mean().sqrt()), math.sqrt(_moment(limit, 2)))
        raise Hint(
            f"{case} the values are not those of a bell cut off at the limit: their root mean square is {ours}, that "
            f"of the bell {right}. Draw from the normal distribution, and again only what is outside."
        )


def _moment(limit: float, power: int) -> float:
    """The mean of z ** power for standard normal z between -limit and limit, by a sum over a grid."""
    z = torch.linspace(-limit, limit, 20_001, dtype=torch.float64)
    weights = (-z.square() / 2).exp()
    return float((weights * z**power).sum() / weights.sum())


def _too_wide(values: Tensor, limit: float) -> bool:
    """Is the mean square off by more than five standard errors? Here few wrong values tell most."""
    variance = (_moment(limit, 4) - _moment(limit, 2) ** 2) / values.numel()
    return abs(float(values.square().mean()) - _moment(limit, 2)) > 5 * math.sqrt(variance)


def _gap(values: Tensor, limit: float, folded: bool = False) -> float:
    """Kolmogorov's distance of the values (or of their sizes) from the bell, times the root of their number."""
    values = values.flatten().sort().values
    share = torch.erf(values / math.sqrt(2)) / math.erf(limit / math.sqrt(2))
    below = share if folded else (1 + share) / 2
    return float((below - torch.arange(1, len(values) + 1) / len(values)).abs().max()) * math.sqrt(len(values))


def _moved(pictures: Tensor, moves: list[tuple[int, int]]) -> Tensor:
    return torch.cat([pictures.roll(move, (2, 3)) for move in moves])


AROUND = list(product((-1, 0, 1), repeat=2))


def _all_distances(samples: Tensor, pictures: Tensor, moves: list[tuple[int, int]], p: float = 2) -> Tensor:
    """(N, moves * M), without the rounding of cdist."""
    return (samples.flatten(1)[:, None] - _moved(pictures, moves).flatten(1)).double().norm(p, dim=2)


def _moved_copies_cases(draw: Draw) -> Iterator[Case]:
    for n, m, c, h, w in ((2, 2, 1, 3, 3), (9, 5, 1, 6, 5), (1, 7, 3, 4, 6), (12, 1, 1, 5, 5), (18, 20, 1, 7, 4)):
        pictures = draw.uniform(-1, 1, m, c, h, w)
        moves = [AROUND[(4 * i + 1) % 9] if i % 5 < 4 else (2, 1) for i in range(n)]  # some are moved too far
        chosen = [_moved(pictures[draw.integer(0, m - 1)][None], [move]) for move in moves]
        yield torch.cat(chosen) + 0.15 * draw.normal(n, c, h, w), pictures


def _closest(moves: list[tuple[int, int]], p: float = 2) -> Callable[[Tensor, Tensor], Tensor]:
    return lambda samples, pictures: _all_distances(samples, pictures, moves, p).min(1).values


@exercise(
    "moved copies",
    "a copy that is moved by a pixel is far away pixel by pixel, and a copy all the same.",
    _moved_copies_cases,
    {
        "the pictures are not moved at all": _closest([(0, 0)]),
        "you move them left and right only": _closest([(0, -1), (0, 0), (0, 1)]),
        "you move them up and down only": _closest([(-1, 0), (0, 0), (1, 0)]),
        "the four moves along a diagonal are missing": _closest([move for move in AROUND if 0 in move]),
        "the unmoved pictures are missing": _closest([move for move in AROUND if any(move)]),
        "the moves in one direction are missing: each axis has -1, 0 and 1": _closest([(0, 0), (0, 1), (1, 0), (1, 1)]),
        "you add up absolute differences; the Euclidean distance squares them": _closest(AROUND, 1),
        "that is the squared distance: take the root": lambda s, p: _closest(AROUND)(s, p) ** 2,
        "that is the number of the nearest picture; the distance to it is asked for": (
            lambda s, p: _all_distances(s, p, AROUND).argmin(1) % len(p)
        ),
        "you found, for each picture, the nearest sample; asked is one distance for each sample": (
            lambda s, p: _closest(AROUND)(p, s)
        ),
        "that is the root of the mean square; the distance adds the squares up": (
            lambda s, p: _closest(AROUND)(s, p) / math.sqrt(s[0].numel())
        ),
    },
)
def _moved_copies(samples: Tensor, pictures: Tensor) -> Tensor:
    return _closest(AROUND)(samples, pictures)


# --- notebook 06 --------------------------------------------------------------------------------------


def _diagonal_cases(draw: Draw) -> Iterator[Case]:
    yield torch.tensor([[0.0], [2.0], [4.0]]), torch.tensor([[1.0], [2.0]])
    for n, m, f in ((40, 25, 2), (6, 9, 5), (3, 60, 1), (12, 12, 8)):
        mix = draw.normal(f, f)  # correlated features: the full covariance gives another number
        a, b = draw.normal(n, f) @ mix, draw.normal(m, f) @ mix
        yield a + draw.normal(f), b * draw.uniform(0.4, 2.5, f) + draw.normal(f)


def _gaps(a: Tensor, b: Tensor, correction: int = 1) -> tuple[Tensor, Tensor]:
    return a.mean(0) - b.mean(0), a.std(0, correction=correction) - b.std(0, correction=correction)


def _diagonal(a: Tensor, b: Tensor) -> Tensor:
    return sum(gap.square().sum() for gap in _gaps(a, b))


@exercise(
    "frechet diagonal",
    "axis by axis there is no square root of a matrix: spreads are compared like means. It overlooks correlations.",
    _diagonal_cases,
    {
        "you compare variances; the formula compares standard deviations": (
            lambda a, b: _gaps(a, b)[0].square().sum() + (a.var(0) - b.var(0)).square().sum()
        ),
        "the means have no part in it": lambda a, b: _gaps(a, b)[1].square().sum(),
        "the spreads have no part in it": lambda a, b: _gaps(a, b)[0].square().sum(),
        "you average over the features; the trace adds them up": lambda a, b: _diagonal(a, b) / a.shape[1],
        "the differences are squared, not taken absolute": lambda a, b: sum(gap.abs().sum() for gap in _gaps(a, b)),
        "you take one mean and one spread of all numbers; each feature has its own": (
            lambda a, b: (a.mean() - b.mean()) ** 2 + (a.std() - b.std()) ** 2
        ),
        "you divide by N, as NumPy's std does; torch's divides by N - 1": (
            lambda a, b: sum(gap.square().sum() for gap in _gaps(a, b, 0))
        ),
        "that is the root of the distance, which is left squared": lambda a, b: _diagonal(a, b).sqrt(),
        "that takes the full covariances; asked is the distance of their diagonals": frechet_distance,
        "the sum over features is missing": lambda a, b: sum(gap.square() for gap in _gaps(a, b)),
        "you add the two means, in place of taking their difference": (
            lambda a, b: (a.mean(0) + b.mean(0)).square().sum() + _gaps(a, b)[1].square().sum()
        ),
    },
)
def _frechet_diagonal(a: Tensor, b: Tensor) -> Tensor:
    return _diagonal(a, b)


def _between(points: Tensor, others: Tensor) -> Tensor:
    return (points[:, None] - others).double().norm(dim=2)


def _radii(points: Tensor, k: int) -> Tensor:
    """The distance of each point to its k-th nearest neighbour among the others."""
    return _between(points, points).sort(1).values[:, k]


def _coverage_cases(draw: Draw) -> Iterator[Case]:
    for n, m, f, k in ((5, 3, 1, 1), (40, 30, 2, 3), (25, 60, 4, 5), (30, 1, 3, 2), (12, 20, 2, 1)):

        def make(n: int = n, m: int = m, f: int = f, k: int = k) -> tuple[Tensor, Tensor, int]:
            return draw.normal(n, f), 0.6 * draw.normal(m, f) + 0.8, k

        yield draw.until(make, _clear_edges)


def _clear_edges(real: Tensor, fake: Tensor, k: int) -> bool:
    """No point so near to the edge of a ball that rounding decides; and neither none nor all covered."""
    edges, radii = _between(real, fake).min(1).values, _radii(real, k)
    share = float((edges < radii).double().mean())
    return bool(((edges - radii).abs() > 2e-3 * radii).all()) and 0 < share < 1


def _coverage_of(real: Tensor, fake: Tensor, radii: Tensor) -> Tensor:
    return (_between(real, fake).min(1).values <= radii).double().mean()


@exercise(
    "coverage",
    "the balls are small where real points are dense, and an outlier among the generated points changes nothing.",
    _coverage_cases,
    {
        "the nearest of all is the point itself: take one more": (
            lambda real, fake, k: _coverage_of(real, fake, _radii(real, k - 1))
        ),
        "the radius is one neighbour too large": lambda real, fake, k: _coverage_of(real, fake, _radii(real, k + 1)),
        "that is recall, with balls around the generated points": lambda r, f, k: covered(r, f, k).double().mean(),
        "that is precision, the share of generated points": lambda r, f, k: covered(f, r, k).double().mean(),
        "that is a number of points; their share is asked for": (
            lambda real, fake, k: _coverage_of(real, fake, _radii(real, k)) * len(real)
        ),
        "the two sets are exchanged": lambda real, fake, k: _coverage_of(fake, real, _radii(fake, k)),
        "that is the share that is *not* covered": (
            lambda real, fake, k: 1 - _coverage_of(real, fake, _radii(real, k))
        ),
        "the radius is the distance to the nearest, whatever k is": (
            lambda real, fake, k: _coverage_of(real, fake, _radii(real, 1))
        ),
        "you divide by the number of generated points": (
            lambda real, fake, k: _coverage_of(real, fake, _radii(real, k)) * len(real) / len(fake)
        ),
    },
)
def _coverage(real: Tensor, fake: Tensor, k: int) -> Tensor:
    return _coverage_of(real, fake, _radii(real, k))


@effect("fool frechet", "four places with the ring's mean and covariance: nothing else enters the formula.")
def _fool_frechet(answer: Any, draw: Draw) -> None:
    for n, width, height, turn in ((2000, 3.0, 1.0, 0.0), (1200, 1.0, 2.0, 0.5), (2400, 2.0, 2.5, 1.2)):
        angle = draw.uniform(0, 2 * math.pi, n)
        ring = torch.stack([width * angle.cos(), height * angle.sin()], 1) + 0.02 * draw.normal(n, 2)
        rotation = torch.tensor([[math.cos(turn), math.sin(turn)], [-math.sin(turn), math.cos(turn)]])
        real = ring @ rotation + draw.uniform(-3, 3, 2)
        found = as_tensor(call(answer, copied(real), names=("real",))).double()
        if found.shape != real.shape:
            raise Hint(
                f"the answer has the shape {tuple(found.shape)}; it should be as many points, {tuple(real.shape)}."
            )
        if not found.isfinite().all():
            raise Hint("some coordinates are not finite numbers.")
        if (places := _count_places(found, 1e-3 * float(real.std()))) > 5:
            many = f"{places}" if places < 100 else "100 or more"
            raise Hint(f"your points lie at {many} different places; five are the most allowed.")
        if (distance := frechet_distance(found, real)) > 0.1:
            raise Hint(
                f"the Fréchet distance is {distance:.3f}, not below 0.1: match the mean and covariance of `real`."
            )


def _count_places(points: Tensor, apart: float) -> int:
    """How many places the points take up, rounding aside; it stops counting at 100."""
    count = 0
    while len(points) and count < 100:
        points, count = points[(points - points[0]).norm(dim=1) > apart], count + 1
    return count


# --- notebook 07 --------------------------------------------------------------------------------------


def _gradient(discriminator: nn.Module, at: Tensor) -> Tensor:
    at = at.detach().clone().requires_grad_()
    return torch.autograd.grad(discriminator(at).sum(), at, create_graph=True)[0].flatten(1)


def _mixed(real: Tensor, fake: Tensor, t: Tensor) -> Tensor:
    return torch.lerp(real, fake, t.view(-1, *[1] * (real.ndim - 1)))


def _penalty(discriminator: nn.Module, at: Tensor) -> Tensor:
    return _gradient(discriminator, at).square().sum(1).mean()


PENALTY_MISTAKES: dict[str, Callable[..., Tensor]] = {
    "there is no half in this penalty": lambda d, real, fake, t: _penalty(d, _mixed(real, fake, t)) / 2,
    "you add up over the batch; the mean is asked for": lambda d, r, f, t: _penalty(d, _mixed(r, f, t)) * len(r),
    "the length is squared": lambda d, real, fake, t: _gradient(d, _mixed(real, fake, t)).norm(dim=1).mean(),
    "that pulls the length towards 1; here it goes to 0": (
        lambda d, real, fake, t: (_gradient(d, _mixed(real, fake, t)).norm(dim=1) - 1).square().mean()
    ),
    "that is the gradient at the real pictures, not between": lambda d, real, fake, t: _penalty(d, real),
    "that is the gradient at the generated pictures, not between": lambda d, real, fake, t: _penalty(d, fake),
    "t = 0 is the real picture: real and fake are exchanged": lambda d, r, f, t: _penalty(d, _mixed(f, r, t)),
    "you average over the pixels; a squared length adds them up": (
        lambda d, real, fake, t: _gradient(d, _mixed(real, fake, t)).square().mean()
    ),
    "the gradient of the mean logit is N times too small: add the logits up": (
        lambda d, real, fake, t: _penalty(d, _mixed(real, fake, t)) / len(real) ** 2
    ),
    "that is the middle of each pair, whatever t is": lambda d, r, f, t: _penalty(d, (r + f) / 2),
}


@effect("penalty between", "create_graph keeps the way to D's weights open, so the penalty can teach D to be flat.")
def _penalty_between(answer: Any, draw: Draw) -> None:
    cases = []
    for n, shape in ((4, (3,)), (3, (1, 4, 3)), (6, (2, 3, 3)), (1, (5,))):
        size, mouth = math.prod(shape), nn.Flatten(0)
        discriminator = nn.Sequential(nn.Flatten(), nn.Linear(size, 6), nn.Tanh(), nn.Linear(6, 1), mouth)
        for weight in discriminator.parameters():
            weight.data = draw.normal(*weight.shape)
        real, fake, t = draw.normal(n, *shape), draw.normal(n, *shape), draw.uniform(0.1, 0.9, n)
        result = call(
            answer, discriminator, *map(copied, (real, fake, t)), names=("discriminator", "real", "fake", "t")
        )
        if any(weight.grad is not None for weight in discriminator.parameters()):
            raise Hint("your code leaves gradients in D's weights: use torch.autograd.grad in place of backward.")
        cases.append(((discriminator, real, fake, t), result))
    values = [as_tensor(result) for _, result in cases]
    expected = [float(_penalty(case[0], _mixed(*case[1:])).detach()) for case, _ in cases]
    if any(value.numel() != 1 for value in values):
        raise Hint(f"the shape is {tuple(values[0].shape)}; the penalty is a single number.")
    if any(not abs(float(a) - b) <= 1e-3 * b for a, b in zip(values, expected, strict=True)):
        named = (text for text, m in PENALTY_MISTAKES.items() if _all_equal(m, cases, values))
        ours, right = distinct(float(values[0]), expected[0])
        raise Hint(next(named, None) or f"for four pairs of points you give {ours}; it should be {right}.")
    for case, result in cases:
        _check_learning(*case, result)


def _all_equal(mistake: Callable[..., Tensor], cases: list, values: list[Tensor]) -> bool:
    made = (float(as_tensor(mistake(*case))) for case, _ in cases)
    return all(abs(a - float(b)) <= 1e-3 * abs(a) for a, b in zip(made, values, strict=True))


def _check_learning(discriminator: nn.Module, real: Tensor, fake: Tensor, t: Tensor, result: Any) -> None:
    """The penalty must be a function of D's weights, with the reference's gradients."""
    weights = list(discriminator.parameters())
    if not isinstance(result, Tensor):
        raise Hint(f"the value is right, but D cannot learn from a {type(result).__name__}: give back the tensor.")
    if not result.requires_grad:
        raise Hint("the value is right, but D cannot learn from it: set create_graph=True, and detach nothing.")
    slopes = torch.autograd.grad(result.sum(), weights, allow_unused=True)
    right = torch.autograd.grad(_penalty(discriminator, _mixed(real, fake, t)), weights, allow_unused=True)
    for slope, wanted, weight in zip(slopes, right, weights, strict=True):
        slope, wanted = (torch.zeros_like(weight) if value is None else value for value in (slope, wanted))
        if not (slope - wanted).norm() <= 1e-2 * wanted.norm() + 1e-6:
            raise Hint(
                "the value is right, but the gradient that it puts on D's weights is not: something is detached."
            )


def _pairs_cases(draw: Draw) -> Iterator[Case]:
    yield torch.tensor([2.0, 0.0, 1.0]), torch.tensor([-1.0, 1.0, 0.5])
    for n, m in ((2, 3), (5, 9), (1, 4), (8, 1)):
        yield 2 * draw.normal(n) + 0.5, 2 * draw.normal(m)


def _one_against_mean(winners: Tensor, losers: Tensor) -> Tensor:
    return F.softplus(losers.mean() - winners).mean()


def _against_means(real: Tensor, fake: Tensor) -> Tensor:
    return F.softplus(fake.mean() - real).mean() + F.softplus(fake - real.mean()).mean()


@exercise(
    "relativistic average",
    "only differences count, so D gains nothing from calling everything real; and no pairs are needed.",
    _pairs_cases,
    {
        "that is G's loss: D wants real logits above the mean of the generated ones": lambda r, f: _against_means(f, r),
        "that is half of it: the two means are added up": lambda r, f: _against_means(r, f) / 2,
        "the second part is missing: generated logits against the mean of the real ones": _one_against_mean,
        "the first part is missing: real logits against the mean of the generated ones": (
            lambda r, f: F.softplus(f - r.mean()).mean()
        ),
        "nothing is compared: those are the plain losses": lambda r, f: F.softplus(-r).mean() + F.softplus(f).mean(),
        "you compare the means alone: softplus comes before the mean over the batch": (
            lambda r, f: 2 * F.softplus(f.mean() - r.mean())
        ),
        "you compare pair by pair, not with the mean": lambda r, f: F.softplus(f - r).mean(),
        "you compare every pair, not with the mean": lambda r, f: 2 * F.softplus(f[None] - r[:, None]).mean(),
        "you add up over the batch; take the means": (
            lambda r, f: F.softplus(f.mean() - r).sum() + F.softplus(f - r.mean()).sum()
        ),
        "each logit is compared with the mean of its own kind": (
            lambda r, f: F.softplus(r.mean() - r).mean() + F.softplus(f - f.mean()).mean()
        ),
    },
)
def _relativistic_average(real_logits: Tensor, fake_logits: Tensor) -> Tensor:
    return _against_means(real_logits, fake_logits)


def _decay_cases(draw: Draw) -> Iterator[Case]:
    yield 0.3, 0.5
    yield 2.0, 0.5
    yield 0.0, 0.4
    for _ in range(3):
        slope = draw.number(0.1, 0.9)
        yield round(slope * draw.number(0.3, 1.8), 3), slope  # it turns
        yield round(slope * draw.number(2.2, 6), 3), slope  # it does not


def _root(gamma: float, slope: float) -> float:
    return math.sqrt(max(gamma**2 / 4 - slope**2, 0.0))


@exercise(
    "decay rate",
    "up to gamma = 2 f'(0) it is gamma / 2; beyond, more damping is slower: the slope dies at once, and theta creeps.",
    _decay_cases,
    {
        "that is right while it turns; where it does not, the slower of the two directions counts": lambda g, s: g / 2,
        "that is the faster of the two directions: what is left in the end is the slower": lambda g, s: (
            g / 2 + _root(g, s)
        ),
        "a rate of shrinking is positive: it is minus the largest real part": lambda g, s: _root(g, s) - g / 2,
        "f'(0) is not always one half: use `slope`": lambda g, s: g / 2 - _root(g, 0.5),
        "that is what one unit of time leaves of the distance, not the rate": lambda g, s: math.exp(
            _root(g, s) - g / 2
        ),
        "that is the critical gamma; the rate is asked for": lambda g, s: 2 * s,
        "that is the rate at which it turns": lambda g, s: math.sqrt(max(s**2 - g**2 / 4, 0)),
    },
)
def _decay_rate(gamma: float, slope: float) -> float:
    return gamma / 2 - _root(gamma, slope)
