"""Pictures as one staged tensor: by name, from a folder, or drawn."""

from gan_helpers.data.faces import (
    CHANCES,
    FACTORS,
    SCALES,
    data_factors,
    draw_faces,
    face_data,
    held_out_faces,
    mix,
    sample_factors,
    set_factor,
)
from gan_helpers.data.folders import (
    DatasetError,
    download_celeba,
    read_folder,
)
from gan_helpers.data.logograms import (
    clean_ink,
    draw_logograms,
    enlarge_ink,
    fog_share,
    logogram_data,
    speck_share,
    specks,
)
from gan_helpers.data.moving import (
    FIELD,
    FRAMES,
    SPRITE,
    as_ink,
    bouncing_paths,
    look,
    mass_centres,
    moving_digits,
    place,
    reflect,
    shares,
)
from gan_helpers.data.sets import (
    ImageSet,
    idx_is_whole,
    image_batches,
    load_images,
    scale_pixels,
    unscale_pixels,
)
from gan_helpers.data.sources import (
    wait_for_answer,
)
from gan_helpers.data.strokes import (
    colour_digits,
    stroke_digits,
)

__all__ = [
    "CHANCES",
    "FACTORS",
    "FIELD",
    "FRAMES",
    "SCALES",
    "SPRITE",
    "DatasetError",
    "ImageSet",
    "as_ink",
    "bouncing_paths",
    "clean_ink",
    "colour_digits",
    "data_factors",
    "download_celeba",
    "draw_faces",
    "draw_logograms",
    "enlarge_ink",
    "face_data",
    "fog_share",
    "held_out_faces",
    "idx_is_whole",
    "image_batches",
    "load_images",
    "logogram_data",
    "look",
    "mass_centres",
    "mix",
    "moving_digits",
    "place",
    "read_folder",
    "reflect",
    "sample_factors",
    "scale_pixels",
    "set_factor",
    "shares",
    "speck_share",
    "specks",
    "stroke_digits",
    "unscale_pixels",
    "wait_for_answer",
]
