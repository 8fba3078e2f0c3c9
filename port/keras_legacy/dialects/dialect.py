"""What a dialect of Keras is to the rules."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Dialect:
    """What the rules must know of the Keras that wrote a file.

    `name`: as said to a person. `kernels_last`: kernels lie as (k1, k2, n_in, n_out) whatever the image's ordering.
    `sized`: a transposed convolution computes its output's size and records none. `masks_of_2`:
    masks as Keras 2 handed them on, see rules/masks.py. `bilinear_from_corner`: bilinear up-sampling
    starts at a corner, not at half a pixel. `oldest`: the version to take where none is
    recorded, () where that must be asked.
    """

    name: str
    kernels_last: bool = False
    sized: bool = False
    masks_of_2: bool = False
    bilinear_from_corner: bool = False
    oldest: tuple[int, ...] = ()


# The config key under which a layer's translation holds {key: value} of what its class never had.
UNKNOWN = "unknown to this Keras"
KERAS0 = Dialect("Keras 0.3", oldest=(0, 3))
KERAS1 = Dialect("Keras 1")
KERAS2 = Dialect("Keras 2", kernels_last=True, sized=True, masks_of_2=True, bilinear_from_corner=True, oldest=(2,))
TF_KERAS = Dialect("tf.keras", kernels_last=True, sized=True, masks_of_2=True, oldest=(2,))
