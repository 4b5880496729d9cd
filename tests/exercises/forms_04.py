"""Notebook 04: right and wrong forms of every answer, in the styles that readers write."""

from __future__ import annotations

import copy

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from gan_helpers.training.losses import discriminator_loss, fake_loss, generator_loss, real_loss

RIGHT: dict[str, list] = {}
WRONG: dict[str, list] = {}


# --- discriminator step ------------------------------------------------------------------------------


def d_step(loss_of, zero=True, steps=1, give=lambda loss: loss, before=lambda *_: None, after=lambda *_: None):
    def answer(generator, discriminator, optimizer, real, z, smoothing):
        before(generator, discriminator, optimizer)
        loss = loss_of(generator, discriminator, real, z, smoothing)
        if zero:
            optimizer.zero_grad()
        loss.backward()
        for _ in range(steps):
            optimizer.step()
        after(generator, discriminator, optimizer)
        return give(loss)

    return answer


def usual(g, d, real, z, s):
    return discriminator_loss(d(real), d(g(z).detach()), s)


def by_softplus(g, d, real, z, s):
    with torch.no_grad():
        fake = g(z)
    x, y = d(real), d(fake)
    return (F.softplus(-x) + s * x).mean() + F.softplus(y).mean()


def in_one_pass(g, d, real, z, s):
    logits = d(torch.cat([real, g(z).detach()]))
    labels = torch.cat([torch.full((len(real),), 1 - s), torch.zeros(len(z))])
    return 2 * F.binary_cross_entropy_with_logits(logits, labels)


def d_step_in_two_backwards(generator, discriminator, d_optimizer, real_images, latents, smoothing):
    d_optimizer.zero_grad(set_to_none=False)
    on_real = real_loss(discriminator(real_images), smoothing)
    on_real.backward()
    on_fake = fake_loss(discriminator(generator(latents).detach()))
    on_fake.backward()
    d_optimizer.step()
    return (on_real + on_fake).item()


def d_step_with_closure(generator, discriminator, d_optimizer, real_images, latents, smoothing):
    def closure():
        d_optimizer.zero_grad()
        loss = usual(generator, discriminator, real_images, latents, smoothing)
        loss.backward()
        return loss

    return d_optimizer.step(closure)


def d_step_frozen_generator(generator, discriminator, d_optimizer, real_images, latents, smoothing):
    generator.requires_grad_(False)
    loss = discriminator_loss(discriminator(real_images), discriminator(generator(latents)), smoothing)
    discriminator.zero_grad()
    loss.backward()
    d_optimizer.step()
    generator.requires_grad_(True)
    return loss.detach().numpy()


def d_step_by_grad(generator, discriminator, d_optimizer, real_images, latents, smoothing):
    loss = discriminator_loss(discriminator(real_images), discriminator(generator(latents)), smoothing)
    weights = list(discriminator.parameters())
    for weight, slope in zip(weights, torch.autograd.grad(loss, weights), strict=True):
        weight.grad = slope
    d_optimizer.step()
    return float(loss.detach())


RIGHT["discriminator step"] = [
    d_step(usual),
    d_step(by_softplus, give=lambda loss: loss.item()),
    d_step(in_one_pass, give=lambda loss: loss.detach()[None]),
    d_step_in_two_backwards,
    d_step_with_closure,
    d_step_frozen_generator,
    d_step_by_grad,
    d_step(usual, before=lambda g, d, o: (g.zero_grad(), d.train())),
]
WRONG["discriminator step"] = [
    d_step(usual, zero=False),
    d_step(usual, zero=False, after=lambda g, d, o: o.zero_grad()),
    d_step(usual, steps=0),
    d_step(usual, steps=2),
    d_step(lambda g, d, real, z, s: discriminator_loss(d(real), d(g(z)), s)),
    d_step(lambda g, d, real, z, s: discriminator_loss(d(real), d(g(z)).detach(), s)),
    d_step(lambda g, d, real, z, s: discriminator_loss(d(real).detach(), d(g(z).detach()), s)),
    d_step(lambda g, d, real, z, s: discriminator_loss(d(real), d(g(z).detach()))),
    d_step(lambda g, d, real, z, s: discriminator_loss(d(real), d(g(z).detach()), 0.1)),
    d_step(lambda g, d, real, z, s: usual(g, d, real, z, s) / 2),
    d_step(lambda g, d, real, z, s: -usual(g, d, real, z, s)),
    d_step(lambda g, d, real, z, s: generator_loss(d(g(z)))),
    d_step(lambda g, d, real, z, s: fake_loss(d(g(z).detach()))),
    d_step(usual, give=lambda loss: torch.tensor(1.0)),
    d_step(usual, give=lambda loss: None),
    d_step(usual, after=lambda g, d, o: o.zero_grad(), steps=0),
    d_step(usual, after=lambda g, d, o: [p.data.sub_(0.01) for p in g.parameters()]),
    d_step(usual, after=lambda g, d, o: g.eval()),
    d_step(usual, after=lambda g, d, o: g.requires_grad_(False)),
    d_step(lambda g, d, real, z, s: discriminator_loss(d(g(z).detach()), d(real), s)),
    lambda g, d, o, real, z, s: usual(g, d, real, z, s),
]


