"""A video GAN's networks: one code for what is seen and one for how it moves. The last section of notebook 11.

Sources: content and motion codes, a judge of frames and a judge of clips are those of Tulyakov et al., *MoCoGAN*,
arXiv 1707.04993. A clip is T frames stacked as channels, so that ``train_gan`` trains on clips as on pictures.
"""

from __future__ import annotations

from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from gan_helpers.checkpoints import Network
from gan_helpers.data.moving import FIELD, FRAMES, SPRITE, as_ink, look, mass_centres, place
from gan_helpers.models.dense import MinibatchStatistics
from gan_helpers.models.mixed import MixedDiscriminator, MixedGenerator
from gan_helpers.models.sampling import check_latents

# --- the two networks -----------------------------------------------------------------------------------


class PathNetwork(nn.Module):
    """Motion codes (N, motion_dim) to centres (N, frames, 2), in pixels: a state that steps through time."""

    def __init__(self, motion_dim: int, field: int, width: int = 64) -> None:
        super().__init__()
        self.field = field
        self.start = nn.Linear(motion_dim, width)
        self.steps = nn.GRU(motion_dim, width, batch_first=True)
        self.position = nn.Linear(width, 2)

    def forward(self, motion: Tensor, frames: int = FRAMES) -> Tensor:
        inputs = motion.unsqueeze(1).expand(-1, frames, -1)  # the same at every step: the state must count
        states, _ = self.steps(inputs, self.start(motion).tanh().unsqueeze(0))  # (N, frames, width)
        return self.field / 2 + (self.field - SPRITE) / 2 * self.position(states)


class Soften(nn.Module):
    """Maps (N, 1, H, W) through a fixed filter, 1, 5, 1 along rows and along columns, the same shape.

    Stripes of one pixel are left at 3/7 of their strength, checks, which alternate both ways, at 9/49; what is even
    stays. Source: the filters 1, 2, 1 of Karras et al., arXiv 1812.04948, here weaker.
    """

    def __init__(self) -> None:
        super().__init__()
        weights = torch.tensor([1.0, 5.0, 1.0]) / 7
        self.register_buffer("kernel", torch.outer(weights, weights)[None, None], persistent=False)

    def forward(self, maps: Tensor) -> Tensor:
        return F.conv2d(F.pad(maps, (1, 1, 1, 1), mode="replicate"), self.kernel)


class ClipGenerator(Network):
    """Latent vectors (N, latent_dim), content code first, to clips (N, T, H, W) in [-1, 1]."""

    def __init__(
        self,
        latent_dim: int = 72,
        motion_dim: int = 8,
        image_shape: tuple[int, ...] = (FRAMES, FIELD, FIELD),
        widths: tuple[int, ...] = (256, 512),
        latent: str = "normal",
    ) -> None:
        super().__init__()
        draw = MixedGenerator(latent_dim - motion_dim, (1, SPRITE, SPRITE), widths, channels=(64, 32))
        self.sprite = nn.Sequential(draw, Soften())
        self.path = PathNetwork(motion_dim, image_shape[-1])

    def forward(self, latents: Tensor) -> Tensor:
        check_latents(self, latents)
        frames, field, _ = self.config["image_shape"]
        content, motion = latents.tensor_split([-self.config["motion_dim"]], 1)
        sprites = (self.sprite(content).squeeze(1) + 1) / 2  # (N, S, S), 0 to 1
        return 2 * place(sprites, self.path(motion, frames), field) - 1


class ClipDiscriminator(Network):
    """Clips (N, T, H, W) in [-1, 1] to logits (2N,): one for each clip, then one for a frame of each."""

    def __init__(
        self,
        image_shape: tuple[int, ...] = (FRAMES, FIELD, FIELD),
        channels: tuple[int, ...] = (32, 64),
    ) -> None:
        super().__init__()
        frames, field, _ = image_shape
        layers: list[nn.Module] = [nn.AvgPool2d(2)]  # half the resolution is enough to see it move
        for n_in, n_out in pairwise((frames, *channels)):
            layers += [nn.Conv2d(n_in, n_out, 4, stride=2, padding=1), nn.LeakyReLU(0.2)]
        n_flat = channels[-1] * (field // 2 ** (len(channels) + 1)) ** 2
        self.clip = nn.Sequential(*layers, nn.Flatten(), MinibatchStatistics(), nn.Linear(n_flat + 1, 1))
        self.frame = MixedDiscriminator((1, SPRITE, SPRITE))

    def forward(self, clips: Tensor) -> Tensor:
        t = torch.randint(clips.shape[1], (len(clips), 1, 1, 1), device=clips.device)
        frames = clips.take_along_dim(t, 1)  # (N, 1, H, W), any one of each clip
        centres = mass_centres(frames.detach()).squeeze(1).round()  # whole pixels: bilinear shares would blur them
        squares = look(as_ink(frames.squeeze(1)), centres)  # (N, S, S), 0 to 1
        return torch.cat([self.clip(clips).squeeze(1), self.frame(2 * squares.unsqueeze(1) - 1)])
