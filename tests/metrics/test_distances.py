"""Every measure against an independent oracle: torchmetrics, scikit-learn, SciPy, or a closed form."""

from __future__ import annotations

import math
from itertools import product

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import linalg, stats
from sklearn.metrics.pairwise import polynomial_kernel
from sklearn.neighbors import NearestNeighbors
from torch import nn
from torchmetrics.image.fid import FrechetInceptionDistance
from torchmetrics.image.inception import InceptionScore
from torchmetrics.image.kid import poly_mmd

from gan_helpers.metrics import distances
from gan_helpers.metrics.distances import Estimate, frechet_distance, kernel_distance
from gan_helpers.models.classifiers import Classifier


class Features(nn.Module):
    """The features of a small classifier with random weights, in the form that torchmetrics asks for."""

    def __init__(self):
        super().__init__()
        self.classifier, self.num_features = Classifier((1, 8, 8), 4, channels=(4,), width=6).eval(), 6

    def forward(self, images):
        return self.classifier.features(images)


def with_moments(points, mean, cov):
    """Points (N, F), moved and stretched to have exactly this mean and covariance."""
    centred = points.double() - points.double().mean(0)
    found = torch.atleast_2d(centred.T.cov())
    white = torch.linalg.solve_triangular(torch.linalg.cholesky(found), centred.T, upper=False).T
    return white @ torch.linalg.cholesky(cov.double()).T + mean


@pytest.fixture(autouse=True)
def seeded():
    torch.manual_seed(0)


# --- Fréchet distance ---------------------------------------------------------------------------------


@pytest.mark.filterwarnings("ignore:Metric")
def test_frechet_distance_is_that_of_torchmetrics():
    features = Features()
    real, fake = torch.rand(300, 1, 8, 8), torch.rand(200, 1, 8, 8) ** 3
    metric = FrechetInceptionDistance(feature=features).set_dtype(torch.float64)
    metric.inception = features.double()
    metric.update(real.double(), real=True)
    metric.update(fake.double(), real=False)
    with torch.no_grad():
        found = frechet_distance(features(real.double()), features(fake.double()))
    assert found > 1e-3
    assert found == pytest.approx(float(metric.compute()), rel=1e-5)


def test_frechet_distance_is_the_formula_with_scipys_matrix_root():
    a, b = torch.randn(400, 7) @ torch.randn(7, 7), 0.5 + torch.randn(300, 7) @ torch.randn(7, 7)
    cov_a, cov_b = (np.cov(x.double().numpy().T) for x in (a, b))
    root = linalg.sqrtm(cov_a @ cov_b).real
    expected = float((a.double().mean(0) - b.double().mean(0)).square().sum()) + np.trace(cov_a + cov_b - 2 * root)
    assert frechet_distance(a, b) == pytest.approx(expected, rel=1e-8)


@pytest.mark.parametrize(
    ("mean", "cov_a", "cov_b", "expected"),
    [
        (0.0, torch.eye(3), torch.eye(3), 0.0),
        (2.0, torch.eye(3), torch.eye(3), 12.0),  # a shift by 2 along each of three axes
        (0.0, torch.eye(3), 9 * torch.eye(3), 12.0),  # isotropic: F (sigma_a - sigma_b)^2
        (1.0, torch.diag(torch.tensor([1.0, 4.0])), torch.diag(torch.tensor([4.0, 1.0])), 4.0),
        (0.0, torch.tensor([[1, 0.6], [0.6, 1]]), torch.tensor([[1, -0.6], [-0.6, 1]]), 0.8),
        (3.0, torch.tensor([[4.0]]), torch.tensor([[25.0]]), 18.0),  # one dimension
    ],
)
def test_frechet_distance_of_gaussians_with_a_known_one(mean, cov_a, cov_b, expected):
    a = with_moments(torch.randn(50, len(cov_a)), 0.0, cov_a)
    b = with_moments(torch.randn(70, len(cov_b)), mean, cov_b)
    assert frechet_distance(a, b) == pytest.approx(expected, abs=1e-6)
    assert frechet_distance(b, a) == pytest.approx(expected, abs=1e-6)


def test_fewer_pictures_than_features_still_give_a_number():
    a, b = torch.randn(10, 30), torch.randn(12, 30)
    assert 0 < frechet_distance(a, b) < math.inf
    assert frechet_distance(a, a) == pytest.approx(0, abs=1e-5)


