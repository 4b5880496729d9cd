"""A training run in one picture, drawn fast enough to be drawn again and again while it trains.

Tensors and Pillow draw it in milliseconds, where a plotting library takes a tenth of a second.
The card is white, so that it reads on a dark page too.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from functools import lru_cache
from math import ceil, floor, inf, log10

import torch
import torch.nn.functional as F
from PIL import Image, ImageColor, ImageDraw, ImageFont
from torch import Tensor

from gan_helpers.models.sampling import generate
from gan_helpers.training.runs import History, Run
from gan_helpers.viz.pictures import DATA, DISCRIMINATOR, GENERATOR, Picture, sample_sheet, to_pil

WIDTH, HEIGHT = 1000, 300  # of the card, in pixels
TOP, BOTTOM = 66, 268  # of every pair of axes
LEFT, PROBABILITY, SCORES = 48, 316, 562  # where they begin
TITLE, LABEL, TICK = 18, 16, 15  # sizes of text, which reads also where a narrow page shows the card at 60 %
SHEET_SIDE = 236  # of the sheet of samples: 4 x 4 digits, enlarged twice
INK, GRID = "#24292F", "#E3E6E8"
MOST_ROWS = 50_000  # of the history that are looked at, so that a frame's cost does not grow with the run
Span = tuple[float, float]


def render_run(run: Run, latents: Tensor) -> Picture:
    """Losses, mean scores, the last batch's scores, and what the generator's average makes of ``latents``.

    ``latents`` (N, latent_dim) should be the same in every frame, so that the samples can be followed.
    """
    buffer = io.BytesIO()
    draw_run(run, latents).save(buffer, "png", compress_level=9)
    return Picture(buffer.getvalue(), describe_run(run, len(latents)))


def live_frame(run: Run, latents: Tensor, note: str = "") -> bytes:
    """The same picture as a JPEG, which is encoded in a tenth of the time; ``note`` says "paused", for example."""
    buffer = io.BytesIO()
    draw_run(run, latents, note).save(buffer, "jpeg", quality=92, subsampling=0)
    return buffer.getvalue()


def draw_run(run: Run, latents: Tensor, note: str = "") -> Image.Image:
    """The card with all of its four parts, (HEIGHT, WIDTH), in colour."""
    card = Image.new("RGB", (WIDTH, HEIGHT), "white")
    write(card, 12, 8, ": ".join(filter(None, (note, progress(run)))), size=TITLE)
    means, lows, highs = columns(run.history, 220)
    losses, probabilities = loss_range(lows, highs), (0.0, 1.0)
    for left, title, y, parts in (
        (LEFT, "losses", losses, {"D": (0, DISCRIMINATOR), "G": (1, GENERATOR)}),
        (PROBABILITY, "probability", probabilities, {"D(x)": (2, DATA), "D(G(z))": (3, GENERATOR)}),
    ):
        axes = Axes(card, left, 220, (0, max(1, run.step)), y)
        axes.label(title, {name: colour for name, (_, colour) in parts.items()})
        for i, colour in parts.values():
            axes.curve(means[:, i], lows[:, i], highs[:, i], colour)
        axes.finish()
    draw_scores(card, SCORES, 176, run.logits)
    paste_samples(card, WIDTH - SHEET_SIDE - 10, generate(run.average, latents))
    return card


# --- in words -----------------------------------------------------------------------------------------


def progress(run: Run) -> str:
    """Where the run stands and how fast it goes: one line."""
    step = f"step {run.step:,}" + (f" of {run.last_step:,}" if run.last_step < inf else "")
    epoch = f" (epoch {run.step / run.steps_an_epoch:.1f})" if run.steps_an_epoch else ""
    parts = [step + epoch]
    if run.step and run.seconds:
        parts.append(f"{run.step * run.settings.batch_size / run.seconds:,.0f} pictures a second")
    parts.append(f"{minutes(run.seconds)} spent")
    if 0 < run.share < 1:
        parts.append(f"{minutes(run.seconds * (1 / run.share - 1))} left")
    return "  ·  ".join(parts)


def numbers(run: Run) -> str:
    """The last step's losses and mean probabilities: one line."""
    if not len(run.history):
        return "no step yet"
    d_loss, g_loss, d_real, d_fake = run.history.rows(len(run.history) - 1)[0].tolist()
    return f"D's loss {d_loss:.3f}, G's {g_loss:.3f}, D(x) {d_real:.2f}, D(G(z)) {d_fake:.2f}"


