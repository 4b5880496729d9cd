"""Points, paths, inversion and editing in latent space."""

from gan_helpers.latent.editing import (
    Edit,
    fit_factors,
    leave_alone,
    measure_effects,
    step_to_success,
    try_edit,
)
from gan_helpers.latent.inversion import (
    Found,
    find_latents,
    fit_picture,
)
from gan_helpers.latent.mixtures import (
    fit_mixture,
    mixture_of,
    shares_of,
)
from gan_helpers.latent.paths import (
    closed_path,
    even_loop,
    even_times,
    frame_distances,
    slerp,
    variation,
)
from gan_helpers.latent.points import (
    Position,
    UndoStack,
    between,
    first_weight,
    is_uniform,
    load_latents,
    of_another_generator,
    plane_map,
    principal_directions,
    random_points,
    save_latents,
    weights_fingerprint,
)

__all__ = [
    "Edit",
    "Found",
    "Position",
    "UndoStack",
    "between",
    "closed_path",
    "even_loop",
    "even_times",
    "find_latents",
    "first_weight",
    "fit_factors",
    "fit_mixture",
    "fit_picture",
    "frame_distances",
    "is_uniform",
    "leave_alone",
    "load_latents",
    "measure_effects",
    "mixture_of",
    "of_another_generator",
    "plane_map",
    "principal_directions",
    "random_points",
    "save_latents",
    "shares_of",
    "slerp",
    "step_to_success",
    "try_edit",
    "variation",
    "weights_fingerprint",
]
