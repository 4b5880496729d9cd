"""Closed loops through latent space as films: frames at an even pace, MP4 and GIF files. Notebook 11 builds them.

H.264 is what every browser plays. PyAV writes it, whose wheels bring ffmpeg and x264 along; it is imported only here,
and only when a film is encoded.
"""

from __future__ import annotations

import base64
import tempfile
from dataclasses import dataclass
from fractions import Fraction
from html import escape
from math import isfinite
from pathlib import Path

from torch import Tensor

from gan_helpers.checkpoints import write_atomically
from gan_helpers.data.sets import unscale_pixels
from gan_helpers.viz.pictures import animate

# --- the film -------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Film:
    """An MP4 and what it shows. The last expression of a cell displays it; it plays by itself, for ever."""

    content: bytes
    alt: str
    width: int = 256  # in a notebook, in pixels

    def save(self, path: str | Path) -> None:
        """Write the file: all of it or nothing."""
        write_atomically(Path(path), self.content)

    def _repr_mimebundle_(self, **_: object) -> dict[str, str]:
        source = f"data:video/mp4;base64,{base64.b64encode(self.content).decode()}"
        settings = f'controls autoplay loop muted playsinline width="{self.width}" aria-label="{escape(self.alt)}"'
        video = f'<video {settings} src="{source}"></video>'
        return {"text/html": video, "text/plain": self.alt}


def film(frames: Tensor, fps: float = 24, zoom: int = 1, crf: int = 18, alt: str = "", width: int = 256) -> Film:
    """Frames (T, C, H, W), uint8 or floats in [-1, 1], grey or colour, as an H.264 film with ``fps`` frames a second.

    ``fps`` may be broken, such as 23.976. ``zoom`` repeats each pixel along both sides; ``crf`` is x264's quality,
    0 for lossless, 23 for its default.

    Raises:
        ValueError: no frames, frames of another shape, or an odd side, which half-size colour cannot store; or ``fps``
            outside 0.1 to 240.
        ImportError: PyAV is not installed; the message says how to get it.
    """
    rate, pixels = frame_rate(fps), _check_frames(frames, zoom)
    with tempfile.TemporaryDirectory() as folder:  # x264 goes back to put the index in front
        path = Path(folder) / "film.mp4"
        _encode(path, pixels, rate, crf)
        content = path.read_bytes()
    return Film(content, alt or f"a film of {len(frames)} frames, {len(frames) / fps:.1f} s", width)


def save_video(path: str | Path, frames: Tensor, fps: float = 24, zoom: int = 1, crf: int = 18) -> None:
    """Write frames as an MP4, as ``film`` encodes them: all of the file or nothing."""
    film(frames, fps, zoom, crf).save(path)


def save_gif(path: str | Path, frames: Tensor, fps: float = 24, zoom: int = 1) -> None:
    """Write frames as a GIF that runs for ever; its clock ticks in hundredths of a second, two at least a frame."""
    pause = max(2, round(100 / frame_rate(fps))) * 10  # browsers play a single hundredth as ten
    animate(list(_check_frames(frames, 1, even=False)), zoom, milliseconds=pause, rest=pause).save(path)


def frame_rate(fps: float) -> Fraction:
    """Frames a second as the fraction that a file stores: 29.97 is 2997/100; ValueError outside 0.1 to 240."""
    if not isfinite(fps) or not 0.1 <= fps <= 240:
        raise ValueError(f"fps={fps}: choose how many frames a second are shown, 0.1 to 240, such as 24 or 29.97")
    return Fraction(fps).limit_denominator(1001)


def _check_frames(frames: Tensor, zoom: int, even: bool = True) -> Tensor:
    """Frames as uint8 (T, C, H, W) on the CPU, enlarged; ValueError if no film can be made of them."""
    if frames.ndim != 4 or len(frames) == 0 or frames.shape[1] not in (1, 3):
        raise ValueError(
            f"frames of shape {tuple(frames.shape)}: a film needs one picture or more, (T, C, H, W), with C = 1 or 3"
        )
    pixels = unscale_pixels(frames.detach()) if frames.is_floating_point() else frames
    pixels = pixels.cpu().repeat_interleave(zoom, 2).repeat_interleave(zoom, 3)
    h, w = pixels.shape[2:]
    if even and (h % 2 or w % 2):
        raise ValueError(f"frames of {h}x{w} pixels: H.264 needs even sides; take zoom=2, or pad with F.pad")
    return pixels


def _encode(path: Path, pixels: Tensor, rate: Fraction, crf: int) -> None:
    try:
        import av
    except ImportError as error:
        raise ImportError("films are encoded with PyAV: install it with  pip install av") from error
    sheets = pixels.expand(-1, 3, -1, -1).permute(0, 2, 3, 1).contiguous().numpy()  # (T, H, W, 3)
    with av.open(str(path), "w", options={"movflags": "+faststart"}) as container:
        stream = container.add_stream("libx264", rate=rate, options={"crf": str(crf), "preset": "medium"})
        stream.height, stream.width, stream.pix_fmt = *sheets.shape[1:3], "yuv420p"
        stream.codec_context.thread_count = 1  # the same bytes on any machine
        for sheet in sheets:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(sheet, format="rgb24")))
        container.mux(stream.encode())
