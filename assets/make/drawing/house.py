"""The package itself."""

from __future__ import annotations

from drawing.svg import (
    CURVE,
    DASHED,
    DATA,
    INK,
    arrow,
    block,
    document,
    label,
)

FLOORS = (  # the highest first: on each its wings, or modules, and what lives there
    (("widgets", "explorer, monitor, canvas"), ("exercises", "check, a file a notebook, clinic")),
    (("viz", "plots, pictures, films, fields"), ("latent", "points, paths, mixtures, inversion, editing")),
    (("training", "losses, the loop, the run, toys"), ("metrics", "readers, distances, filters, score cards")),
    (("models", "networks only: dense, convolutional, conditional, autoencoders, clips"),),
    (("data", "pictures as one tensor: by name, from a folder, or drawn"),),
    (("environment", "seed, device, quick or full"), ("checkpoints", "networks in files, refused when damaged")),
)


def wings() -> str:
    """The package gan_helpers as a house of six floors. At the top widgets and exercises, below them viz and latent,
    then training and metrics, then models, then data, at the bottom environment and checkpoints. A wing imports only
    from floors below its own. Notebooks, the command line and the scripts in assets/make import from all of them."""
    left, right, pitch = 130, 890, 72
    parts = [label(64, 64, "who imports")]
    users = ("notebooks/", "the command line", "assets/make/", "tests/")
    for start, name in zip((130, 325, 520, 715), users, strict=True):
        parts += [block(start, start + 175, 58, (40, 40), DATA, fill_opacity=0.06, **DASHED)]
        parts += [label(start + 175 / 2, 64, name)]
    for row, floor in enumerate(FLOORS):
        middle, width = 148 + pitch * row, (right - left - 20 * (len(floor) - 1)) / len(floor)
        parts += [label(64, middle + 6, f"floor {len(FLOORS) - 1 - row}", fill=DATA)]
        for i, (name, what) in enumerate(floor):
            start = left + i * (width + 20)
            parts.append(block(start, start + width, middle, (60, 60), CURVE if row < 5 else INK, fill_opacity=0.1))
            parts.append(label(start + width / 2, middle - 5, name, font_size=19, font_weight="bold", class_="wing"))
            parts.append(label(start + width / 2, middle + 19, what))
    parts += [arrow((64, 172 + pitch * row), (64, 194 + pitch * row)) for row in range(len(FLOORS) - 1)]
    parts += [arrow((64, 80), (64, 122)), label(510, 574, "A wing imports only from floors below its own.", fill=DATA)]
    return document(wings, "The wings of gan_helpers", 600, *parts)
