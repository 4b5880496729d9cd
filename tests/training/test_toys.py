"""The 2-D worlds against oracles of their own: chi-square, scipy's eigenvalues and exponentials, finite differences."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.linalg import expm
from scipy.stats import chi2

from gan_helpers.models import dense
from gan_helpers.training import toys
from gan_helpers.training.adversarial import train_gan
from gan_helpers.training.losses import discriminator_loss, saturating_generator_loss, squared_gradient
from gan_helpers.training.settings import Settings
from gan_helpers.viz import fields

TRUE_MASS = chi2.cdf(9, df=2)  # of a 2-D Gaussian within three standard deviations


# --- mixtures -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("mixture", [toys.ring(), toys.grid()], ids=["ring", "grid"])
def test_draws_from_the_mixture_itself_are_the_ceiling(mixture):
    torch.manual_seed(0)
    n = 40_000
    report = toys.mode_report(mixture.sample(n), mixture.centres, mixture.sigma)
    assert report.modes == report.of == len(mixture.centres)
    assert pytest.approx(1 - np.exp(-4.5)) == TRUE_MASS
    assert report.mass == pytest.approx(TRUE_MASS, abs=4 * (TRUE_MASS * (1 - TRUE_MASS) / n) ** 0.5)


def test_the_mixtures_have_the_shape_of_the_literature():
    grid, ring = toys.grid(), toys.ring()
    distances = torch.pdist(grid.centres)
    assert float(distances.min()) / grid.sigma == pytest.approx(2 / 0.05, rel=1e-4)
    assert len(grid.centres) == 25
    assert float(grid.centres.mean().abs()) < 1e-6
    assert (ring.centres.norm(dim=1) / ring.sigma).numpy() == pytest.approx([2 / 0.02] * 8, rel=1e-4)
    torch.manual_seed(0)
    for mixture in (grid, ring):
        points = mixture.sample(50_000)
        assert points.abs().max() < 1  # within the generator's tanh
        offsets = points - mixture.centres[torch.cdist(points, mixture.centres).argmin(1)]
        assert offsets.std(0).numpy() == pytest.approx([mixture.sigma] * 2, rel=0.03)


def test_three_sigma_is_the_border_of_what_is_good():
    centres = torch.tensor([[0.0, 0.0], [10.0, 0.0]])
    points = torch.tensor([[0.0, 2.99], [0.0, 3.01], [10.0, -2.9], [5.0, 0.0]])
    report = toys.mode_report(points, centres, 1.0)
    assert (report.modes, report.of, report.mass) == (2, 2, 0.5)
    assert str(report) == "2 of 2 modes, 50.0% of the mass within three sigma"


@pytest.mark.parametrize(("stray", "modes"), [(49, 1), (50, 2)])
def test_a_mode_needs_a_tenth_of_its_even_part(stray, modes):
    points = torch.cat([torch.zeros(1000 - stray, 2), torch.full((stray, 2), 5.0)])
    assert toys.mode_report(points, torch.tensor([[0.0, 0.0], [5.0, 5.0]]), 0.1).modes == modes


def test_points_far_from_all_modes_cover_nothing():
    report = toys.mode_report(torch.full((100, 2), 0.2), toys.grid().centres, toys.grid().sigma)
    assert (report.modes, report.mass) == (0, 0.0)


# --- the course's own loop on points, and its pictures ------------------------------------------------


def test_the_loop_of_the_course_trains_on_points_and_the_lapse_watches():
    torch.manual_seed(0)
    mixture = toys.ring()
    points = mixture.sample(640)
    generator, discriminator = dense.point_pair(16)
    lapse = fields.FieldLapse(torch.randn(50, generator.config["latent_dim"]), points[:100], size=1.5)
    settings = Settings(batch_size=64, r1=1e-3, r2=1e-3, objective="relativistic")
    run = train_gan(generator, discriminator, points, epochs=1, settings=settings, callbacks=[lapse])
    assert run.step == 10
    assert lapse.steps[0] == 1
    assert all(b >= 1.3 * a for a, b in zip(lapse.steps, lapse.steps[1:], strict=False))
    assert len(lapse.frames) == len(lapse.steps)
    assert lapse.frames[0].dtype == torch.uint8
    assert lapse.frames[0].shape == lapse.frames[-1].shape
    assert not torch.equal(lapse.frames[0], lapse.frames[-1])


def test_watching_does_not_change_the_run():
    mixture = toys.ring()
    rows = []
    for callbacks in ([], [fields.FieldLapse(torch.randn(5, 2), mixture.centres, size=1.5)]):
        torch.manual_seed(3)
        run = train_gan(*dense.point_pair(8), mixture.sample(320), epochs=1, callbacks=callbacks)
        rows.append(run.history.rows())
    assert torch.equal(*rows)


def test_the_field_is_d_and_its_gradient():
    torch.manual_seed(0)
    _, discriminator = dense.point_pair(8)
    discriminator = discriminator.double()
    torch.set_default_dtype(torch.float64)
    try:
        points, logits, gradient = fields.field(discriminator, 7)
    finally:
        torch.set_default_dtype(torch.float32)
    assert points[0, 0].tolist() == [-1, -1]
    assert points[0, -1].tolist() == [1, -1]  # x runs along a row, as the picture shows it
    with torch.no_grad():
        at = points[2, 5]
        assert float(discriminator(at[None])) == pytest.approx(float(logits[2, 5]))
        for axis in range(2):
            step = torch.zeros(2, dtype=torch.float64)
            step[axis] = 1e-6
            difference = (discriminator((at + step)[None]) - discriminator((at - step)[None])) / 2e-6
            assert float(gradient[2, 5, axis]) == pytest.approx(float(difference), abs=1e-6)


def test_a_field_is_drawn_with_a_sentence_for_those_who_cannot_see_it():
    _, discriminator = dense.point_pair(8)
    picture = fields.plot_fields({"one": (discriminator, torch.zeros(5, 2))}, torch.ones(5, 2) / 2)
    assert picture.kind == "png"
    assert picture.alt.startswith("one: real points in grey")
    assert len(torch.unique(fields.pixels(picture).flatten(1), dim=1)[0]) > 20


# --- the Dirac-GAN ------------------------------------------------------------------------------------


def flow(gamma):
    """The Jacobian of (theta, psi) by hand: f'(0) is the logistic function's 1/2."""
    return np.array([[0, 0.5], [-0.5, -gamma]])


@pytest.mark.parametrize("gamma", [0.0, 0.3, 1.0, 2.0])
def test_eigenvalues_are_those_of_the_jacobian(gamma):
    expected = np.sort_complex(np.linalg.eigvals(flow(gamma)))
    assert np.sort_complex(toys.dirac_eigenvalues(gamma).numpy()) == pytest.approx(expected, abs=1e-7)


@pytest.mark.parametrize("gamma", [0.0, 0.3])
@pytest.mark.parametrize("alternating", [False, True])
def test_small_steps_follow_the_flow(gamma, alternating):
    steps, start = 2000, (0.01, -0.005)
    rate = 3 / steps
    path = toys.dirac_path(rate, steps, gamma, alternating, start)
    assert path[-1].numpy() == pytest.approx(expm(3 * flow(gamma)) @ np.array(start), abs=1e-4)


@pytest.mark.parametrize(("rate", "gamma", "theta", "psi"), [(0.3, 0.4, 0.7, -0.2), (1.1, 0.0, -1.5, 0.8)])
@pytest.mark.parametrize("alternating", [False, True])
def test_a_step_goes_down_both_losses_as_autograd_finds_them(rate, gamma, theta, psi, alternating):
    generated, slope = (torch.tensor([x], dtype=torch.float64, requires_grad=True) for x in (theta, psi))
    d_loss = discriminator_loss(slope * 0, slope * generated.detach())
    d_loss = d_loss + gamma * squared_gradient(lambda x: slope * x[:, 0], torch.zeros(1, 1, dtype=torch.float64))
    new_psi = slope - rate * torch.autograd.grad(d_loss, slope)[0]
    g_loss = saturating_generator_loss((new_psi if alternating else slope).detach() * generated)
    new_theta = generated - rate * torch.autograd.grad(g_loss, generated)[0]
    found = toys.dirac_path(rate, 1, gamma, alternating, (theta, psi))[1].tolist()
    assert found == pytest.approx([new_theta.item(), new_psi.item()])


def test_simultaneous_steps_spiral_out_alternating_ones_stay_and_r1_comes_home():
    out, stay = (toys.dirac_path(0.5, 300, alternating=alternating).norm(dim=1) for alternating in (False, True))
    home = toys.dirac_path(0.5, 300, gamma=0.3).norm(dim=1)
    assert out[-1] > 3
    assert 0.7 < stay.min() <= stay.max() < 1.4
    assert home[-1] < 1e-4
