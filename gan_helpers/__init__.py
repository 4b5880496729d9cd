"""What the notebooks of the GAN course import. Each room's first lines say which notebook explains it.

Importing the package is light: torch and safetensors, no torchvision, no matplotlib, no widgets.
"""

from gan_helpers import checkpoints, datasets, environment, losses, networks, runs, training

__all__ = ["checkpoints", "datasets", "environment", "losses", "networks", "runs", "training"]
__version__ = "1.0.0"
