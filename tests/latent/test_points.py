"""The geometry of latent space against closed forms and Jacobians; positions and files."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import nn

from gan_helpers.checkpoints import CheckpointError, Network, save_network
from gan_helpers.latent.points import (
    Position,
    UndoStack,
    between,
    first_weight,
    load_latents,
    of_another_generator,
    plane_map,
    principal_directions,
    random_points,
    save_latents,
    weights_fingerprint,
)
from gan_helpers.models.dense import Generator


class Transposed(Network):
    """z as one pixel, spread by a transposed convolution."""

    def __init__(self, latent_dim: int = 5, padding: int = 0) -> None:
        super().__init__()
        self.first = nn.ConvTranspose2d(latent_dim, 3, 4, padding=padding)

    def forward(self, latents):
        return self.first(latents[:, :, None, None])


class Convolved(Transposed):
    """z as one pixel, and an ordinary convolution."""

    def __init__(self, latent_dim: int = 5, padding: int = 1) -> None:
        super().__init__(latent_dim, padding)
        self.first = nn.Conv2d(latent_dim, 9, 3, padding=padding)


@pytest.fixture
def generator() -> Generator:
    torch.manual_seed(0)
    return Generator(6, (1, 8, 8), widths=(32,), dropout=0.0)


# --- points and directions ----------------------------------------------------------------------------


def test_a_seed_gives_torchs_own_numbers_and_leaves_the_global_ones_alone(generator):
    torch.manual_seed(7)
    expected = torch.randn(3, 6)
    torch.manual_seed(4)
    after = torch.rand(2)
    torch.manual_seed(4)
    assert torch.equal(random_points(generator, 7, 3), expected)
    assert torch.equal(torch.rand(2), after)


def test_points_are_drawn_as_in_training():
    points = random_points(Generator(50, latent="uniform"), 3, 2000)
    assert points.min() >= -1
    assert points.max() < 1
    assert points.var() == pytest.approx(1 / 3, abs=0.01)
    assert random_points(Generator(50), 3, 2000).var() == pytest.approx(1, abs=0.02)


@pytest.mark.parametrize("seed", [-1, 10**30])
def test_any_whole_number_is_a_seed(generator, seed):
    assert torch.equal(random_points(generator, seed), random_points(generator, seed))


def test_principal_directions_are_those_of_the_responses_covariance(generator):
    directions = principal_directions(generator, 6)
    weight = generator.layers[0].weight.detach()
    assert torch.allclose(directions @ directions.T, torch.eye(6), atol=1e-5)
    eigenvalues = torch.linalg.eigvalsh(weight @ weight.T).flip(0)[:6]
    assert torch.allclose((weight @ directions.T).pow(2).sum(0), eigenvalues, rtol=1e-4)


@pytest.mark.parametrize(("kind", "padding"), [(Transposed, 0), (Transposed, 1), (Convolved, 1), (Convolved, 2)])
def test_the_matrix_of_a_convolution_is_its_jacobian(kind, padding):
    torch.manual_seed(1)
    network = kind(5, padding)
    jacobian = torch.func.jacrev(lambda z: network(z[None]).flatten())(torch.randn(5))  # (responses, latent_dim)
    weight = first_weight(network)
    assert torch.allclose(torch.linalg.svdvals(weight), torch.linalg.svdvals(jacobian), atol=1e-5)
    lengths = (jacobian @ principal_directions(network).T).norm(dim=0)
    assert torch.allclose(lengths, torch.linalg.svdvals(jacobian), atol=1e-5)


def test_inputs_behind_z_are_left_out():
    class WithLabel(Network):
        def __init__(self, latent_dim: int = 4) -> None:
            super().__init__()
            self.first = nn.Linear(latent_dim + 3, 7)

    network = WithLabel()
    assert torch.equal(first_weight(network), network.first.weight[:, :4])


def test_a_first_layer_that_does_not_see_z_is_refused():
    class Folded(Network):
        def __init__(self, latent_dim: int = 8) -> None:
            super().__init__()
            self.first = nn.Conv2d(2, 4, 1)

    class Empty(Network):
        def __init__(self, latent_dim: int = 8) -> None:
            super().__init__()

    for network in (Folded(), Empty()):
        with pytest.raises(ValueError, match="pass directions of your own"):
            principal_directions(network)


# --- paths and maps -----------------------------------------------------------------------------------


@pytest.mark.parametrize("spherical", [True, False])
def test_a_way_begins_and_ends_where_it_should(spherical):
    a, b = torch.randn(2, 1, 30, generator=torch.Generator().manual_seed(0))
    assert torch.allclose(between(a, b, 0.0, spherical), a, atol=1e-5)
    assert torch.allclose(between(a, b, 1.0, spherical), b, atol=1e-5)


def test_the_arc_keeps_the_length_and_the_line_does_not():
    a, b = torch.eye(2)[:1] * 5, torch.eye(2)[1:] * 5
    assert between(a, b, 0.5).norm() == pytest.approx(5)
    assert torch.allclose(between(a, b, 0.5, spherical=False), torch.tensor([[2.5, 2.5]]))


def test_a_way_from_the_origin_is_straight():
    b = torch.ones(1, 4)
    assert torch.equal(between(torch.zeros(1, 4), b, 0.25), 0.25 * b)


def test_a_map_has_its_three_points_at_its_corners():
    a, b, c = torch.randn(3, 1, 10, generator=torch.Generator().manual_seed(2))
    for keep_length in (True, False):
        grid = plane_map(a, b, c, side=5, keep_length=keep_length).view(5, 5, 10)
        for corner, point in ((grid[0, 0], a), (grid[0, -1], b), (grid[-1, 0], c)):
            assert torch.allclose(corner, point[0], atol=1e-5)


def test_a_straight_map_is_the_plane():
    a, b, c = torch.randn(3, 1, 10, generator=torch.Generator().manual_seed(2))
    grid = plane_map(a, b, c, side=3, keep_length=False).view(3, 3, 10)
    assert torch.allclose(grid[1, 1], (b + c)[0] / 2, atol=1e-5)
    assert torch.allclose(grid[2, 2], (b + c - a)[0], atol=1e-5)


def test_a_map_for_normal_latents_does_not_fade_in_the_middle():
    a, b, c = 8 * nn.functional.normalize(torch.randn(3, 1, 64, generator=torch.Generator().manual_seed(2)), dim=-1)
    assert plane_map(a, b, c, keep_length=False).norm(dim=1).min() < 6.5
    kept, straight = plane_map(a, b, c), plane_map(a, b, c, keep_length=False)
    assert torch.allclose(kept.norm(dim=1), torch.full((81,), 8.0), atol=1e-4)
    assert torch.allclose(torch.cosine_similarity(kept, straight), torch.ones(81), atol=1e-5)  # only the length changed


def test_a_map_through_points_of_very_different_lengths_stays_finite():
    a, b, c = torch.ones(1, 4) * 10, torch.eye(4)[:1], torch.zeros(1, 4)
    assert plane_map(a, b, c).isfinite().all()
    corner, straight = plane_map(a, b, 2 * b)[-1], plane_map(a, b, 2 * b, keep_length=False)[-1]
    assert torch.cosine_similarity(corner, straight, dim=0) > 0.999  # a negative length would turn it round


# --- positions ----------------------------------------------------------------------------------------


def at(origin: str) -> Position:
    return Position(torch.zeros(1, 2), origin, seed=0)


def test_undo_goes_back_and_moves_of_one_kind_count_as_one():
    stack = UndoStack(at("home"))
    stack.move(at("a"))
    for value in "bcd":
        stack.move(at(value), kind="slider 1")
    stack.move(at("e"), kind="slider 2")
    assert [stack.undo().origin for _ in range(3)] == ["d", "a", "home"]
    assert stack.undo() is None
    assert stack.now.origin == "home"


def test_a_move_after_an_undo_is_a_move_of_its_own():
    stack = UndoStack(at("home"))
    stack.move(at("a"), kind="slider")
    stack.undo()
    stack.move(at("b"), kind="slider")
    assert stack.undo().origin == "home"


def test_the_undo_stack_is_bounded():
    stack = UndoStack(at("0"), longest=3)
    for i in range(1, 10):
        stack.move(at(str(i)))
    assert [stack.undo().origin for _ in range(3)] == ["8", "7", "6"]
    assert stack.undo() is None


# --- files --------------------------------------------------------------------------------------------


def test_latents_come_back_as_they_were_saved(generator, tmp_path):
    latents = torch.randn(2, 6)
    save_latents(tmp_path / "z.safetensors", latents, label=3)
    found, facts = load_latents(tmp_path / "z.safetensors", generator)
    assert torch.equal(found, latents)
    assert facts == {"label": 3}


def test_a_file_says_which_generator_made_it(generator, tmp_path):
    twin = copy.deepcopy(generator)
    save_latents(tmp_path / "z.safetensors", torch.zeros(1, 6), generator)
    save_latents(tmp_path / "old.safetensors", torch.zeros(1, 6))
    _, facts = load_latents(tmp_path / "z.safetensors", twin)
    assert not of_another_generator(facts, twin)
    assert not of_another_generator(load_latents(tmp_path / "old.safetensors", twin)[1], twin)  # not known
    for change in (lambda p: p.mul_(1.001), lambda p: p.copy_(p.flip(0))):
        other = copy.deepcopy(generator)
        with torch.no_grad():
            change(next(other.parameters()))
        assert of_another_generator(facts, other)
    assert weights_fingerprint(Generator(6, (1, 8, 8), (32,), 0.0)) != weights_fingerprint(generator)


def test_a_file_for_another_generator_is_refused(generator, tmp_path):
    save_latents(tmp_path / "z.safetensors", torch.randn(1, 7))
    with pytest.raises(CheckpointError, match=r"z\.safetensors is for another generator.*takes \(N, 6\)"):
        load_latents(tmp_path / "z.safetensors", generator)


def test_a_file_without_latents_or_with_broken_ones_is_refused(generator, tmp_path):
    save_network(tmp_path / "g.safetensors", generator)
    save_latents(tmp_path / "nan.safetensors", torch.full((1, 6), torch.nan))
    for name in ("g", "nan"):
        with pytest.raises(CheckpointError, match=f"{name}.safetensors holds no latent vectors"):
            load_latents(tmp_path / f"{name}.safetensors", generator)


def test_a_damaged_or_missing_file_is_refused_by_name(generator, tmp_path):
    path = tmp_path / "z.safetensors"
    with pytest.raises(CheckpointError, match="there is no file"):
        load_latents(path, generator)
    save_latents(path, torch.randn(1, 6))
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    with pytest.raises(CheckpointError, match=r"z\.safetensors is damaged"):
        load_latents(path, generator)
