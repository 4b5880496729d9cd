"""The exercises of notebooks 12 to 14 (autoencoders), 15 (runs that went wrong) and 18 (several processes)."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor, nn

from gan_helpers.exercises.calling import Hint, call
from gan_helpers.exercises.judging import Case, Draw, effect, exercise
from gan_helpers.exercises.values import as_tensor, copied, distinct

# --- notebook 12 --------------------------------------------------------------------------------------


def _components_cases(draw: Draw) -> Iterator[Case]:
    yield torch.tensor([5.0, 3.0, 1.0, 1.0]), 0.75
    yield torch.tensor([4.0, 4.0, 1.0, 1.0]), 0.3
    yield torch.tensor([2.0]), 0.9
    for n, share in ((6, 0.5), (12, 0.9), (30, 0.95), (9, 0.7), (40, 0.99)):

        def make(n: int = n, share: float = share) -> tuple[Tensor, float]:
            return draw.uniform(0.02, 1, n).pow(2).sort(descending=True).values, round(
                share + draw.number(-0.03, 0.005), 3
            )

        yield draw.until(make, _clear_of_the_share)


def _held(variances: Tensor) -> Tensor:
    return variances.double().cumsum(0) / variances.double().sum()


def _clear_of_the_share(variances: Tensor, share: float) -> bool:
    """No number of components holds the share so exactly that rounding decides."""
    return bool((_held(variances) - share).abs().min() > 1e-3)


@exercise(
    "enough components",
    "the variances left out are the error, so their sum says when to stop.",
    _components_cases,
    {
        "one more is needed: that many hold less than the share": lambda v, share: (_held(v) < share).sum(),
        "one fewer is enough": lambda v, share: (_held(v) < share).sum() + 2,
        "you add up standard deviations; the variances are given already": (
            lambda v, share: (_held(v.sqrt()) < share).sum() + 1
        ),
        "variances are not to be squared": lambda v, share: (_held(v**2) < share).sum() + 1,
        "you begin with the smallest variance": lambda v, share: (_held(v.flip(0)) < share).sum() + 1,
        "that is a share of the number of components, not of the variance": lambda v, share: math.ceil(share * len(v)),
        "you compare sums with the share: divide by the sum of all first": (
            lambda v, share: (v.cumsum(0) < share).sum() + 1
        ),
        "you count single components that are large; add them up": lambda v, share: (v / v.sum() >= share).sum(),
        "that is how many can be left out": lambda v, share: len(v) - (_held(v) < share).sum() - 1,
        "that is the share that is held; asked is how many components hold it": (
            lambda v, share: _held(v)[int((_held(v) < share).sum())]
        ),
    },
)
def _enough_components(variances: Tensor, share: float) -> Tensor:
    return (_held(variances) < share).sum() + 1


def _fill_cases(draw: Draw) -> Iterator[Case]:
    for n, size, k, known in ((1, 4, 1, 3), (5, 9, 2, 6), (3, 20, 4, 12), (8, 6, 3, 5), (2, 12, 1, 4)):

        def make(size: int = size, k: int = k, known: int = known) -> tuple[Tensor, Tensor]:
            axes = torch.linalg.qr(draw.normal(size, k).double()).Q.T.float()
            return axes, draw.order(size) < known

        axes, seen = draw.until(make, lambda axes, seen: bool(torch.linalg.svdvals(axes[:, seen]).min() > 0.35))
        mean = draw.normal(size)
        rows = mean + 2 * draw.normal(n, k) @ axes + 0.3 * draw.normal(n, size)
        yield rows * seen, seen, mean, axes


def _filled(rows: Tensor, seen: Tensor, mean: Tensor, axes: Tensor) -> Tensor:
    codes = (rows - mean)[:, seen] @ torch.linalg.pinv(axes[:, seen])
    return mean + codes @ axes


@exercise(
    "fill in",
    "the pixels that are seen fix the code, and the code draws the others: a model of the whole picture completes it.",
    _fill_cases,
    {
        "the axes are at right angles over all pixels, not over those that are seen: find the code by least squares": (
            lambda rows, seen, mean, axes: mean + (rows - mean)[:, seen] @ axes[:, seen].T @ axes
        ),
        "you encode the whole row, and take what is not seen for black": (
            lambda rows, seen, mean, axes: mean + (rows - mean) @ axes.T @ axes
        ),
        "take the mean away before you look for the code": (
            lambda rows, seen, mean, axes: mean + rows[:, seen] @ torch.linalg.pinv(axes[:, seen]) @ axes
        ),
        "add the mean again at the end": lambda rows, seen, mean, axes: _filled(rows, seen, mean, axes) - mean,
        "the mean has no part in it: take it away first, and add it at the end": (
            lambda rows, seen, mean, axes: rows[:, seen] @ torch.linalg.pinv(axes[:, seen]) @ axes
        ),
        "those are the codes; decode them": (
            lambda rows, seen, mean, axes: (rows - mean)[:, seen] @ torch.linalg.pinv(axes[:, seen])
        ),
        "the pixels that are seen are rebuilt as well, not copied": (
            lambda rows, seen, mean, axes: torch.where(seen, rows, _filled(rows, seen, mean, axes))
        ),
        "what is not seen becomes the mean": lambda rows, seen, mean, axes: torch.where(seen, rows, mean),
        "you took `seen` the other way round: True is a pixel that is known": (
            lambda rows, seen, mean, axes: _filled(rows, ~seen, mean, axes)
        ),
        "give the whole rows back, not only what was missing": (
            lambda rows, seen, mean, axes: _filled(rows, seen, mean, axes)[:, ~seen]
        ),
    },
)
def _fill_in(rows: Tensor, seen: Tensor, mean: Tensor, axes: Tensor) -> Tensor:
    return _filled(rows, seen, mean, axes)


# --- notebook 13 --------------------------------------------------------------------------------------


def _psnr_cases(draw: Draw) -> Iterator[Case]:
    for n, c, h, w in ((1, 1, 1, 2), (3, 1, 4, 5), (5, 3, 3, 6), (1, 2, 5, 5), (8, 1, 7, 3)):
        clean = draw.uniform(-1, 1, n, c, h, w)
        yield clean + draw.uniform(0.1, 1, n, 1, 1, 1) * draw.away_from(0.1, n, c, h, w), clean


def _errors(images: Tensor, clean: Tensor) -> Tensor:
    return (images - clean).square().flatten(1).mean(1)


@exercise(
    "psnr of each",
    "papers report the mean of these. The PSNR of all pixels together is lower: the worst pictures weigh more in it.",
    _psnr_cases,
    {
        "you took 1 for the peak: pixels from -1 to 1 have a range of 2": lambda a, b: 10 * (1 / _errors(a, b)).log10(),
        "you took 255 for the peak: pixels from -1 to 1 have a range of 2": (
            lambda a, b: 10 * (255**2 / _errors(a, b)).log10()
        ),
        "a decibel counts powers of ten: use log10": lambda a, b: 10 * (4 / _errors(a, b)).log(),
        "the peak is squared, as the error is": lambda a, b: 10 * (2 / _errors(a, b)).log10(),
        "that is one number for all pictures together; each has its own": (
            lambda a, b: 10 * (4 / (a - b).square().mean()).log10()
        ),
        "that is the mean of what is asked for: leave one number for each picture": (
            lambda a, b: (10 * (4 / _errors(a, b)).log10()).mean()
        ),
        "with the root of the error the factor is 20, not 10": lambda a, b: 10 * (2 / _errors(a, b).sqrt()).log10(),
        "the factor is 10 for a squared error; 20 belongs to its root": lambda a, b: 20 * (4 / _errors(a, b)).log10(),
        "you took the mean absolute error": lambda a, b: 20 * (2 / (a - b).abs().flatten(1).mean(1)).log10(),
        "the fraction is upside down": lambda a, b: 10 * (_errors(a, b) / 4).log10(),
        "you add the squares up; take their mean": lambda a, b: 10 * (4 / (a - b).square().flatten(1).sum(1)).log10(),
        "the channels of a picture belong together": (lambda a, b: 10 * (4 / (a - b).square().mean((2, 3))).log10()),
        "you clip the pictures first; measure them as they are": (
            lambda a, b: 10 * (4 / _errors(a.clamp(-1, 1), b)).log10()
        ),
        "decibels count powers of ten in tenths: the factor 10 is missing": lambda a, b: (4 / _errors(a, b)).log10(),
    },
)
def _psnr_of_each(images: Tensor, clean: Tensor) -> Tensor:
    return 10 * (4 / _errors(images, clean)).log10()


def _median_cases(draw: Draw) -> Iterator[Case]:
    for h, w, window in ((3, 3, 3), (7, 9, 3), (6, 5, 5), (4, 2, 1), (10, 8, 7), (5, 12, 3)):
        yield 2 * draw.normal(h, w), window


def _windows(image: Tensor, window: int) -> Tensor:
    return image.unfold(0, window, 1).unfold(1, window, 1)


@exercise(
    "median of windows",
    "one wild pixel among nine moves the mean, not the median.",
    _median_cases,
    {
        "that is the mean of each window, which a single wild pixel can spoil": lambda x, k: _windows(x, k).mean(
            (2, 3)
        ),
        "that is the median of the medians of rows; take it of all numbers of a window": (
            lambda x, k: _windows(x, k).median(3).values.median(2).values
        ),
        "that is the median of the medians of columns; take it of all numbers of a window": (
            lambda x, k: _windows(x, k).median(2).values.median(2).values
        ),
        "the window is always 3 in your code": lambda x, k: _windows(x, 3).flatten(2).median(2).values,
        "the windows are a single row": lambda x, k: x.unfold(1, k, 1).median(2).values[: x.shape[0] - k + 1],
        "those are the numbers of the pixels in their windows; take the values": (
            lambda x, k: _windows(x, k).flatten(2).median(2).indices
        ),
        "that is the largest of each window": lambda x, k: _windows(x, k).amax((2, 3)),
        "that is the smallest of each window": lambda x, k: _windows(x, k).amin((2, 3)),
        "you clip the result; leave it as it is": lambda x, k: _windows(x, k).flatten(2).median(2).values.clamp(-1, 1),
        "that is one median for the whole picture": lambda x, k: x.median(),
        "you left out the last row and column of windows": lambda x, k: (
            _windows(x, k).flatten(2).median(2).values[:-1, :-1]
        ),
    },
)
def _median_of_windows(image: Tensor, window: int) -> Tensor:
    return _windows(image, window).flatten(2).median(2).values


# --- notebook 14 --------------------------------------------------------------------------------------


def _several_draws_cases(draw: Draw) -> Iterator[Case]:
    yield (torch.tensor([[0.0, -1.0], [-1.0, 2.0], [0.5, 0.5]]),)
    for k, n, level in ((50, 6, -1000), (5, 5, 0), (1, 4, -900), (8, 1, 700), (4, 12, -20)):
        yield (3 * draw.normal(k, n) + level,)


@exercise(
    "several draws",
    "with one draw it is the ELBO, with more it comes nearer to the evidence, never above on average.",
    _several_draws_cases,
    {
        "exp(-1000) is 0 and exp(1000) infinite: take the largest log weight out first": lambda w: (
            w.exp().mean(0).log()
        ),
        "that is the mean of the logs, which is the ELBO again: average the weights, then take the log": (
            lambda w: w.mean(0)
        ),
        "that is the log of the sum: subtract log k, and it is the log of the average": lambda w: w.logsumexp(0),
        "you average over the pictures; average over the draws": lambda w: w.logsumexp(1) - math.log(w.shape[1]),
        "you subtract log N, the pictures; subtract log k, the draws": lambda w: w.logsumexp(0) - math.log(w.shape[1]),
        "you subtract k; subtract its logarithm": lambda w: w.logsumexp(0) - len(w),
        "you divide by k outside the log; inside it is log k, subtracted": lambda w: w.logsumexp(0) / len(w),
        "you add log k; subtract it": lambda w: w.logsumexp(0) + math.log(len(w)),
        "that is the largest log weight; the others count as well": lambda w: w.max(0).values,
        "that is one number for all; each picture has its own": lambda w: (w.logsumexp(0) - math.log(len(w))).mean(),
        "the largest log weight that you took out has to be added again": (
            lambda w: (w - w.max(0).values).exp().mean(0).log()
        ),
    },
)
def _several_draws(log_weights: Tensor) -> Tensor:
    return log_weights.logsumexp(0) - math.log(len(log_weights))


def _all_codes_cases(draw: Draw) -> Iterator[Case]:
    yield torch.tensor([[0.0], [2.0]]), torch.tensor([[0.0], [-1.0]])
    for n, k in ((3, 2), (20, 5), (1, 4), (7, 3)):
        yield 2 * draw.normal(n, k) + draw.normal(k), draw.normal(n, k)


def _moments(mean: Tensor, variance: Tensor, correction: int = 0) -> Tensor:
    return torch.stack([mean.mean(0), variance.mean(0) + mean.var(0, correction=correction)])


@exercise(
    "all codes",
    "the spread within each picture's code and the spread between pictures add up. Far from 0 and 1, the prior draws "
    "codes that the decoder never saw.",
    _all_codes_cases,
    {
        "the means differ from picture to picture: their variance is missing": (
            lambda m, s: torch.stack([m.mean(0), s.exp().mean(0)])
        ),
        "that is the variance of the means alone: each picture's own variance is missing": (
            lambda m, s: torch.stack([m.mean(0), m.var(0, correction=0)])
        ),
        "every picture has the weight 1 / N: the variance of the means divides by N, not N - 1": (
            lambda m, s: _moments(m, s.exp(), 1)
        ),
        "those are log variances: take their exp": lambda m, s: _moments(m, s),
        "exp(log_variance / 2) is the standard deviation: the variance is asked for": (
            lambda m, s: _moments(m, (s / 2).exp())
        ),
        "that is the standard deviation; the variance is asked for": (
            lambda m, s: torch.stack([m.mean(0), _moments(m, s.exp())[1].sqrt()])
        ),
        "the mean of exp(log_variance) is not exp of the mean": (
            lambda m, s: torch.stack([m.mean(0), s.mean(0).exp() + m.var(0, correction=0)])
        ),
        "give the logarithm back nowhere: the variance itself is asked for": (
            lambda m, s: torch.stack([m.mean(0), _moments(m, s.exp())[1].log()])
        ),
        "that is the mean square, not the variance: the squared mean is to be taken away": (
            lambda m, s: torch.stack([m.mean(0), (s.exp() + m**2).mean(0)])
        ),
        "first the mean, then the variance": lambda m, s: _moments(m, s.exp()).flip(0),
        "the variance is missing: give two tensors back": lambda m, s: m.mean(0),
        "the mean is missing: give two tensors back": lambda m, s: _moments(m, s.exp())[1],
        "you average over the numbers of a code; average over the pictures": (
            lambda m, s: torch.stack([m.mean(1), s.exp().mean(1) + m.var(1, correction=0)])
        ),
    },
)
def _all_codes(mean: Tensor, log_variance: Tensor) -> Tensor:
    return _moments(mean, log_variance.exp())


# --- notebook 15 --------------------------------------------------------------------------------------


def _history_cases(draw: Draw) -> Iterator[Case]:
    yield (draw.normal(9, 4),)  # nothing wrong
    for steps, columns, first, bad in (
        (12, 2, 5, (math.nan,)),
        (30, 4, 17, (math.inf, math.nan)),
        (8, 3, 1, (-math.inf, math.nan)),
        (20, 4, 20, (math.inf,)),
        (25, 2, 3, (-math.inf,)),
        (40, 3, 11, (math.nan, math.inf)),
    ):
        losses = draw.normal(steps, columns)
        losses[first - 1, draw.integer(1, columns - 1)] = bad[0]  # never in the first column alone
        losses[first:, :] = torch.where(draw.uniform(0, 1, steps - first, columns) < 0.7, bad[-1], 1.0)
        yield (losses,)


def _steps_with(bad: Tensor) -> Tensor:
    """1-based numbers of the steps in which any is bad, (n,), with a 0 behind them."""
    return torch.cat([bad.any(1).nonzero()[:, 0] + 1, torch.zeros(1, dtype=torch.int64)])


@exercise(
    "first bad step",
    "the first NaN names the batch to look at; all that comes after it is only the echo.",
    _history_cases,
    {
        "steps count from 1": lambda x: (_steps_with(~x.isfinite())[0] - 1).clamp(min=0),
        "infinite losses are as bad as NaN": lambda x: _steps_with(x.isnan())[0],
        "NaN is as bad as an infinite loss": lambda x: _steps_with(x.isinf())[0],
        "look at every column, not at the first alone": lambda x: _steps_with(~x[:, :1].isfinite())[0],
        "that is the last bad step; asked is the first": lambda x: _steps_with(~x.isfinite()).max(),
        "that is how many steps are bad": lambda x: (~x.isfinite()).any(1).sum(),
        "one bad column is enough": lambda x: _steps_with((~x.isfinite()).all(1, keepdim=True))[0],
        "where nothing is bad the answer is 0": lambda x: (
            _steps_with(~x.isfinite())[0] if not x.isfinite().all() else len(x)
        ),
    },
)
def _first_bad_step(losses: Tensor) -> Tensor:
    return _steps_with(~losses.isfinite())[0]


def _copy_cases(draw: Draw) -> Iterator[Case]:
    for n, m, k, size, copies in ((6, 5, 8, 3, 2), (10, 4, 12, 2, 0), (9, 7, 5, 4, 9), (60, 6, 20, 2, 5)):

        def make(
            n: int = n, m: int = m, k: int = k, size: int = size, copies: int = copies
        ) -> tuple[Tensor, Tensor, Tensor]:
            train = draw.normal(k, size)
            near = train[draw.integers(0, k - 1, copies)] + 0.01 * draw.normal(copies, size)
            fake = torch.cat([near, 2 * draw.normal(n - copies, size)])[draw.order(n)]
            return fake, 2 * draw.normal(m, size), train

        yield draw.until(make, _no_tie)


def _nearest(points: Tensor, others: Tensor) -> Tensor:
    return (points[:, None] - others[None]).norm(dim=2).min(1).values


def _no_tie(fake: Tensor, held_out: Tensor, train: Tensor) -> bool:
    limit = _nearest(held_out, train).min()
    return bool((_nearest(fake, train) - limit).abs().min() > 0.01)


@exercise(
    "copied share",
    "held-out pictures say how near is near: no fresh picture in the sample came so close.",
    _copy_cases,
    {
        "that is their number; asked is the share": lambda f, h, t: (
            (_nearest(f, t) < _nearest(h, t).min()).double().sum()
        ),
        "that is the share of those that are no copies": lambda f, h, t: (
            (_nearest(f, t) >= _nearest(h, t).min()).double().mean()
        ),
        "the limit is the nearest held-out picture, not their mean": lambda f, h, t: (
            (_nearest(f, t) < _nearest(h, t).mean()).double().mean()
        ),
        "the limit is the nearest held-out picture, not the farthest": lambda f, h, t: (
            (_nearest(f, t) < _nearest(h, t).max()).double().mean()
        ),
        "copies are of training pictures: measure to those, not to the held-out ones": lambda f, h, t: (
            (_nearest(f, h) < _nearest(t, h).min()).double().mean()
        ),
        "seek the nearest training picture of each generated one, not the other way round": lambda f, h, t: (
            (_nearest(t, f) < _nearest(t, h).min()).double().mean()
        ),
    },
)
def _copied_share(fake: Tensor, held_out: Tensor, train: Tensor) -> Tensor:
    return (_nearest(fake, train) < _nearest(held_out, train).min()).double().mean()


# --- notebook 18 --------------------------------------------------------------------------------------


def _ranks_cases(draw: Draw) -> Iterator[Case]:
    yield torch.tensor([[3.0], [0.0]]), torch.tensor([1, 2])
    for ranks, weights in ((3, 4), (2, 6), (5, 1), (4, 9)):
        yield draw.normal(ranks, weights), 3 * draw.order(ranks) + draw.integers(1, 3, ranks)  # no two alike
    yield draw.normal(1, 5), torch.tensor([7])


def _weighted(gradients: Tensor, counts: Tensor) -> Tensor:
    return counts[:, None] * gradients


@exercise(
    "whole gradient",
    "each gradient is a mean, so it counts as often as it has pictures. With equal parts it is the plain mean, DDP's.",
    _ranks_cases,
    {
        "that is the plain mean: a rank with more pictures counts more": lambda g, c: g.mean(0),
        "that is the sum over the ranks": lambda g, c: g.sum(0),
        "divide by the number of all pictures in the end": lambda g, c: _weighted(g, c).sum(0),
        "divide by the number of pictures, not of ranks": lambda g, c: _weighted(g, c).mean(0),
        "multiply by the counts: those gradients are means already, not sums": lambda g, c: g.sum(0) / c.sum(),
        "a rank with more pictures counts more, not less": lambda g, c: (g / c[:, None]).sum(0) / (1 / c).sum(),
        "you divide each mean by its count once more": lambda g, c: (g / c[:, None]).sum(0),
        "that is the gradient of the rank with the most pictures alone": lambda g, c: g[c.argmax()],
        "the ranks are the rows: add up over them, and leave one number for each weight": (
            lambda g, c: _weighted(g, c).sum(1) / c.sum()
        ),
        "that is one number; each weight has its own": lambda g, c: _weighted(g, c).sum() / c.sum(),
        "the counts are weights as they are, not squared": lambda g, c: _weighted(g, c**2).sum(0) / (c**2).sum(),
    },
)
def _whole_gradient(gradients: Tensor, counts: Tensor) -> Tensor:
    return _weighted(gradients, counts).sum(0) / counts.sum()


def _shard_cases(draw: Draw) -> Iterator[Case]:
    for n, rank, count in ((10, 0, 3), (12, 1, 2), (17, 3, 4), (23, 4, 5), (9, 0, 1), (29, 2, 6), (30, 1, 7)):
        yield draw.order(3 * n)[:n], rank, count  # so that places in order are none of its indices


def _even(order: Tensor, count: int) -> Tensor:
    return order[: len(order) // count * count]


@exercise(
    "shard",
    "the ranks' shards share no index, and all are equally long, so all take equally many steps.",
    _shard_cases,
    {
        "some ranks get one more than others: leave out what is too many at the end first": lambda o, r, n: o[r::n],
        "those are runs of neighbours; take every count-th": (
            lambda o, r, n: o[r * (len(o) // n) : (r + 1) * (len(o) // n)]
        ),
        "ranks count from 0": lambda o, r, n: _even(o, n)[max(r - 1, 0) :: n],
        "every process gets the whole order: step by count": lambda o, r, n: o,
        "you start at 0 whatever the rank is: all would see the same": lambda o, r, n: _even(o, n)[::n],
        "you step by the rank": lambda o, r, n: _even(o, n)[n :: max(r, 1)],
        "leave out what is too many at the end of order, not at its beginning": lambda o, r, n: o[len(o) % n :][r::n],
        "those are places in order; give back the indices that stand there": (
            lambda o, r, n: torch.arange(len(o) // n * n)[r::n]
        ),
        "the order is shuffled already: sorting it undoes that": lambda o, r, n: _even(o.sort().values, n)[r::n],
        "you count the ranks from the end": lambda o, r, n: _even(o, n)[n - 1 - r :: n],
        "that is the first of them alone": lambda o, r, n: o[r],
    },
)
def _shard(order: Tensor, rank: int, count: int) -> Tensor:
    return _even(order, count)[rank::count]


def _r1(discriminator: nn.Module, images: Tensor) -> Tensor:
    images = images.detach().requires_grad_()
    (gradient,) = torch.autograd.grad(discriminator(images).sum(), images, create_graph=True)
    return gradient.flatten(1).square().sum(1).mean() / 2


R1_MISTAKES: dict[str, Callable[[nn.Module, Tensor], Tensor]] = {
    "half of the squared length: R1 has a factor of 1 / 2": lambda d, x: 2 * _r1(d, x),
    "you add up over the batch; the mean is asked for": lambda d, x: len(x) * _r1(d, x),
    "the sum of the logits has to count 0 times, or it changes what is learned": lambda d, x: _r1(d, x) + d(x).sum(),
    "the mean of the logits has to count 0 times, or it changes what is learned": lambda d, x: _r1(d, x) + d(x).mean(),
    "that is 0 times everything: R1 itself has the factor 1": lambda d, x: 0 * d(x).sum(),
    "the gradient of the mean logit is N times too small: add the logits up": lambda d, x: _r1(d, x) / len(x) ** 2,
}


@effect("complete R1", "0 times the logits has the value 0 and the gradient 0, but it has one, in every weight.")
def _complete_r1(answer: Any, draw: Draw) -> None:
    for n, shape in ((4, (3,)), (3, (1, 4, 3)), (6, (2, 3, 3)), (1, (5,))):
        discriminator, images = _small_discriminator(draw, shape), draw.normal(n, *shape)
        result = call(answer, discriminator, copied(images), names=("discriminator", "images"))
        if any(weight.grad is not None for weight in discriminator.parameters()):
            raise Hint("your code leaves gradients in D's weights: use torch.autograd.grad in place of backward.")
        _check_value(discriminator, images, as_tensor(result))
        _check_gradients(discriminator, images, result)


def _small_discriminator(draw: Draw, shape: tuple[int, ...]) -> nn.Module:
    size = math.prod(shape)
    discriminator = nn.Sequential(nn.Flatten(), nn.Linear(size, 6), nn.Tanh(), nn.Linear(6, 1), nn.Flatten(0))
    for weight in discriminator.parameters():
        weight.data = draw.normal(*weight.shape)
    return discriminator


def _check_value(discriminator: nn.Module, images: Tensor, value: Tensor) -> None:
    if value.numel() != 1:
        raise Hint(f"the shape is {tuple(value.shape)}; the penalty is a single number.")
    expected = float(_r1(discriminator, images).detach())
    if abs(float(value) - expected) <= 1e-3 * expected:
        return
    made = {text: float(mistake(discriminator, images).detach()) for text, mistake in R1_MISTAKES.items()}
    named = (text for text, wrong in made.items() if abs(float(value) - wrong) <= 1e-3 * abs(wrong))
    ours, right = distinct(float(value), expected)
    raise Hint(next(named, None) or f"for {len(images)} pictures you give {ours}; it should be {right}.")


def _check_gradients(discriminator: nn.Module, images: Tensor, result: Any) -> None:
    """``backward`` must leave R1's gradients, and one, though it be 0, in every weight."""
    if not isinstance(result, Tensor):
        raise Hint(f"the value is right, but D cannot learn from a {type(result).__name__}: give back the tensor.")
    if not result.requires_grad:
        raise Hint("the value is right, but D cannot learn from it: set create_graph=True, and detach nothing.")
    weights = dict(discriminator.named_parameters())
    found = torch.autograd.grad(result.sum(), [*weights.values()], allow_unused=True)
    if missing := [name for name, gradient in zip(weights, found, strict=True) if gradient is None]:
        raise Hint(f"the value is right, but {' and '.join(missing)} gets no gradient, and DDP would wait for it.")
    right = torch.autograd.grad(_r1(discriminator, images), [*weights.values()], allow_unused=True)
    for ours, theirs in zip(found, right, strict=True):
        if not torch.allclose(ours, torch.zeros_like(ours) if theirs is None else theirs, rtol=1e-3, atol=1e-5):
            raise Hint("every weight gets a gradient, but not R1's: what you add must count 0 times.")
