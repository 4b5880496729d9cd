"""Pictures as one staged tensor: by name, from a folder, or drawn."""

from gan_helpers.data.downloads import DownloadError, NoNetwork
from gan_helpers.data.edges import (
    connected,
    edge_map,
    gradients,
    grown,
    separable,
    thinned,
)
from gan_helpers.data.faces import (
    CHANCES,
    FACTORS,
    SCALES,
    data_factors,
    draw_faces,
    held_out_faces,
    mix,
    sample_factors,
    set_factor,
)
from gan_helpers.data.image_folder import DatasetError, read_folder
from gan_helpers.data.logograms import draw_logograms, enlarge_ink, fog_share, speck_share
from gan_helpers.data.moving import (
    FIELD,
    FRAMES,
    SPRITE,
    as_ink,
    bouncing_paths,
    mass_centres,
    moving_digits,
    reflect,
)
from gan_helpers.data.pairs import PairSet, check_unpaired, load_pairs, load_unpaired
from gan_helpers.data.sets import (
    ImageSet,
    grey,
    image_batches,
    index_batches,
    load_images,
    scale_pixels,
    unscale_pixels,
)
from gan_helpers.data.sources import Unavailable
from gan_helpers.data.staged import open_staged, stage_images
from gan_helpers.data.strokes import colour_digits, stroke_digits

__all__ = [
    "CHANCES",
    "FACTORS",
    "FIELD",
    "FRAMES",
    "SCALES",
    "SPRITE",
    "DatasetError",
    "DownloadError",
    "ImageSet",
    "NoNetwork",
    "PairSet",
    "Unavailable",
    "as_ink",
    "bouncing_paths",
    "check_unpaired",
    "colour_digits",
    "connected",
    "data_factors",
    "draw_faces",
    "draw_logograms",
    "edge_map",
    "enlarge_ink",
    "fog_share",
    "gradients",
    "grey",
    "grown",
    "held_out_faces",
    "image_batches",
    "index_batches",
    "load_images",
    "load_pairs",
    "load_unpaired",
    "mass_centres",
    "mix",
    "moving_digits",
    "open_staged",
    "read_folder",
    "reflect",
    "sample_factors",
    "scale_pixels",
    "separable",
    "set_factor",
    "speck_share",
    "stage_images",
    "stroke_digits",
    "thinned",
    "unscale_pixels",
]