def test_frechet_distance_falls_with_sample_size():
    few, many = (frechet_distance(*torch.randn(2, n, 20)) for n in (50, 2000))
    assert few > 10 * many > 0


# --- kernel distance ----------------------------------------------------------------------------------

sizes, widths, seeds = st.integers(2, 40), st.integers(1, 9), st.integers(0, 2**31)


def drawn(seed, *shape):
    """Rows with a mean, a spread and a skew of their own, as doubles."""
    source = torch.Generator().manual_seed(seed)
    points = torch.randn(*shape, generator=source, dtype=torch.float64)
    return torch.randn(shape[-1], generator=source) + points + 0.5 * points.square()


@given(sizes, widths, seeds)
@settings(max_examples=50, deadline=None)
def test_kernel_distance_is_that_of_torchmetrics(n, width, seed):
    a, b = drawn(seed, n, width), drawn(seed + 1, n, width)
    assert kernel_distance(a, b) == pytest.approx(float(poly_mmd(a, b)), rel=1e-9, abs=1e-9)
    assert kernel_distance(b, a) == pytest.approx(kernel_distance(a, b), rel=1e-9, abs=1e-9)


@given(sizes, sizes, widths, seeds)
@settings(max_examples=50, deadline=None)
def test_kernel_distance_of_unequal_sizes_is_that_of_scikit_learns_kernel(n, m, width, seed):
    a, b = drawn(seed, n, width).numpy(), drawn(seed + 1, m, width).numpy()
    within = [polynomial_kernel(x)[~np.eye(len(x), dtype=bool)].mean() for x in (a, b)]  # degree 3, 1 / F, 1
    expected = sum(within) - 2 * polynomial_kernel(a, b).mean()
    found = kernel_distance(torch.tensor(a), torch.tensor(b))
    assert found == pytest.approx(expected, rel=1e-9, abs=1e-9)


def test_more_rows_than_are_held_at_once_change_nothing(monkeypatch):
    a, b = drawn(0, 50, 4), drawn(1, 33, 4)
    whole = kernel_distance(a, b)
    monkeypatch.setattr(distances, "CHUNK", 7)
    assert kernel_distance(a, b) == pytest.approx(whole, rel=1e-12)


@pytest.mark.parametrize(("n", "m"), [(2, 2), (2, 3), (3, 2)])
def test_kernel_distance_is_unbiased(n, m):
    """Over all samples that can be drawn from two populations, its mean is the populations' own distance."""
    a, b = drawn(0, 4, 2), drawn(1, 3, 2)
    truth = sum(polynomial_kernel(x).mean() for x in (a, b)) - 2 * polynomial_kernel(a, b).mean()
    samples = product(product(range(4), repeat=n), product(range(3), repeat=m))
    found = [kernel_distance(a[list(i)], b[list(j)]) for i, j in samples]
    assert sum(found) / len(found) == pytest.approx(truth, rel=1e-9)
    assert max(found) - min(found) > 0.1


def test_kernel_distance_sees_a_skew_that_the_frechet_distance_does_not():
    round_, skewed = (with_moments(x, 0.0, torch.eye(2)) for x in (torch.randn(2000, 2), torch.rand(2000, 2) ** 4))
    assert frechet_distance(round_, skewed) < 1e-6
    assert kernel_distance(round_, skewed) > 20 * abs(kernel_distance(round_[:1000], round_[1000:]))


@pytest.mark.parametrize(
    ("a", "b", "words"),
    [
        (torch.randn(1, 3), torch.randn(5, 3), "generate more"),
        (torch.randn(5, 3), torch.randn(5, 4), "one classifier"),
        (torch.full((5, 3), math.nan), torch.randn(5, 3), "diverged"),
    ],
)
def test_kernel_distance_refuses_what_cannot_be_compared(a, b, words):
    with pytest.raises(ValueError, match=words):
        kernel_distance(a, b)


# --- intervals ----------------------------------------------------------------------------------------


def mean(values):
    return float(values.mean())


def test_the_interval_of_a_mean_is_the_textbooks():
    sample = torch.randn(400)
    found = distances.bootstrap(mean, sample, resamples=1000)
    assert found.value == mean(sample)
    assert found.n == 400
    assert found.value - found.low == pytest.approx(found.high - found.value)
    assert found.high - found.value == pytest.approx(1.96 * float(sample.std()) / 20, rel=0.1)


