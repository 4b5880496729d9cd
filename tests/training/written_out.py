"""Four adversarial loops, each written out for its own losses: what the course's one loop is held against."""

from __future__ import annotations

import torch

from gan_helpers.models.autoencoders import reparameterise
from gan_helpers.models.sampling import sample_latents
from gan_helpers.training.losses import OBJECTIVES, discriminator_loss, fake_loss, generator_loss, real_loss
from gan_helpers.training.reconstruction import elbo


def plain(generator, discriminator, batches, g_optimizer, d_optimizer, label_smoothing=0.0):
    """Binary cross-entropy, with label smoothing."""
    for real_images in batches:
        fake_images = generator(sample_latents(generator, len(real_images)))
        real_logits, fake_logits = discriminator(real_images), discriminator(fake_images.detach())
        d_loss = real_loss(real_logits, label_smoothing) + fake_loss(fake_logits)
        d_optimizer.zero_grad()
        d_loss.backward()
        d_optimizer.step()
        discriminator.requires_grad_(False)
        g_loss = generator_loss(discriminator(fake_images))
        g_optimizer.zero_grad()
        g_loss.backward()
        g_optimizer.step()
        discriminator.requires_grad_(True)
        yield d_loss.detach(), g_loss.detach()


def with_penalty(generator, discriminator, batches, g_optimizer, d_optimizer, objective, penalty, every, start=0):
    """Any pair of losses by name, and a penalty on D's gradient in every few steps."""
    d_objective, g_objective = OBJECTIVES[objective]
    for step, real_images in enumerate(batches, start):
        fake_images = generator(sample_latents(generator, len(real_images)))
        real_logits, fake_logits = discriminator(real_images), discriminator(fake_images.detach())
        d_loss = loss = d_objective(real_logits, fake_logits)
        if step % every == 0:
            loss = d_loss + every * penalty(discriminator, real_images, fake_images)
        d_optimizer.zero_grad()
        loss.backward()
        d_optimizer.step()
        discriminator.requires_grad_(False)
        g_loss = g_objective(discriminator, real_images, fake_images)
        g_optimizer.zero_grad()
        g_loss.backward()
        g_optimizer.step()
        discriminator.requires_grad_(True)
        yield d_loss.detach(), g_loss.detach()


def conditional(generator, discriminator, batches, g_optimizer, d_optimizer, label_smoothing=0.0, mismatched=0.0):
    """Labels in both networks, and a share of real pictures under wrong ones."""
    for real_images, labels in batches:
        fake_images = generator(sample_latents(generator, len(labels)), labels)
        real_logits, fake_logits = discriminator(real_images, labels), discriminator(fake_images.detach(), labels)
        d_loss = real_loss(real_logits, label_smoothing) + (1 - mismatched) * fake_loss(fake_logits)
        if mismatched > 0:
            classes = discriminator.config["classes"]
            wrong = (labels + torch.randint_like(labels, 1, classes)) % classes
            d_loss = d_loss + mismatched * fake_loss(discriminator(real_images, wrong))
        d_optimizer.zero_grad()
        d_loss.backward()
        d_optimizer.step()
        discriminator.requires_grad_(False)
        g_loss = generator_loss(discriminator(fake_images, labels))
        g_optimizer.zero_grad()
        g_loss.backward()
        g_optimizer.step()
        discriminator.requires_grad_(True)
        yield d_loss.detach(), g_loss.detach()


def vaegan(vae, discriminator, batches, optimizer, d_optimizer, variance, weight):
    """A decoder that is the generator, and the evidence bound in D's features."""
    features = discriminator.layers[:-1]
    for images in batches:
        fakes = vae.decoder(sample_latents(vae.decoder, len(images)))
        d_loss = discriminator_loss(discriminator(images), discriminator(fakes.detach()))
        d_optimizer.zero_grad()
        d_loss.backward()
        d_optimizer.step()
        discriminator.requires_grad_(False)
        mean, log_variance = vae.encode(images)
        rebuilt = vae.decoder.eval()(reparameterise(mean, log_variance))
        vae.decoder.train()
        bound = elbo(features(images), features(rebuilt), mean, log_variance, variance).mean()
        loss = generator_loss(discriminator(fakes)) - weight * bound
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        discriminator.requires_grad_(True)
        yield d_loss.detach(), loss.detach()
