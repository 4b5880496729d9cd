"""The explorer's panels for what comes in and goes out: *find me*, which searches for a picture, and files."""

from __future__ import annotations

import tempfile
import threading
import time
from collections.abc import Iterator
from itertools import count
from math import inf
from pathlib import Path

import ipywidgets as widgets
import torch
from PIL import Image
from torch import Tensor

from gan_helpers import environment
from gan_helpers.checkpoints import CheckpointError, write_atomically
from gan_helpers.latent.inversion import Found, find_latents, fit_picture
from gan_helpers.latent.points import load_latents, of_another_generator, random_points, save_latents
from gan_helpers.viz.pictures import animate, png_bytes, tile
from gan_helpers.widgets.canvas import drawing_canvas, open_picture, read_drawing
from gan_helpers.widgets.panels import Favourites, Stage, button, message, picture, take_upload

SECONDS = 1.7  # of search; building up and the last picture must fit into two
REFRESH = 0.12  # seconds between pictures of the search


class Finder:
    """Draw or upload a picture; the search shows, step by step, the nearest that the generator can make."""

    title = "Find me"

    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        self.target: Tensor | None = None  # (1, C, H, W)
        self._search: threading.Thread | None = None
        self._ended = threading.Event()
        self.upload = widgets.FileUpload(accept="image/*", description="Upload a picture", layout={"width": "auto"})
        self.upload.add_class("gan-upload").observe(message(stage, self.read_upload), "value")
        tooltip = "search for the nearest picture that the generator can make"
        self.button = button(stage, "Find", "gan-find", tooltip, self.press, icon="search")
        self.note, self.canvas = widgets.HTML(), None
        self.yours, self.found = picture(112), picture(112)
        self._aim(None)
        self.widget = widgets.VBox().add_class("gan-finder")

    def open(self) -> None:
        """Make the canvas when the panel is first opened. Only digits and other grey pictures are drawn."""
        if self.widget.children:
            return
        self.canvas = drawing_canvas(self.stage.shape) if self.stage.shape[0] == 1 else None
        if self.canvas is not None:
            self.canvas.add_class("gan-canvas").observe(message(self.stage, self.read_canvas), "picture")
        ways = [self.upload, self.button, self.note]
        self.note.value = self._hint()
        buttons = widgets.VBox(ways, layout={"flex": "1 1 130px"})
        pictures = [
            widgets.VBox([widgets.Label(text), shown])
            for text, shown in (("yours", self.yours), ("nearest found", self.found))
        ]
        top = [buttons] if self.canvas is None else [self.canvas, buttons]
        self.widget.children = [widgets.HBox(top), widgets.HBox(pictures).add_class("gan-pair")]

    def read_canvas(self) -> None:
        """Take the drawing as the target; nothing drawn is no target, and ends a search."""
        drawing = read_drawing(self.canvas.picture)
        self._aim(None if drawing is None else self._fit(drawing))

    def read_upload(self) -> None:
        """Take the picture as the target that the button has uploaded by itself."""
        file = take_upload(self.upload)
        if file is not None:
            self.read_file(*file)

    def read_file(self, name: str, content: bytes) -> None:
        """Take the picture in a file's bytes as the target."""
        self._aim(self._fit(open_picture(content, name)))
        self.stage.say(f"{name} is ready: press Find")

    def press(self) -> None:
        """Begin the search, or end the one that is running. It runs beside, so that clicks are heard meanwhile."""
        if self._search is not None and self._search.is_alive():
            self.stop()
            return
        self._search = threading.Thread(target=message(self.stage, self.find), daemon=True)
        self._search.start()

    def stop(self) -> None:
        """End a search; the explorer stays where it is."""
        self._ended.set()

    def wait(self) -> None:
        """Until the search that was begun has ended."""
        if self._search is not None:
            self._search.join()

    def find(self) -> None:
        """Search, show each stage of it, and go to what was found."""
        if self.target is None:
            raise ValueError("draw a picture or upload one first, then press Find")
        self._ended.clear()
        self.button.description, self.button.icon = "Stop", "stop"
        try:
            for now in self._stages():
                if self._ended.is_set():
                    self.stage.say("the search was stopped")
                    return
                named = "" if now.label is None else f", class {now.label}"
                self.found.value = self._png(self.stage.pictures(now.latents, now.label))
                self.note.value = f"step {now.step}: mean squared difference {now.error:.4f}{named}"
        finally:
            self.button.description, self.button.icon = "Find", "search"
        origin = f"the nearest found to your picture, mean squared difference {now.error:.4f}"
        self.stage.describe(self.found, f"{origin}{named}")
        self.stage.go(now.latents, origin, now.label)

    def _stages(self) -> Iterator[Found]:
        """The search in all classes, thinned out to what an eye can follow; its end always comes through."""
        device, classes = self.stage.latents.device, self.stage.generator.config.get("classes")
        labels = torch.arange(classes, device=device) if isinstance(classes, int) else None
        shown, last = -inf, None
        target = self.target.to(device)
        for last in find_latents(self.stage.generator, target, seconds=SECONDS, labels=labels):
            if time.perf_counter() - shown > REFRESH:
                shown = time.perf_counter()
                yield last
        yield last

    def _fit(self, image: Image.Image) -> Tensor:
        """As the generator would show it: on the ground, dark or bright, that its own pictures have."""
        own = self.stage.pictures(random_points(self.stage.generator, seed=0, count=64))
        edges = torch.cat([own[:, :, [0, -1]].flatten(), own[:, :, :, [0, -1]].flatten()])
        return fit_picture(image, self.stage.shape, dark_ground=bool(edges.median() < 0))

    def _aim(self, target: Tensor | None) -> None:
        self.stop()
        self.target = target
        blank = torch.full((1, *self.stage.shape), -1.0)  # an image without content is shown as a broken one
        self.yours.value = self._png(blank if target is None else target)
        self.found.value = self._png(blank)
        self.stage.describe(self.yours, "no picture yet" if target is None else "your picture, as the search sees it")
        self.stage.describe(self.found, "nothing found yet")
        self.note.value = self._hint() if target is None else ""

    def _png(self, images: Tensor) -> bytes:
        sheet = tile(images)
        return png_bytes(sheet, zoom=max(1, 112 // sheet.shape[2]))

    def _hint(self) -> str:
        if self.canvas is not None:
            return "Draw a digit, or upload a picture of one or drop it here, and press Find."
        if self.stage.shape[0] == 1:
            return "Upload a picture and press Find. To draw here, install it: <code>pip install anywidget</code>"
        return "Upload a picture and press Find."


class Files:
    """Save the picture, the walk between two favourites, and the latent vector, which loads again."""

    title = "Save"

    def __init__(self, stage: Stage, favourites: Favourites) -> None:
        self.stage, self.favourites = stage, favourites
        save = [
            button(stage, "Picture (PNG)", "gan-save-png", "save the picture that is shown", self.save_png, "save"),
            button(stage, "Walk (GIF)", "gan-save-gif", "save the morph between two favourites", self.save_gif, "film"),
            button(stage, "Latent vector", "gan-save-latents", "save z, to load it again", self.save_latents, "save"),
        ]
        self.saved = widgets.Dropdown(description="saved", layout={"width": "auto"})
        load = button(stage, "Load", "gan-load-saved", "go to the latent vector chosen", self.load_saved, "folder-open")
        upload = widgets.FileUpload(accept=".safetensors", description="Load a file", layout={"width": "auto"})
        self.upload = upload.add_class("gan-load")
        upload.observe(message(stage, self.load_upload), "value")
        self.widget = widgets.VBox([widgets.HBox(save), self.saved, widgets.HBox([load, upload])]).add_class(
            "gan-files"
        )

    @property
    def folder(self) -> Path:
        """Where the files go."""
        return environment.outputs_folder() / "explorer"

    def open(self) -> None:
        """List the latent vectors saved so far."""
        names = sorted(path.name for path in self.folder.glob("latents_*.safetensors"))
        self.saved.options = names
        self.saved.value = names[-1] if names else None

    def save_png(self) -> None:
        """The picture as it is shown, enlarged."""
        sheet = tile(self.stage.pictures(self.stage.latents))
        self._write("picture", ".png", png_bytes(sheet, zoom=max(1, 280 // max(sheet.shape[1:])), effort=9))

    def save_gif(self, frames: int = 24) -> None:
        """The morph of the panel Favourites, there and back."""
        way = [self.favourites.at(i / (frames - 1)) for i in range(frames)]
        sheets = [tile(self.stage.pictures(point.latents, point.label)) for point in way]
        walk = animate(sheets + sheets[-2:0:-1], zoom=max(1, 280 // max(sheets[0].shape[1:])), rest=80)
        self._write("walk", ".gif", walk.content)

    def save_latents(self) -> None:
        """z, the class of a conditional generator, and what tells this generator from others."""
        path = self._unused("latents", ".safetensors")
        save_latents(path, self.stage.latents, self.stage.generator, label=self.stage.label)
        self._saved(path)
        self.open()

    def load_saved(self) -> None:
        """Go to the latent vector that is chosen in the list."""
        if self.saved.value is None:
            raise ValueError("there is none yet: save a latent vector first, or load a file")
        self._load(self.folder / self.saved.value)

    def load_upload(self) -> None:
        """Go to the latent vector in the file that the button has uploaded by itself."""
        file = take_upload(self.upload)
        if file is not None:
            self.read_file(*file)

    def read_file(self, name: str, content: bytes) -> None:
        """Go to the latent vector in a file's bytes."""
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / Path(name).name
            path.write_bytes(content)
            self._load(path)

    def _load(self, path: Path) -> None:
        try:
            latents, facts = load_latents(path, self.stage.generator)
        except CheckpointError as error:  # under the name that the reader knows it by
            raise CheckpointError(str(error).replace(str(path), path.name)) from error
        label, classes = facts.get("label"), self.stage.generator.config.get("classes", 0)
        other = of_another_generator(facts, self.stage.generator)
        warning = ", saved with another generator or other weights: the same numbers, another picture" if other else ""
        label = label if isinstance(label, int) and 0 <= label < classes else None
        self.stage.go(latents[:1], path.name + warning, label)

    def _write(self, name: str, suffix: str, content: bytes) -> None:
        path = self._unused(name, suffix)
        write_atomically(path, content)
        self._saved(path)

    def _saved(self, path: Path) -> None:
        self.stage.say(f"saved as {path.relative_to(environment.COURSE_ROOT)} in the course's folder")

    def _unused(self, name: str, suffix: str) -> Path:
        paths = (self.folder / f"{name}_{i}{suffix}" for i in count(1))
        return next(path for path in paths if not path.exists())