def describe_run(run: Run, samples: int) -> str:
    """What the card shows, for those who cannot see it."""
    return (
        f"{progress(run)}. From left to right: both losses, mean D(x) and D(G(z)), D's scores of the last batch, "
        f"and {samples} samples from fixed latents. {numbers(run)}"
    )


def minutes(seconds: float) -> str:
    """75.3 -> "1:15"."""
    return f"{int(seconds) // 60}:{int(seconds) % 60:02d}"


# --- in pixels ----------------------------------------------------------------------------------------


def columns(history: History, most: int) -> tuple[Tensor, Tensor, Tensor]:
    """Mean, lowest and highest of at most ``most`` equal stretches of the history, (stretches, 4) each.

    Beyond ``MOST_ROWS`` steps only every second, third, ... is looked at.
    """
    rows = history.rows()
    rows = rows[:: max(1, ceil(len(rows) / MOST_ROWS))].nan_to_num()
    size = max(1, ceil(len(rows) / most))
    short = -len(rows) % size  # the last stretch is filled up with the last step
    stretches = torch.cat([rows, rows[-1:].expand(short, -1)]).view(-1, size, rows.shape[1])
    return stretches.mean(1), stretches.amin(1), stretches.amax(1)


def ticks(low: float, high: float, most: int = 5) -> list[float]:
    """At most ``most`` round numbers from low to high: multiples of 1, 2 or 5 times a power of ten."""
    rough = (high - low) / most
    power = 10.0 ** floor(log10(rough))
    step = next(factor * power for factor in (1, 2, 5, 10) if factor * power >= rough)
    return [step * i for i in range(ceil(low / step), floor(high / step + 1e-9) + 1)]


def short(number: float) -> str:
    """12000 -> "12k", 0.30000000000000004 -> "0.3"."""
    return f"{number / 1000:g}k" if abs(number) >= 10_000 else f"{number:.6g}"


def loss_range(lows: Tensor, highs: Tensor) -> Span:
    """From 0, or below if a loss is, to a little above both losses (stretches, 4); a rare peak may leave the axes."""
    if not len(lows):
        return 0.0, 1.0
    low, high = float(lows[:, :2].quantile(0.02)), float(highs[:, :2].quantile(0.98))
    margin = 0.1 * max(high, high - low, 1e-3)
    return (low - margin if low < 0 else 0.0), high + margin


@lru_cache(maxsize=512)
def text_mask(text: str, size: int) -> Image.Image:
    """``text`` in Pillow's own font, which is there on every machine: how much of each pixel it covers."""
    font = ImageFont.load_default(size)
    mask = Image.new("L", (ceil(font.getlength(text)) or 1, sum(font.getmetrics())))
    ImageDraw.Draw(mask).text((0, 0), text, 255, font)
    return mask


def write(
    card: Image.Image, x: float, y: float, text: str, colour: str = INK, size: int = 12, anchor: str = "la"
) -> int:
    """Put ``text`` on the card and return its width. It stands to the left of x, right of it, or around it:
    anchor l, r or m; and from y downwards, or around y: a or m."""
    mask = text_mask(text, size)
    x -= {"l": 0, "m": mask.width / 2, "r": mask.width}[anchor[0]]
    y -= {"a": 0, "m": mask.height / 2}[anchor[1]]
    card.paste(colour, (round(x), round(y)), mask)
    return mask.width


def rgb(colour: str) -> Tensor:
    """ "#FF0000" -> 255, 0, 0 as a tensor (3, 1, 1)."""
    return torch.tensor(ImageColor.getrgb(colour), dtype=torch.float32)[:, None, None]


