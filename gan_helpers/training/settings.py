"""What a training is made of besides its networks and its pictures: numbers, and the name of an objective.

No setting decides which loop runs: there is one. ``training.adversarial`` makes losses of these numbers.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace

from gan_helpers.training.losses import OBJECTIVES, discriminator_loss


def check_numbers(settings: Settings | SupervisedSettings) -> None:
    """Betas as floats, as torch wants them; ValueError for numbers that no training can use."""
    betas = tuple(float(beta) for beta in settings.betas)
    object.__setattr__(settings, "betas", betas)
    if len(betas) != 2 or not all(0 <= beta < 1 for beta in betas):
        raise ValueError(f"betas={settings.betas}: Adam takes two numbers from 0 to below 1, for example (0, 0.99)")
    if not all(lr >= 0 for lr in settings.lrs):
        raise ValueError(f"learning rates {settings.lrs}: they must not be negative")


@dataclass(frozen=True, repr=False)
class Settings:
    """An adversarial training. What follows the seed is switched off by default, and then not printed."""

    batch_size: int = 128
    g_lr: float = 1e-3
    d_lr: float = 1e-3
    betas: tuple[float, float] = (0.0, 0.99)
    label_smoothing: float = 0.0  # D's label for real pictures is 1 minus this
    ema_decay: float = 0.999  # of the average of G; 0: no average, sample from the generator itself
    seed: int = 0
    ema_warmup: float = 10.0  # the decay is at most (1 + step) / (ema_warmup + step): 0.999 from step 8,990 on
    objective: str = "non-saturating"  # a name in losses.OBJECTIVES
    r1: float = 0.0  # weights of the penalties on D's gradient: at real pictures, at generated ones,
    r2: float = 0.0
    unit_gradient: float = 0.0  # and for the length's distance from 1 between the two
    penalty_every: int = 8  # steps; the weights are multiplied by it
    lr_decay_from: int = 0  # the step from which both rates fall as 1 / step; 0: they stay
    mismatched: float = 0.0  # share of real pictures under wrong labels in what D learns to refuse
    flips: bool = False  # half of the real pictures mirrored left to right

    columns = ("d_loss", "g_loss", "d_real", "d_fake")  # of the history

    def __post_init__(self) -> None:
        check_numbers(self)
        if self.objective not in OBJECTIVES:
            raise ValueError(f"unknown objective {self.objective!r}: choose one of {', '.join(OBJECTIVES)}")
        if (self.label_smoothing or self.mismatched) and OBJECTIVES[self.objective][0] is not discriminator_loss:
            raise ValueError(
                f"the {self.objective} objective has no labels to smooth or to mismatch: "
                "set label_smoothing=0 and mismatched=0"
            )
        if self.lr_decay_from < 0:
            raise ValueError(f"lr_decay_from={self.lr_decay_from}: give a step, or 0 for rates that stay")
        for name in ("label_smoothing", "ema_decay", "mismatched"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"{name}={getattr(self, name)}: it is a share, from 0 to 1")

    @property
    def lrs(self) -> tuple[float, float]:
        """G's learning rate and D's."""
        return self.g_lr, self.d_lr

    def __repr__(self) -> str:
        names = [f.name for f in fields(self)]
        shown = [n for i, n in enumerate(names) if i < 7 or getattr(self, n) != getattr(Settings, n)]
        return f"{type(self).__name__}({', '.join(f'{name}={getattr(self, name)!r}' for name in shown)})"


@dataclass(frozen=True)
class SupervisedSettings:
    """A training of one network with one loss."""

    batch_size: int = 128
    lr: float = 2e-3
    betas: tuple[float, float] = (0.9, 0.999)
    seed: int = 0

    ema_decay = 0.0  # no average
    lr_decay_from = 0  # the rate stays, or a callback changes it
    columns = ("loss",)

    def __post_init__(self) -> None:
        check_numbers(self)

    @property
    def lrs(self) -> tuple[float]:
        return (self.lr,)


CLASSIC = Settings(64, 2e-3, 2e-3, betas=(0.9, 0.999), label_smoothing=0.1, ema_decay=0.0)
STABLE = Settings(64, 4.5e-3, 4.5e-3, objective="relativistic", r1=0.1, lr_decay_from=1200)  # for models.stable_pair
NON_SATURATING = Settings(64, 3e-3, 3e-3, r1=1.0, lr_decay_from=2400)  # notebook 07's start
PHOTOS = Settings(64, 2e-3, 2e-3, r1=0.3, lr_decay_from=2000, flips=True)  # for models.photo_pair
SIGNS = replace(PHOTOS, flips=False)  # for photo_pair(width=16): a sign seen in a mirror is another sign
FACES = Settings(32, 3e-3, 3e-3, r1=0.3, lr_decay_from=3000)  # for models.face_pair: twice the steps of batches of 64
CLIPS = Settings(64, 2e-3, 2e-3, r1=0.05, lr_decay_from=600)  # for models.ClipGenerator and its two judges
