"""How good are generated pictures? Each measure with its sample size, its interval, and what it cannot see.

All of them look at features and class probabilities that a classifier reads (``classifiers.read_images``), but for
memorisation, which compares pixels. Notebook 06 builds each measure from its formula. No single number is
enough: ``scorecards`` puts them side by side, with what real pictures get.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor


def agreement(read: Tensor, asked: Tensor) -> Estimate:
    """The share of pictures that a classifier reads as the class asked for, both (N,), with its 95 % interval.

    Blind spots: one perfect picture a class scores 1; the classifier's own mistakes count, so score real pictures too.
    """
    if read.shape != asked.shape:
        raise ValueError(f"{tuple(read.shape)} classes read, {tuple(asked.shape)} asked for: give one each a picture")
    return bootstrap(lambda same: float(same.mean()), (read == asked.to(read.device)).double())


def frechet_by_class(fake: Tensor, fake_labels: Tensor, real: Tensor, real_labels: Tensor) -> list[float]:
    """The Fréchet distance within each class that the real labels name, from features (N, F) and (M, F).

    Blind spot: a class has a tenth of the pictures, and the distance shrinks as they grow in number: compare it with
    its floor at the same size, and not with the distance of all classes together.
    """
    kinds = real_labels.unique().tolist()
    return [frechet_distance(fake[fake_labels == kind], real[real_labels == kind]) for kind in kinds]


SURE = 0.95  # from this class probability on, a picture counts as read with certainty
NEIGHBOURS = 3  # k of the k-nearest-neighbour manifolds, as in the paper
CHUNK = 1000  # rows of a distance matrix held at once


@dataclass(frozen=True)
class Estimate:
    """A measured number, its 95 % interval, and the number of pictures that it rests on."""

    value: float
    low: float
    high: float
    n: int

    def __str__(self) -> str:
        return f"{self.value:.3g} [{self.low:.3g}, {self.high:.3g}]"


def bootstrap(measure: Callable[..., float], *samples: Tensor, resamples: int = 50, seed: int = 0) -> Estimate:
    """``measure(*samples)`` with the interval value +- 1.96 standard deviations over resampled rows.

    Each resample draws from every sample as many rows as it has, with repetition. Only the spread is taken from
    them: their mean is biased for measures such as the Fréchet distance, because repeated rows look like a
    narrower distribution. Source: Efron and Tibshirani, *An Introduction to the Bootstrap* (1993), chapter 13.
    Blind spot: it sees the chance in which pictures were drawn, not how another training would have ended.
    """
    if min(map(len, samples)) < 2:
        raise ValueError("an interval needs at least two pictures in every sample: give more")
    random = torch.Generator().manual_seed(seed)

    def again(sample: Tensor) -> Tensor:
        rows = torch.randint(len(sample), (len(sample),), generator=random)
        return sample.index_select(0, rows.to(sample.device))

    value = measure(*samples)
    spread = torch.tensor([measure(*map(again, samples)) for _ in range(resamples)], dtype=torch.float64).std()
    half = 1.96 * float(spread)
    return Estimate(value, value - half, value + half, len(samples[0]))


def check_features(a: Tensor, b: Tensor, least: int = 1) -> None:
    """Refuse two sets of rows (N, F) and (M, F) that cannot be compared (ValueError)."""
    if a.ndim != 2 or b.ndim != 2 or a.shape[1] != b.shape[1]:
        raise ValueError(
            f"shapes {tuple(a.shape)} and {tuple(b.shape)}: both must be (N, F) with one F. "
            "Read both sets with one classifier, or flatten(1) pictures of one size"
        )
    if min(len(a), len(b)) < least:
        raise ValueError(f"{len(a)} and {len(b)} pictures: at least {least} are needed in each set, so generate more")
    for name, rows in (("first", a), ("second", b)):
        if not rows.sum().isfinite():  # one pass, where isfinite() of every number would take three
            raise ValueError(
                f"the {name} set holds NaN or infinity: the generator that made it has diverged. "
                "Load an earlier checkpoint, or train again with a lower rate"
            )


# --- distance between two distributions ---------------------------------------------------------------


def frechet_distance(a: Tensor, b: Tensor) -> float:
    """The Fréchet distance between Gaussians fitted to features a (N, F) and b (M, F), 0 or more.

    |mean_a - mean_b|^2 + trace(C_a + C_b - 2 (C_a C_b)^(1/2)), in squared units of the features.
    Source: Dowson and Landau (1982); as a score of generators: Heusel et al., arXiv 1706.08500.
    Blind spots: it sees means and covariances alone, so a blend with the same moments scores 0, and so does a
    memoriser; it shrinks as the samples grow (compare equal sizes only); it inherits what the classifier ignores.
    """
    check_features(a, b, least=2)
    a, b = a.double(), b.double()
    cov_a, cov_b = (torch.atleast_2d(torch.cov(x.T)) for x in (a, b))
    values, vectors = torch.linalg.eigh(cov_a)
    root = vectors * values.clamp(min=0).sqrt() @ vectors.T  # symmetric square root of C_a
    # C_a C_b has the eigenvalues of root C_b root, which is symmetric: no complex numbers from rounding
    cross = torch.linalg.eigvalsh(root @ cov_b @ root).clamp(min=0).sqrt().sum()
    distance = (a.mean(0) - b.mean(0)).square().sum() + cov_a.trace() + cov_b.trace() - 2 * cross
    return max(0.0, float(distance))


def kernel_distance(a: Tensor, b: Tensor) -> float:
    """The squared maximum mean discrepancy of features a (N, F) and b (M, F), with the kernel k = (x·y / F + 1)^3.

    The mean of k within a, without the pairs of a picture with itself, plus that within b, minus twice the mean of k
    between them. So its expectation does not depend on N and M; for two draws from one distribution it is 0, and such
    a pair may score below 0. Source: Bińkowski et al., *Demystifying MMD GANs*, arXiv 1801.01401: KID, on Inception's
    features. Blind spots: this kernel sees moments up to the third, so a blend that agrees in them scores 0, and so
    does a memoriser; it inherits what the classifier ignores. Its time grows with the square of the sample size.
    """
    check_features(a, b, least=2)
    a, b = a.double(), b.double()

    def total(x: Tensor, y: Tensor) -> float:
        return sum(float((part @ y.T / x.shape[1] + 1).pow(3).sum()) for part in x.split(CHUNK))

    def within(x: Tensor) -> float:
        itself = float((x.square().sum(1) / x.shape[1] + 1).pow(3).sum())
        return (total(x, x) - itself) / (len(x) * (len(x) - 1))

    return within(a) + within(b) - 2 * total(a, b) / (len(a) * len(b))


# --- precision and recall -----------------------------------------------------------------------------


def nearest_distances(points: Tensor, others: Tensor, k: int = 1) -> Tensor:
    """The distance of each of points (N, F) to its k-th nearest among others (M, F): (N,)."""
    check_features(points, others)
    if len(others) < k:
        raise ValueError(f"the {k}th nearest of {len(others)} pictures does not exist: give at least {k}")
    nearest = [torch.cdist(part, others).topk(k, largest=False).indices[:, -1] for part in points.split(CHUNK)]
    return (points - others[torch.cat(nearest)]).norm(dim=1)  # anew, as cdist rounds: a copy is at 0


def covered(points: Tensor, centres: Tensor, k: int = NEIGHBOURS) -> Tensor:
    """Which of points (N, F) lie on the manifold of centres (M, F): booleans (N,).

    The manifold is the union of balls around the centres, each as wide as the way to its k-th nearest neighbour.
    """
    check_features(points, centres)
    points, centres = points.double(), centres.double()
    radii = nearest_distances(centres, centres, k + 1)  # the nearest of all is the centre itself
    reach = radii.square() + rounding(points, centres)  # or a copy of a centre with radius 0 would lie outside
    return torch.cat([(torch.cdist(part, centres).square() <= reach).any(1) for part in points.split(CHUNK)])


def rounding(points: Tensor, others: Tensor) -> float:
    """A bound on how far ``torch.cdist`` is off in squares of distances between rows, as it takes |a|² + |b|² - 2ab."""
    largest = max(float(rows.square().sum(1).max()) for rows in (points, others))
    return points.shape[1] * torch.finfo(points.dtype).eps * largest


def precision(real: Tensor, fake: Tensor, k: int = NEIGHBOURS) -> Estimate:
    """The share of generated features (M, F) on the manifold of the real ones (N, F): are they good?

    Source: Kynkäänniemi et al., arXiv 1904.06991. Blind spots: one perfect picture repeated scores 1, and a single
    real outlier makes a ball wide enough for bad pictures. The interval leaves the balls as they are.
    """
    return bootstrap(_mean, covered(fake, real, k).double())


def recall(real: Tensor, fake: Tensor, k: int = NEIGHBOURS) -> Estimate:
    """The share of real features (N, F) on the manifold of the generated ones (M, F): is nothing missing?

    Source: Kynkäänniemi et al., arXiv 1904.06991. Blind spots: scattered bad pictures have wide balls and
    cover much; both numbers depend on sample size and k.
    """
    return bootstrap(_mean, covered(real, fake, k).double())


# --- classes ------------------------------------------------------------------------------------------


def class_shares(labels: Tensor, classes: int) -> Tensor:
    """The share of each class among labels (N,): (classes,), summing to 1."""
    if len(labels) == 0 or labels.min() < 0 or labels.max() >= classes:
        raise ValueError(f"labels must be whole numbers from 0 to {classes - 1}, and at least one: give more classes?")
    return torch.bincount(labels, minlength=classes).double() / len(labels)


def class_coverage(labels: Tensor, classes: int, share: float = 0.1) -> int:
    """How many classes have at least ``share`` of the pictures that an even spread would give them.

    Blind spot: ten classes do not mean ten good ones, or more than one picture in each.
    """
    return int((class_shares(labels, classes) >= share / classes).sum())


def class_divergence(labels: Tensor, real_shares: Tensor) -> Estimate:
    """KL divergence, in nats, of the class histogram of labels (N,) from the data's shares (K,).

    Blind spots: it sees labels, not pictures; with K classes, N true draws give (K - 1) / (2 N) on average, not 0.
    """

    def divergence(labels: Tensor) -> float:
        shares = class_shares(labels, len(real_shares))
        # 0 log 0 counts as 0; rounding may give less than 0
        return max(0.0, float(torch.special.xlogy(shares, shares / real_shares.to(shares)).sum()))

    return bootstrap(divergence, labels)


def classifier_score(probabilities: Tensor) -> Estimate:
    """exp of the mean KL(p(y|x) from p(y)) of class probabilities (N, K): 1 to K.

    The Inception score's formula (Salimans et al., arXiv 1606.03498, section 4) on our own classifier. Blind spots:
    it never looks at real pictures; one perfect picture of each class scores K.
    """
    check_probabilities(probabilities)

    def score(p: Tensor) -> float:
        return math.exp(float((torch.special.xlogy(p, p) - torch.special.xlogy(p, p.mean(0))).sum(1).mean()))

    return bootstrap(score, probabilities.double())


def sure_share(probabilities: Tensor) -> Estimate:
    """The share of pictures whose most probable class has more than 0.95, from probabilities (N, K).

    Blind spot: a classifier can be sure of what is no digit at all; compare with its floor and with noise.
    """
    check_probabilities(probabilities)
    return bootstrap(_mean, (probabilities.amax(1) > SURE).double())


def check_probabilities(p: Tensor) -> None:
    """Refuse what cannot be class probabilities (N, K), each row summing to 1 (ValueError)."""
    if p.ndim != 2 or not (p >= 0).all() or not torch.allclose(p.sum(1), torch.ones_like(p[:, 0]), atol=1e-3):
        raise ValueError("probabilities must be (N, K), each row summing to 1: give softmax(1) of finite logits")


# --- copies -------------------------------------------------------------------------------------------


def memorisation(fake_distances: Tensor, held_out_distances: Tensor) -> Estimate:
    """How near generated pictures (N,) come to a training picture, as a ratio to how near held-out ones (M,) come.

    Ratio of the mean distances to the nearest training picture: 0 for copies, 1 for fresh draws from the data.
    After Meehan et al., arXiv 2004.05675. Blind spots: a copy shifted by a pixel is far away; blurred pictures are
    near to everything, noise is far from everything.
    """
    if not held_out_distances.mean() > 0:
        raise ValueError("the held-out pictures are training pictures: hold out others, or there is nothing to compare")
    return bootstrap(lambda fake, held: float(fake.mean() / held.mean()), fake_distances, held_out_distances)


def _mean(values: Tensor) -> float:
    return float(values.mean())