def test_the_interval_of_a_frechet_distance_is_as_wide_as_fresh_samples_say():
    def draw():
        return torch.randn(300, 2), 1 + torch.randn(300, 2)

    fresh = torch.tensor([frechet_distance(*draw()) for _ in range(100)]).std()
    found = [distances.bootstrap(frechet_distance, *draw()) for _ in range(10)]
    half = sum(estimate.high - estimate.value for estimate in found) / 10
    assert half / 1.96 == pytest.approx(float(fresh), rel=0.3)


def test_every_sample_is_drawn_again_and_the_seed_decides_how():
    constant, varied = torch.ones(50), torch.randn(50)
    for samples in ((constant, varied), (varied, constant)):
        found = distances.bootstrap(lambda a, b: mean(a) - mean(b), *samples)
        assert found.low < found.value < found.high
    assert distances.bootstrap(mean, varied) == distances.bootstrap(mean, varied)
    assert distances.bootstrap(mean, varied) != distances.bootstrap(mean, varied, seed=1)


def test_an_estimate_reads_well():
    assert str(Estimate(12.3456, 11.9, 12.8, 100)) == "12.3 [11.9, 12.8]"


# --- precision and recall -----------------------------------------------------------------------------


def covered_by_scikit_learn(points, centres, k):
    radii = NearestNeighbors(n_neighbors=k + 1).fit(centres).kneighbors(centres)[0][:, -1]
    distances = np.linalg.norm(points[:, None].numpy() - centres[None].numpy(), axis=2)
    return torch.from_numpy((distances <= radii).any(1))


@pytest.mark.parametrize("k", [1, 3])
def test_the_manifold_is_that_of_scikit_learns_neighbours(k, monkeypatch):
    monkeypatch.setattr(distances, "CHUNK", 70)  # several chunks, the last of them shorter
    real, fake = torch.randn(300, 5).double(), 0.5 + 1.3 * torch.randn(200, 5).double()
    for points, centres in ((fake, real), (real, fake)):
        found = distances.covered(points, centres, k)
        assert 0.05 < found.double().mean() < 0.95
        assert torch.equal(found, covered_by_scikit_learn(points, centres, k))


def test_precision_asks_for_good_pictures_and_recall_for_all():
    real = torch.cat([torch.randn(200, 2), 20 + torch.randn(200, 2)])
    half, wild = torch.randn(400, 2), torch.cat([torch.randn(200, 2), 100 + torch.randn(200, 2)])
    assert distances.precision(real, half).value > 0.9
    assert distances.recall(real, half).value == pytest.approx(0.5, abs=0.05)
    assert distances.precision(real, wild).value == pytest.approx(0.5, abs=0.05)
    assert distances.precision(real, half).n == len(half)
    assert distances.recall(real, half[:100]).n == len(real)


def test_nearest_distances_are_scikit_learns_and_0_for_copies():
    points, others = torch.randn(40, 784), torch.randn(300, 784)
    for k in (1, 4):
        expected = NearestNeighbors(n_neighbors=k).fit(others).kneighbors(points)[0][:, -1]
        np.testing.assert_allclose(distances.nearest_distances(points, others, k), expected, rtol=1e-5)
    assert (distances.nearest_distances(others[7:30], others) == 0).all()


# --- classes ------------------------------------------------------------------------------------------


def test_class_shares_and_coverage():
    labels = torch.tensor([0] * 899 + [1] * 90 + [2] * 11)
    assert distances.class_shares(labels, 4).tolist() == [0.899, 0.09, 0.011, 0.0]
    assert distances.class_coverage(labels, 4) == 2  # a tenth of an even share is 0.025
    assert distances.class_coverage(labels, 4, share=0.04) == 3
    assert distances.class_coverage(torch.arange(10), 10) == 10


def test_class_divergence_is_scipys_relative_entropy():
    labels, shares = torch.randint(5, (400,)) ** 2 // 4, torch.tensor([0.1, 0.2, 0.3, 0.25, 0.15])
    found = distances.class_divergence(labels, shares)
    assert found.value == pytest.approx(stats.entropy(distances.class_shares(labels, 5), shares), rel=1e-6)
    assert distances.class_divergence(torch.zeros(9, dtype=torch.int64), shares).value == pytest.approx(math.log(10))
    assert 0 <= distances.class_divergence(torch.arange(40) % 5, torch.full((5,), 0.2)).value < 1e-8


