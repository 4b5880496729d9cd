"""What the notebooks of the GAN course import, in wings: ``from gan_helpers.training import train_gan``.

Importing the package alone is light; each wing's first lines say what lives there.
"""

__version__ = "1.0.0"
