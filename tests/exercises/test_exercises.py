"""Each exercise: silent when unanswered, a hint for typical mistakes, and right for what is right.

That the solutions printed in the notebooks are right is tested in test_notebooks.py.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch.distributions import Normal, kl_divergence

from gan_helpers.exercises import Verdict, check
from gan_helpers.exercises.judges import EXERCISES
from gan_helpers.latent.paths import slerp
from gan_helpers.metrics.distances import covered
from gan_helpers.models.dense import Generator
from gan_helpers.training.losses import squared_gradient


def sgd_step(detach: bool, step: bool):
    def answer(generator, discriminator, optimizer, real_images, latents):
        fake_images = generator(latents)
        fake_images = fake_images.detach() if detach else fake_images
        real, fake = discriminator(real_images), discriminator(fake_images)
        loss = F.binary_cross_entropy_with_logits(real, torch.full_like(real, 0.9))
        loss = loss + F.binary_cross_entropy_with_logits(fake, torch.zeros_like(fake))
        optimizer.zero_grad()
        loss.backward()
        if step:
            optimizer.step()
        return loss

    return answer


def transposed(features, kernel):
    return F.conv_transpose2d(features[None, None], kernel[None, None], stride=2)[0, 0]


def loop_of(corners, n, way, last=0):
    legs = zip(corners, corners.roll(-1, 0), strict=True)
    return torch.stack([way(a, b, i / n) for a, b in legs for i in range(n + last)])


def moments(distances):
    travelled = torch.cat([torch.zeros(1), distances.cumsum(0)])
    return travelled / travelled[-1], range(len(travelled))


MEANS = torch.rand(10, 1, 28, 28) + torch.arange(10.0).view(10, 1, 1, 1)
WRONG = {
    "scale": [
        (lambda x: x / 255, "stretch to a width of 2"),
        (lambda x: x / 255 - 1, "255 becomes 0"),
        (lambda x: x, "still whole numbers"),
    ],
    "least ink": [((3, MEANS), "not 3")],
    "nearest mean": [
        (lambda x, m: torch.cdist(x.flatten(1), m.flatten(1)).argmax(1), "smallest distance"),
        (lambda x, m: torch.cdist(x.flatten(1), m.flatten(1)), "one class number a picture"),
    ],
    "count parameters": [(lambda widths: sum(a * b for a, b in pairwise(widths)), "are the biases in")],
    "leaky relu": [(torch.relu, "it should be -0.2"), (lambda x: F.leaky_relu(x, 0.2).detach() + 0 * x, "no gradient")],
    "colour generator": [(Generator(), "set image_shape"), (3, "give the generator itself")],
    "stable bce": [
        (lambda x, y: -(y * x.sigmoid().log() + (1 - y) * (1 - x.sigmoid()).log()), "not finite"),
        (lambda x, y: x.abs(), "it should be"),
    ],
    "smoothed optimum": [(lambda p, q, s: p / (p + q), "lowest at")],
    "flipped labels": [
        (lambda x: F.binary_cross_entropy_with_logits(x, torch.zeros_like(x)), "flip the label"),
        (lambda x: x.mean(), "it should be"),
    ],
    "discriminator step": [
        (sgd_step(detach=False, step=True), "detach"),
        (sgd_step(detach=True, step=False), "has not moved"),
        (lambda *_: torch.tensor(1.0), "your loss is"),
    ],
    "average": [(lambda values, decay: sum(values) / len(values), "begin with the first value")],
    "truncated latents": [
        (lambda n, k, limit: torch.randn(n, k).clamp(-limit, limit), "pile up"),
        (lambda n, k, limit: torch.randn(n, k), "above the limit"),
        (lambda n, k, limit: torch.rand(n, k) * 2 * limit - limit, "standard deviation"),
        (lambda n, k, limit: torch.zeros(k), "the shape is"),
    ],
    "nearest picture": [
        (lambda s, p: torch.cdist(s.flatten(1), p.flatten(1)).argmax(1), "are nearest"),
        (lambda s, p: torch.cdist(s.flatten(1), p.flatten(1)), "one index a sample"),
    ],
    # --- notebook 06 ---
    "frechet 1d": [
        (lambda a, b: (a.mean() - b.mean()) ** 2 + (a.var() - b.var()) ** 2, "where spreads differ"),
        (lambda a, b: (a.mean() - b.mean()).abs() + (a.std() - b.std()) ** 2, "where means differ"),
    ],
    "recall": [
        (lambda real, fake: covered(fake, real).double().mean(), "that is the precision"),
        (lambda real, fake: covered(real, fake).double().sum(), "a share of the real points"),
    ],
    "fool frechet": [
        (lambda real: real, "lie on the manifold, not fewer than half"),
        (lambda real: torch.randn_like(real), "the Fréchet distance is"),
        (lambda real: real[:10], "it should be as many points"),
    ],
    # --- notebook 07 ---
    "r1 penalty": [
        (lambda d, x: 2 * squared_gradient(d, x), "you give 2 times"),
        (lambda d, x: 6 * squared_gradient(d, x), "you give 6 times"),
        (lambda d, x: squared_gradient(d, x).detach(), "create_graph"),
    ],
    "relativistic": [
        (lambda real, fake: F.softplus(real - fake).mean(), "that is G's loss"),
        (lambda real, fake: F.softplus(fake - real).sum(), "average softplus"),
    ],
    "critical damping": [(lambda pull: pull, "still turns"), (lambda pull: 4 * pull, "slower than it could be")],
    # --- notebook 08 ---
    "projection logit": [
        (lambda f, y, v, rest: rest[:, None] + f @ v.T, "one logit a picture"),
        (lambda f, y, v, rest: (v[y] * f).sum(1), "the label's part alone"),
        (lambda f, y, v, rest: rest + (f @ v.T).sum(1), "multiply vectors[labels]"),
    ],
    "class agreement": [
        (lambda read, asked, k: (read == asked).float().mean(), "one share a class"),
        (
            lambda read, asked, k: torch.stack([(asked[read == i] == i).float().mean() for i in range(k)]),
            "how often it was asked for",
        ),
        (lambda read, asked, k: torch.ones(k), "it should be"),
    ],
    "style grid": [
        (lambda z, k: z.repeat(k, 1), "give two tensors"),
        (lambda z, k: (z.repeat_interleave(k, 0), torch.arange(k).repeat_interleave(len(z))), "begins anew"),
        (lambda z, k: (z.repeat(k, 1), torch.arange(k).repeat(len(z))), "repeat_interleave"),
    ],
    # --- notebook 09 ---
    "convolution side": [
        (lambda n, k, s, p: (n + p - k) // s + 1, "Padding is on both sides"),
        (lambda n, k, s, p: -(-(n + 2 * p - k) // s) + 1, "round down"),
    ],
    "zeros between": [
        (lambda x, kernel: transposed(x, kernel.flip(0, 1)), "the kernel is not turned"),
        (lambda x, kernel: transposed(x, kernel)[1:-1, 1:-1], "the shape is"),
        (lambda x, kernel: transposed(x.T, kernel), "the numbers are not"),
    ],
    "even kernels": [
        (lambda stride, most: list(range(stride, most + 1)), "[2, 1] stamps"),
        (lambda stride, most: [stride], "Is that even"),
    ],
    # --- notebook 10 ---
    "without others": [
        (lambda d, o: d @ o.T, "one vector"),
        (lambda d, o: d - o.T @ torch.linalg.lstsq(o.T, d).solution, "divide by its norm"),
        (lambda d, o: F.normalize(d - sum((d @ v) / (v @ v) * v for v in o), dim=0), "not at right angles to each"),
        (lambda d, o: F.normalize(torch.linalg.svd(o).Vh[-1], dim=0), "not what is left"),
    ],
    "true share": [
        (lambda seen, hit, false: seen, "Write seen as a sum"),
        (lambda seen, hit, false: (seen - false) / hit, "Write seen as a sum"),
        (lambda seen, hit, false: (seen - false) / (hit - false), "no share is below 0"),
    ],
    # --- notebook 11 ---
    "closed way": [
        (lambda c, n: loop_of(c, n, torch.lerp), "in the middle of a leg"),
        (lambda c, n: loop_of(c, n, slerp, last=1), "comes twice"),
        (lambda c, n: loop_of(c, n, slerp)[:-n], "the way is open"),
        (lambda c, n: loop_of(c.flip(0), n, slerp), "the points are others"),
        (lambda c, n: loop_of(c, n, slerp)[:-1], "the shape is"),
    ],
    "even pace": [
        (lambda d: (d.cumsum(0) - d) / d.sum() * len(d), "the inverse"),
        (lambda d: d.cumsum(0), "you begin"),
        (lambda d: np.interp(np.linspace(0, 1, len(d)), *moments(d)), "total / (n - 1)"),
        (lambda d: np.interp(np.linspace(0, 1, len(d) + 1), *moments(d)), "one moment a frame"),
    ],
    "swap codes": [
        (lambda z, m: torch.cat([z[:, :-m], z.roll(1, 0)[:, -m:]], 1), "row after row"),
        (lambda z, m: torch.cat([z[:, :-m].repeat(3, 1), z[:, -m:].repeat_interleave(3, 0)], 1), "one digit a column"),
        (lambda z, m: z.repeat_interleave(3, 0), "whole vectors"),
        (lambda z, m: torch.cat([z[:, :m].repeat_interleave(3, 0), z[:, m:].repeat(3, 1)], 1), "the last motion_dim"),
    ],
    # --- notebook 12 ---
    "enough components": [
        (lambda v, share: int((v.cumsum(0) / v.sum() < share).sum()), "one more is needed"),
        (lambda v, share: len(v) + 3, "it should be 2"),
    ],
    "best rank": [
        (lambda rows, k: (rows - rows.mean(0)) @ torch.linalg.svd(rows - rows.mean(0)).Vh[:k].T, "decode the codes"),
        (lambda rows, k: rows @ (v := torch.linalg.svd(rows).Vh[:k]).T @ v, "through the origin"),
        (lambda rows, k: (c := rows - rows.mean(0)) @ (v := torch.linalg.svd(c).Vh[:k]).T @ v, "at the end"),
        (lambda rows, k: rows.mean(0).expand_as(rows), "can be reached"),
    ],
    # --- notebook 13 ---
    "psnr": [
        (lambda a, b: 10 * torch.log10(1 / (a - b).square().mean()), "took 1 for the peak"),
        (lambda a, b: 10 * torch.log(4 / (a - b).square().mean()), "use log10"),
        (lambda a, b: 20 * torch.log10(2 / (a - b).abs().mean()), "it should be"),
    ],
    "median of windows": [
        (lambda x: x.unfold(0, 3, 1).unfold(1, 3, 1).mean((2, 3)), "that is the mean"),
        (lambda x: x.median(), "fit into 7x9"),
        (lambda x: x.unfold(0, 3, 1).unfold(1, 3, 1).median(3).values[..., 0], "some windows are wrong"),
    ],
    # --- notebook 14 ---
    "several draws": [
        (lambda w: w.exp().mean(0).log(), "takes the largest out first"),
        (lambda w: w.mean(0), "the mean of the logs"),
        (lambda w: w.logsumexp(0), "subtract log k"),
        (lambda w: w.logsumexp(1), "one number a picture"),
    ],
    "kl of gaussians": [
        (lambda m, s, n, t: kl_divergence(Normal(n, t.sqrt()), Normal(m, s.sqrt())).sum(1), "exchange them"),
        (lambda m, s, n, t: kl_divergence(Normal(m, s), Normal(n, t)).sum(1), "squares already"),
        (lambda m, s, n, t: kl_divergence(Normal(m, s.sqrt()), Normal(n, t.sqrt())), "sum over the numbers"),
        (lambda m, s, n, t: ((m - n).square() / t).sum(1), "it should be"),
    ],
}


@pytest.mark.parametrize("name", EXERCISES)
@pytest.mark.parametrize("answer", [..., None, lambda *arguments: None, lambda *arguments: ...])
def test_unanswered(name, answer):
    if callable(answer) and name in ("least ink", "colour generator"):
        pytest.skip("the answer to this one is not a function")
    assert check(name, answer) == Verdict("not answered yet", "")


def test_an_unanswered_pair_counts_as_unanswered():
    assert check("least ink", (..., MEANS)).state == "not answered yet"


def test_every_exercise_has_wrong_answers_here():
    assert set(WRONG) == set(EXERCISES)


@pytest.mark.parametrize(("name", "answer", "hint"), [(name, *case) for name, cases in WRONG.items() for case in cases])
def test_a_typical_mistake_gets_a_hint_that_helps(name, answer, hint):
    verdict = check(name, answer)
    assert verdict.state == "hint"
    assert hint in verdict.text


@pytest.mark.parametrize("name", EXERCISES)
def test_code_that_fails_is_a_hint_not_an_exception(name):
    def broken(*arguments):
        raise RuntimeError("oh no")

    if name in ("least ink", "colour generator"):
        assert check(name, 1j).state == "hint"
    else:
        assert check(name, broken) == Verdict("hint", "your code stopped with RuntimeError: oh no")
        assert check(name, "text").state == "hint"


def test_a_check_leaves_the_readers_random_numbers_alone():
    torch.manual_seed(2)
    expected = torch.rand(3)
    torch.manual_seed(2)
    check("nearest picture", lambda s, p: torch.zeros(3))
    assert torch.equal(torch.rand(3), expected)


def test_an_unknown_exercise_names_the_known_ones():
    with pytest.raises(KeyError, match="there are scale"):
        check("no such", 1)


def test_verdicts_read_well_in_text_and_html():
    verdict = Verdict("hint", "a < b")
    assert repr(verdict) == "→ hint: a < b"
    assert verdict._repr_html_() == "<b>→ hint</b>: a &lt; b"
    assert repr(Verdict("not answered yet", "")) == "○ not answered yet"


def test_slerp_follows_the_arc():
    a, b = torch.randn(2, 5, 9)
    for t in (0.0, 0.3, 1.0):
        point = slerp(a, b, t)
        expected = torch.lerp(a.norm(dim=1), b.norm(dim=1), t)
        assert torch.allclose(point.norm(dim=1), expected, atol=1e-4)
        cosine = F.cosine_similarity(a, point), F.cosine_similarity(a, b)
        assert torch.allclose(cosine[0].clamp(-1, 1).acos(), t * cosine[1].acos(), atol=2e-3)
    assert torch.allclose(slerp(a, 2 * a, 0.5), 1.5 * a, atol=1e-5)  # no arc between parallel vectors