# --- generator step ----------------------------------------------------------------------------------


def g_step(loss_of, **options):
    inner = d_step(lambda g, d, real, z, s: loss_of(g, d, z), **options)
    return lambda generator, discriminator, g_optimizer, latents: inner(
        generator, discriminator, g_optimizer, None, latents, 0
    )


def g_step_frozen(generator, discriminator, g_optimizer, latents):
    discriminator.requires_grad_(False)
    g_optimizer.zero_grad()
    loss = F.softplus(-discriminator(generator(latents))).mean()
    loss.backward()
    g_optimizer.step()
    discriminator.requires_grad_(True)
    return loss.item()


def g_step_by_grad(generator, discriminator, g_optimizer, latents):
    logits = discriminator(generator(latents))
    loss = F.binary_cross_entropy_with_logits(logits, torch.ones(len(latents)))
    for weight, slope in zip(
        generator.parameters(), torch.autograd.grad(loss, list(generator.parameters())), strict=True
    ):
        weight.grad = slope
    g_optimizer.step()
    return loss.detach().cpu().numpy()


def g_step_through_pictures(generator, discriminator, g_optimizer, latents):
    pictures = generator(latents)
    seen = pictures.detach().requires_grad_()
    loss = generator_loss(discriminator(seen))
    (pull,) = torch.autograd.grad(loss, seen)
    g_optimizer.zero_grad()
    pictures.backward(pull)
    g_optimizer.step()
    return [loss]


def g_step_into_g_alone(generator, discriminator, g_optimizer, latents):
    loss = real_loss(discriminator(generator(latents)))
    g_optimizer.zero_grad()
    loss.backward(inputs=list(generator.parameters()))
    g_optimizer.step()
    return np.float64(loss.item())


def g_step_through_a_copy(generator, discriminator, g_optimizer, latents):
    loss = -F.logsigmoid(copy.deepcopy(discriminator)(generator(latents))).mean()
    generator.zero_grad()
    loss.backward()
    g_optimizer.step()
    return loss


def frozen(loss_of, **options):
    return g_step(
        loss_of,
        before=lambda g, d, o: d.requires_grad_(False),
        after=lambda g, d, o: d.requires_grad_(True),
        **options,
    )


