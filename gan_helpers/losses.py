"""Adversarial losses on logits. Notebook 03 derives each of them.

All take logits of shape (N,), any real number, and return a scalar in nats.
Source: Goodfellow et al., *Generative Adversarial Networks*, arXiv 1406.2661;
one-sided label smoothing: Salimans et al., arXiv 1606.03498, section 3.4.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor


def real_loss(logits: Tensor, smoothing: float = 0.0) -> Tensor:
    """Cross-entropy of the logits (N,) against the label "real": 1 - smoothing."""
    labels = torch.full_like(logits, 1 - smoothing)
    return F.binary_cross_entropy_with_logits(logits, labels)


def fake_loss(logits: Tensor) -> Tensor:
    """Cross-entropy of the logits (N,) against the label "generated": 0."""
    return F.binary_cross_entropy_with_logits(logits, torch.zeros_like(logits))


def discriminator_loss(real_logits: Tensor, fake_logits: Tensor, smoothing: float = 0.0) -> Tensor:
    """What D minimises: real pictures called real, generated ones called generated."""
    return real_loss(real_logits, smoothing) + fake_loss(fake_logits)


def generator_loss(fake_logits: Tensor) -> Tensor:
    """What G minimises: its pictures with the label flipped to "real" (the non-saturating loss)."""
    return real_loss(fake_logits)


def saturating_generator_loss(fake_logits: Tensor) -> Tensor:
    """G's loss in the minimax game, log(1 - D(G(z))): its gradient vanishes where D is sure."""
    return -fake_loss(fake_logits)