class Axes:
    """One plot on the card, ``width`` pixels wide: a grid, numbers, and what is drawn into it.

    Whatever is drawn is a stretch in each column of pixels. How much of a pixel it covers is how much
    of its colour the pixel gets, so edges are smooth without drawing larger than life and reducing.
    """

    def __init__(self, card: Image.Image, left: int, width: int, x: Span, y: Span, y_ticks: bool = True) -> None:
        self.card, self.left, self.width, self.height = card, left, width, BOTTOM - TOP
        self.x, self.y = x, y
        self.area = torch.full((3, self.height, width), 255.0)
        for value in ticks(*y, most=4) if y_ticks else ():
            height = float(self.pixels(torch.tensor(value), y, self.height))
            self.area[:, self.height - max(1, round(height))] = rgb(GRID)[:, 0]
            write(card, left - 6, BOTTOM - height, short(value), INK, TICK, "rm")
        for value in (v for v in ticks(*x, most=4) if x[0] < 0 or v == int(v)):  # no half steps
            where = left + float(self.pixels(torch.tensor(value), x, width))
            write(card, where, BOTTOM + 6, short(value), INK, TICK, "ma")

    @staticmethod
    def pixels(values: Tensor, span: Span, length: int) -> Tensor:
        """Where ``values`` lie along an axis of ``length`` pixels; those beyond its ends are put there."""
        return ((values - span[0]) / (span[1] - span[0])).clamp(0, 1) * length

    def label(self, title: str, names: dict[str, str]) -> None:
        """The title, and behind it each name in its colour."""
        x = self.left
        for text, colour in ((title, INK), *names.items()):
            x += write(self.card, x, TOP - 26, text, colour, LABEL) + 10

    def curve(self, means: Tensor, lows: Tensor, highs: Tensor, colour: str) -> None:
        """A line through equal stretches' means (n,), in a band from their lowest to their highest."""
        if len(means):
            mean, low, high = (self._columns(self.pixels(y, self.y, self.height)) for y in (means, lows, highs))
            self.shade(low, high, colour, 0.25)
            self.line(mean, colour)

    def line(self, heights: Tensor, colour: str, width: float = 1.5) -> None:
        """A line at ``heights`` (width,), in pixels: each column reaches half-way to its neighbours."""
        between = (heights[1:] + heights[:-1]) / 2
        left, right = torch.cat([heights[:1], between]), torch.cat([between, heights[-1:]])
        low, high = (extreme(extreme(left, right), heights) for extreme in (torch.minimum, torch.maximum))
        self.shade(low - width / 2, high + width / 2, colour)

    def shade(self, low: Tensor, high: Tensor, colour: str, opacity: float = 1.0) -> None:
        """Colour each column of pixels from ``low`` to ``high`` (width,), in pixels above the axis."""
        floors = torch.arange(self.height - 1.0, -1, -1)[:, None]
        cover = (torch.minimum(high, floors + 1) - torch.maximum(low, floors)).clamp(0, 1)  # (height, width)
        self.area.lerp_(rgb(colour), opacity * cover)

    def finish(self) -> None:
        """Put the drawn area on the card, and the axis below it."""
        self.card.paste(to_pil(self.area.round().byte()), (self.left, TOP))
        ImageDraw.Draw(self.card).line((self.left, BOTTOM, self.left + self.width, BOTTOM), DATA)

    def _columns(self, values: Tensor) -> Tensor:
        """Values (n,) at equal distances, read off at every column of pixels."""
        return F.interpolate(values[None, None], self.width, mode="linear", align_corners=True)[0, 0]


def draw_scores(card: Image.Image, left: int, width: int, logits: Sequence[Tensor] | None) -> None:
    """Histograms of D's scores for the real and the generated half of one batch."""
    groups = [] if logits is None else [part.detach().float().flatten().cpu().nan_to_num() for part in logits]
    both = torch.cat([*groups, torch.zeros(1)])  # 0, where D is undecided, is always in sight
    low, high = float(both.min()), float(both.max())
    margin = 0.05 * (high - low) or 1.0
    axes = Axes(card, left, width, (low - margin, high + margin), (0, 1), y_ticks=False)
    axes.label("scores", {"real": DATA, "generated": GENERATOR})
    counts = [torch.histc(part, 24, *axes.x) for part in groups]
    most = max((float(count.max()) for count in counts), default=1.0)
    bins = torch.arange(width) * 24 // width  # of each column of pixels
    for count, colour in zip(counts, (DATA, GENERATOR), strict=False):
        heights = (count * axes.height / most)[bins]
        axes.shade(torch.zeros(width), heights, colour, 0.3)
        axes.line(heights, colour)
    axes.finish()


def paste_samples(card: Image.Image, left: int, images: Tensor) -> None:
    """The sheet of samples, as large as fits: pixel by pixel if it can be doubled, else smooth."""
    sheet = to_pil(sample_sheet(images))
    scale = SHEET_SIDE / max(sheet.size)
    exact = scale >= 1 and scale - floor(scale) < 0.15
    size = [round(side * (floor(scale) if exact else scale)) for side in sheet.size]
    sheet = sheet.resize(size, Image.Resampling.NEAREST if exact else Image.Resampling.BICUBIC)
    card.paste(sheet, (left + (SHEET_SIDE - size[0]) // 2, 46 + (SHEET_SIDE - size[1]) // 2))
