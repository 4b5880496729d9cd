"""Things to touch: latent sliders, and a monitor that shows training as it happens.

Each is a pure ``render_...`` function that returns PNG bytes, and a thin layer that shows them.
Only widgets that ipywidgets 7.7 and 8 share are used, so that Colab shows what JupyterLab shows.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import torch
from matplotlib.figure import Figure
from torch import Tensor, nn

from gan_helpers.datasets import unscale_pixels
from gan_helpers.figures import Picture, draw_history, plot, png_bytes, tile
from gan_helpers.networks import Network, check_latents, generate, sample_latents
from gan_helpers.runs import Run

if TYPE_CHECKING:
    import ipywidgets


# --- latent sliders -----------------------------------------------------------------------------------


def render_latents(generator: Network, latents: Tensor, zoom: int = 10) -> bytes:
    """The pictures of latents (N, latent_dim), side by side, as PNG bytes: one forward pass, no plot."""
    return png_bytes(tile(unscale_pixels(generate(generator, latents)), columns=len(latents)), zoom)


def principal_directions(generator: Network, count: int = 8) -> Tensor:
    """The ``count`` directions (count, latent_dim) that move the first layer's response most, unit length.

    For standard normal z the response W z has covariance W W^T, whose principal components are
    reached by the right singular vectors of W, largest singular value first.
    Source: Shen and Zhou, *Closed-Form Factorization of Latent Semantics in GANs*, arXiv 2007.06600.
    """
    weight = next(layer.weight for layer in generator.modules() if isinstance(layer, nn.Linear))
    return torch.linalg.svd(weight.detach(), full_matrices=False).Vh[:count]


class Explorer:
    """Sliders along given directions through latent space, a picture, *surprise me* and *reset*.

    Attributes:
        sliders: one FloatSlider a direction, in the order of ``directions``.
        image: the ipywidgets Image that shows the picture.
        start: the point (1, latent_dim) that the sliders leave from.
    """

    def __init__(self, generator: Network, directions: Tensor, names: list[str], start: Tensor) -> None:
        import ipywidgets as widgets

        check_latents(generator, start)
        check_latents(generator, directions)
        self.generator, self.directions, self.start = generator, directions, start
        self.seed = 0
        self.sliders = [self._slider(name) for name in names]
        self.image = widgets.Image(format="png", width=280)
        surprise = widgets.Button(description="Surprise me", icon="random")
        reset = widgets.Button(description="Reset", icon="undo")
        surprise.on_click(lambda _: self.surprise())
        reset.on_click(lambda _: self.reset())
        controls = widgets.VBox([*self.sliders, widgets.HBox([surprise, reset])])
        self.widget = widgets.HBox([self.image, controls])
        self._show()

    @property
    def latents(self) -> Tensor:
        """Where the sliders stand: (1, latent_dim)."""
        values = torch.tensor([[slider.value for slider in self.sliders]], device=self.start.device)
        return self.start + values @ self.directions

    def surprise(self, seed: int | None = None) -> None:
        """Leave from a new random point; the same seed gives the same one."""
        self.seed = self.seed + 1 if seed is None else seed
        with torch.random.fork_rng([self.start.device] if self.start.is_cuda else []):
            torch.manual_seed(self.seed)
            self.start = sample_latents(self.generator, 1)
        self.reset()

    def reset(self) -> None:
        """All sliders to 0."""
        for slider in self.sliders:
            slider.value = 0.0
        self._show()

    def _slider(self, name: str) -> ipywidgets.FloatSlider:
        import ipywidgets as widgets

        slider = widgets.FloatSlider(description=name, min=-4, max=4, step=0.05, readout_format=".2f")
        slider.observe(self._show, names="value")
        return slider

    def _show(self, change: Any = None) -> None:
        self.image.value = render_latents(self.generator, self.latents)

    def _repr_mimebundle_(self, **keywords: Any) -> Any:
        text = f"{len(self.sliders)} latent sliders and a picture: they need a running kernel"
        show = getattr(self.widget, "_repr_mimebundle_", None)
        if show is not None:
            return {**show(**keywords), "text/plain": text}
        self.widget._ipython_display_()  # ipywidgets 7
        return {}


def explore(
    generator: Network, directions: Tensor | None = None, start: Tensor | None = None, names: list[str] | None = None
) -> Explorer:
    """Sliders for a generator: along ``directions`` (k, latent_dim), by default the principal ones.

    ``start`` (1, latent_dim) is where the sliders leave from, by default a fixed random point.
    """
    directions = principal_directions(generator) if directions is None else directions
    names = names or [f"direction {i + 1}" for i in range(len(directions))]
    explorer = Explorer(generator, directions, names, torch.zeros_like(directions[:1]) if start is None else start)
    if start is None:
        explorer.surprise(seed=0)
    return explorer


# --- live training monitor ----------------------------------------------------------------------------


@plot
def render_run(run: Run, latents: Tensor) -> tuple[Figure, str]:
    """Losses, mean scores, and what the generator's average makes of fixed ``latents``."""
    figure = Figure(figsize=(11, 3.2), layout="none")  # a layout by hand is drawn in half the time
    figure.subplots_adjust(left=0.04, right=0.99, bottom=0.16, top=0.9, wspace=0.15)
    losses, scores, samples = figure.subplots(1, 3, width_ratios=(4, 4, 3))
    draw_history(run.history, losses, scores)
    sheet = tile(generate(run.average, latents))
    samples.imshow((sheet[0] if len(sheet) == 1 else sheet.permute(1, 2, 0)).numpy(), cmap="gray", vmin=0, vmax=255)
    samples.set_title(f"step {run.step}, {run.seconds:.0f} s")
    samples.axis("off")
    return figure, f"step {run.step}: losses, mean D(x) and D(G(z)), and {len(latents)} samples from fixed latents"


