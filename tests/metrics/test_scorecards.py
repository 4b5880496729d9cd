"""The score card gives each set the measures of ``distances``, and shows them as a table and a figure."""

from __future__ import annotations

import io

import numpy as np
import pytest
import torch
from PIL import Image

from gan_helpers.data.sets import load_images, scale_pixels
from gan_helpers.metrics import distances
from gan_helpers.metrics.distances import Estimate
from gan_helpers.metrics.readers import load_classifier, read_images
from gan_helpers.metrics.scorecards import ROWS, Reference, Score, ScoreCard, score_card
from gan_helpers.viz.plots import plot_score_card

N = 150


@pytest.fixture(scope="module")
def strokes():
    return load_images("strokes")[:1000], load_images("strokes", split="test")[:300]


@pytest.fixture(scope="module")
def reference(strokes):
    return Reference(load_classifier(), *strokes, n=N, searched=60)


@pytest.fixture(scope="module")
def card(reference, strokes):
    train, _ = strokes
    torch.manual_seed(0)
    lines: list[str] = []
    sets = {"noise": torch.rand(N, 1, 28, 28) * 2 - 1, "memoriser": train.images[:N]}
    card = score_card(sets, reference, progress=lines.append)
    assert [line.partition(":")[0] for line in lines] == ["scored noise", "scored memoriser"]
    return card


def test_a_card_tells_noise_a_memoriser_and_real_pictures_apart(card):
    assert list(card) == ["noise", "memoriser", "real"]
    noise, memoriser, real = card.values()
    assert noise.frechet.low > 20 * real.frechet.high
    assert noise.precision.value == noise.recall.value == 0
    assert noise.memorisation.low > 1.5
    assert memoriser.frechet.value < 3 * real.frechet.value
    assert memoriser.memorisation.value == 0
    assert real.memorisation.value == 1
    assert (memoriser.classes, real.classes) == (10, 10)


def test_each_number_is_that_of_evaluation_on_the_same_pictures(reference, strokes, card):
    train, _ = strokes
    fake, real = read_images(load_classifier(), train.images[:N]), reference.reading
    score = card["memoriser"]
    assert score.frechet.value == pytest.approx(distances.frechet_distance(fake.features, real.features))
    assert score.precision == distances.precision(real.features, fake.features)
    assert score.recall == distances.recall(real.features, fake.features)
    assert score.sure == distances.sure_share(fake.probabilities)
    assert score.classifier == distances.classifier_score(fake.probabilities)
    assert score.divergence == distances.class_divergence(fake.labels, distances.class_shares(train.labels, 10))
    assert (score.frechet.n, score.memorisation.n) == (N, 60)


def test_the_reference_compares_with_test_pictures_and_searches_all_training_pictures(reference, strokes):
    train, test = strokes
    known = {image.numpy().tobytes() for image in test.images}
    assert all(image.numpy().tobytes() in known for image in reference.test_images)
    assert len({image.numpy().tobytes() for image in reference.test_images}) > 0.9 * N  # drawn without repetition
    assert len(reference.train_images) == len(train)
    found = reference.distances(test.images[:5])
    pixels = scale_pixels(train.images).flatten(1)
    expected = [(scale_pixels(image).flatten() - pixels).norm(dim=1).min() for image in test.images[:5]]
    assert torch.allclose(found, torch.stack(expected), rtol=1e-4)


def test_unequal_sizes_and_a_taken_name_are_errors(reference):
    with pytest.raises(ValueError, match=r"149 pictures, but 150 are compared: .*Reference\(n=\)"):
        reference.score(torch.zeros(N - 1, 1, 28, 28))
    with pytest.raises(ValueError, match="choose another"):
        score_card({"real": torch.zeros(N, 1, 28, 28)}, reference)


def test_a_generator_that_diverged_is_an_error(reference):
    with pytest.raises(ValueError, match="has diverged"):
        reference.score(torch.full((N, 1, 28, 28), float("nan")))


def made_up(shift: float = 0.0) -> Score:
    def estimate(value: float, half: float) -> Estimate:
        return Estimate(value + shift, value + shift - half, value + shift + half, 100)

    shares = [estimate(value, 0.0071) for value in (0.81, 0.79, 0.9)]
    return Score(estimate(4199, 84), *shares, 9, estimate(0.0021, 0.0004), estimate(9.31, 0.021), estimate(0.947, 0.0))


def test_the_table_has_a_column_a_set_and_rounds_to_the_interval():
    table = str(ScoreCard({name: made_up() for name in ("noise", "memoriser", "classic", "yours", "ours", "real")}))
    header, *rows = table.splitlines()
    assert header.split() == ["noise", "memoriser", "classic", "yours", "ours", "real"]
    assert [row[: len(name)] for row, name in zip(rows, ROWS.values(), strict=True)] == list(ROWS.values())
    cells = [row.removeprefix(name).split("  ")[-1] for row, name in zip(rows, ROWS.values(), strict=True)]
    expected = ["4199 ± 84", "0.810 ± 0.007", "0.790 ± 0.007", "0.900 ± 0.007", "9", "0.002 ± 0.000"]
    assert [cell.strip() for cell in cells] == [*expected, "9.310 ± 0.021", "0.947 ± 0.000"]
    assert max(map(len, table.splitlines())) <= 120


def pixels(picture):
    return np.asarray(Image.open(io.BytesIO(picture.content)).convert("RGB"))


def test_the_figure_shows_every_set_and_measure():
    one = plot_score_card(ScoreCard({"ours": made_up(), "real": made_up()}))
    assert all(word in one.alt for word in ("ours", "real", *ROWS.values()))
    other = plot_score_card(ScoreCard({"ours": made_up(0.05), "real": made_up()}))
    assert (pixels(one) != pixels(other)).any()
    taller = plot_score_card(ScoreCard({**{name: made_up() for name in "abcd"}, "real": made_up()}))
    assert pixels(taller).shape[0] > pixels(one).shape[0]