RIGHT["generator step"] = [
    frozen(lambda g, d, z: generator_loss(d(g(z)))),
    frozen(lambda g, d, z: nn.BCELoss()(d(g(z)).sigmoid(), torch.ones(len(z)))),
    g_step(lambda g, d, z: generator_loss(d(g(z))), after=lambda g, d, o: d.zero_grad()),
    g_step_frozen,
    g_step_by_grad,
    g_step_through_pictures,
    g_step_into_g_alone,
    g_step_through_a_copy,
]
WRONG["generator step"] = [
    g_step(lambda g, d, z: generator_loss(d(g(z)))),
    g_step(lambda g, d, z: generator_loss(d(g(z))), before=lambda g, d, o: d.zero_grad()),
    frozen(lambda g, d, z: generator_loss(d(g(z))), zero=False),
    frozen(lambda g, d, z: fake_loss(d(g(z)))),
    g_step(lambda g, d, z: generator_loss(d(g(z))), zero=False),
    g_step(lambda g, d, z: generator_loss(d(g(z))), steps=0),
    g_step(lambda g, d, z: generator_loss(d(g(z))), steps=2),
    g_step(lambda g, d, z: fake_loss(d(g(z)))),
    g_step(lambda g, d, z: -fake_loss(d(g(z)))),
    g_step(lambda g, d, z: -generator_loss(d(g(z)))),
    g_step(lambda g, d, z: generator_loss(d(g(z).detach()))),
    g_step(lambda g, d, z: real_loss(d(g(z)), 0.1)),
    g_step(lambda g, d, z: -d(g(z)).mean()),
    g_step(lambda g, d, z: generator_loss(d(g(z))), after=lambda g, d, o: d.requires_grad_(False)),
    g_step(lambda g, d, z: generator_loss(d(g(z))), after=lambda g, d, o: torch.optim.SGD(d.parameters(), 0.1).step()),
    g_step(lambda g, d, z: generator_loss(d(g(z))), give=lambda loss: loss * 2),
    g_step(lambda g, d, z: generator_loss(d(g(z))), after=lambda g, d, o: d.eval()),
    g_step(lambda g, d, z: generator_loss(d(g(z))) / 2),
    lambda g, d, o, z: generator_loss(d(g(z))),
]


# --- average weights ---------------------------------------------------------------------------------


def average_in_place(average, state, decay):
    for name in average:
        if average[name].dtype.is_floating_point:
            average[name].mul_(decay).add_(state[name], alpha=1 - decay)
        else:
            average[name].copy_(state[name])
    return average


def average_by_lerp(average, state, decay):
    found = {}
    for name, value in state.items():
        found[name] = torch.lerp(value, average[name], decay) if value.dtype == torch.float32 else value
    return found


def average_numpy(average, state, decay):
    return {
        k: decay * a.numpy() + (1 - decay) * state[k].numpy() if a.is_floating_point() else int(state[k])
        for k, a in average.items()
    }


def average_copy(average, state, decay):
    result = copy.deepcopy(state)
    for name in result:
        if "num_batches" not in name:
            result[name] = result[name] + decay * (average[name] - result[name])
    return result


def blend(average, state, decay, whole=lambda a, b: b, floats=lambda a, b, d: d * a + (1 - d) * b):
    return {
        k: floats(average[k], state[k], decay) if state[k].is_floating_point() else whole(average[k], state[k])
        for k in state
    }


def average_spoiling(average, state, decay):
    for name in state:
        if state[name].is_floating_point():
            state[name].mul_(1 - decay).add_(decay * average[name])
    return state


RIGHT["average weights"] = [
    average_in_place,
    average_by_lerp,
    average_numpy,
    average_copy,
    blend,
    lambda a, s, d: blend(a, s, d, floats=lambda x, y, d: d * x.double() + (1 - d) * y.double()),
    lambda a, s, d: blend(a, s, d, floats=lambda x, y, d: x + (1 - d) * (y - x), whole=lambda x, y: y.float()),
]
WRONG["average weights"] = [
    lambda a, s, d: blend(a, s, 1 - d),
    lambda a, s, d: blend(a, s, d, whole=lambda x, y: x),
    lambda a, s, d: blend(a, s, d, whole=lambda x, y: d * x + (1 - d) * y),
    lambda a, s, d: blend(a, s, d, whole=lambda x, y: (d * x + (1 - d) * y).long()),
    lambda a, s, d: blend(a, s, 0.9),
    lambda a, s, d: blend(a, s, d, floats=lambda x, y, d: d * x + y),
    lambda a, s, d: blend(a, s, d, floats=lambda x, y, d: d * x - (1 - d) * y),
    lambda a, s, d: {k: v for k, v in blend(a, s, d).items() if "num" not in k and "running" not in k},
    lambda a, s, d: {k: v if "running" in k else blend(a, s, d)[k] for k, v in s.items()},
    lambda a, s, d: a,
    lambda a, s, d: s,
    lambda a, s, d: list(blend(a, s, d).values()),
    average_spoiling,
    lambda a, s, d: blend(a, s, d, floats=lambda x, y, d: (x + y) / 2),
    lambda a, s, d: {f"average.{k}": v for k, v in blend(a, s, d).items()},
]