def test_true_draws_diverge_by_as_much_as_the_docstring_says():
    found = [distances.class_divergence(torch.randint(10, (500,)), torch.full((10,), 0.1)).value for _ in range(80)]
    assert sum(found) / 80 == pytest.approx(9 / 1000, rel=0.2)


@pytest.mark.filterwarnings("ignore")
def test_classifier_score_is_that_of_torchmetrics():
    logits = 3 * torch.randn(300, 10)
    metric = InceptionScore(feature=nn.Identity(), splits=1)
    metric.update(logits)
    expected, _ = metric.compute()
    found = distances.classifier_score(logits.softmax(1))
    assert found.value == pytest.approx(float(expected), rel=1e-5)
    assert found.low < found.value < found.high


@pytest.mark.parametrize(
    ("p", "expected"), [(torch.eye(6), 6), (torch.eye(6)[[2] * 5], 1), (torch.full((9, 6), 1 / 6), 1)]
)
def test_classifier_score_of_known_cases(p, expected):
    assert distances.classifier_score(p).value == pytest.approx(expected)


def test_sure_share_counts_probabilities_above_the_threshold():
    p = torch.tensor([[0.96, 0.04], [0.05, 0.95], [0.5, 0.5], [0.01, 0.99]])
    assert distances.sure_share(p).value == 0.5


# --- copies -------------------------------------------------------------------------------------------


def test_memorisation_is_0_for_copies_about_1_for_fresh_draws_and_more_for_noise():
    train, held_out, fresh = torch.randn(2000, 6), torch.randn(300, 6), torch.randn(300, 6)
    held = distances.nearest_distances(held_out, train)

    def ratio(points):
        return distances.memorisation(distances.nearest_distances(points, train), held)

    assert ratio(train[:100]).value == 0
    assert ratio(fresh).low < 1 < ratio(fresh).high
    assert ratio(3 * fresh).low > 1.5
    half_copied = torch.cat([train[:150], fresh[:150]])
    assert ratio(half_copied).value == pytest.approx(0.5, abs=0.1)


# --- bad input ----------------------------------------------------------------------------------------

GOOD, WIDER, BROKEN = torch.randn(20, 4), torch.randn(20, 5), torch.full((20, 4), math.nan)
ERRORS = {
    "two widths": (lambda: frechet_distance(GOOD, WIDER), r"\(20, 4\) and \(20, 5\).*one classifier"),
    "pictures": (lambda: distances.nearest_distances(GOOD.view(20, 1, 2, 2), GOOD), r"flatten\(1\)"),
    "one picture": (lambda: frechet_distance(GOOD[:1], GOOD), "at least 2 are needed.*generate more"),
    "no picture": (lambda: distances.covered(GOOD[:0], GOOD), "at least 1"),
    "NaN first": (lambda: frechet_distance(BROKEN, GOOD), "the first set holds NaN.*lower rate"),
    "NaN second": (lambda: distances.precision(GOOD, torch.full((20, 4), math.inf)), "holds NaN or infinity"),
    "too few neighbours": (lambda: distances.recall(GOOD, GOOD[:3]), "4th nearest of 3 pictures.*at least 4"),
    "no interval": (lambda: distances.bootstrap(mean, GOOD[:1]), "at least two pictures"),
    "no labels": (lambda: distances.class_shares(torch.arange(0), 3), "at least one"),
    "other labels": (lambda: distances.class_divergence(torch.arange(4), torch.full((3,), 1 / 3)), "from 0 to 2"),
    "logits": (lambda: distances.classifier_score(GOOD), r"softmax\(1\)"),
    "broken": (lambda: distances.sure_share(BROKEN), "each row summing to 1"),
    "no held-out": (lambda: distances.memorisation(torch.ones(3), torch.zeros(3)), "hold out others"),
}


@pytest.mark.parametrize("name", ERRORS)
def test_bad_input_is_an_error_that_names_the_remedy(name):
    call, message = ERRORS[name]
    with pytest.raises(ValueError, match=message):
        call()


@pytest.mark.parametrize("copies", [4, 6])
@pytest.mark.parametrize("offset", [0.0, 10.0])
@pytest.mark.parametrize("width", [2, 64, 512])
def test_copies_of_a_set_lie_on_its_manifold(width, offset, copies):
    """Every ball has radius 0: what is at distance 0 must not be lost by rounding."""
    torch.manual_seed(width)
    points = torch.randn(300, width) + offset
    assert distances.covered(points, points.repeat(copies, 1)).all()
    assert not distances.covered(points + 1, points.repeat(copies, 1)).any()