class Monitor:
    """A callback for ``train_gan`` that redraws one picture in the notebook while it trains.

    It draws at most once in ``every_seconds`` and spends at most 3 % of the time on it.
    Without a notebook it prints a line instead, ten at most.
    """

    def __init__(self, latents: Tensor, every_seconds: float = 2.0) -> None:
        self.latents, self.every_seconds = latents, every_seconds
        self.picture: Picture | None = None
        self._handle: Any = None
        self._next = 0.0
        self._lines = 0

    def __call__(self, run: Run) -> None:
        now = time.perf_counter()
        if now >= self._next:
            self.show(run)
            spent = time.perf_counter() - now
            self._next = now + max(self.every_seconds, spent / 0.03)

    def show(self, run: Run) -> None:
        """Draw now; call it once more after training to show the end."""
        if not _in_notebook():
            self._print(run)
            return
        from IPython.display import display

        self.picture = render_run(run, self.latents)
        if self._handle is None:
            self._handle = display(self.picture, display_id=True)
        else:
            self._handle.update(self.picture)

    def _print(self, run: Run) -> None:
        if self._lines < 10:
            self._lines += 1
            d_loss, g_loss, d_real, d_fake = run.history.rows(run.step - 1)[-1].tolist()
            print(f"step {run.step}: D's loss {d_loss:.3f}, G's {g_loss:.3f}, D(x) {d_real:.2f}, D(G(z)) {d_fake:.2f}")


def _in_notebook() -> bool:
    try:
        from IPython import get_ipython
    except ImportError:
        return False
    shell = get_ipython()
    return shell is not None and hasattr(shell, "kernel")


class TimeLapse:
    """A callback that keeps what fixed latents look like, at steps 1, 2, 4, ... times ``growth``."""

    def __init__(self, latents: Tensor, growth: float = 1.25) -> None:
        self.latents, self.growth = latents, growth
        self.frames: list[Tensor] = []  # uint8 (C, height, width) each
        self.steps: list[int] = []

    def __call__(self, run: Run) -> None:
        if not self.steps or run.step >= self.steps[-1] * self.growth:
            self.frames.append(tile(generate(run.average, self.latents)))
            self.steps.append(run.step)
