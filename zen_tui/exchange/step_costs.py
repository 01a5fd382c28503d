"""What one step of training takes on a base of each family, told without weights and before it is made.

Counted once on the library's models of full size without their weights, with a LoRA of rank 16 on one picture:
the numbers that autograd keeps for the gradients, and the multiplications. Between and beyond the two sizes that
were counted, both grow with a power of the pixels, below with the pixels; with the parameters as width and depth
do. Against published peaks the sum of weights, learned numbers, activations and a gigabyte is within 4 % (Krea2,
Z-Image, FLUX.2-klein).
"""

from __future__ import annotations

import math

import msgspec

GIB = 1 << 30
TERA = 1e12
SMALL, LARGE = 512**2, 1024**2  # pixels of the two sizes that were counted


class Counted(msgspec.Struct, frozen=True, kw_only=True):
    """A step on one picture of 512 and of 1024 pixels, with a denoiser of `parameters`.

    `kept` are GiB of activations in bf16; `twice` those of 1024 pixels when all blocks are computed twice.
    `forward` and `step` are 10^12 floating-point operations, of the forward pass and of a LoRA's whole step.
    """

    parameters: int
    kept: tuple[float, float]
    twice: float
    forward: tuple[float, float]
    step: tuple[float, float]


_FLUX1 = {"kept": (12.4, 37.2), "twice": 1.53, "forward": (21.6, 74.7), "step": (45.7, 171.8)}
COUNTED: dict[str, Counted] = {
    "sd15": Counted(parameters=860_000_000, kept=(1.0, 3.9), twice=0.56, forward=(0.81, 4.7), step=(1.8, 12.3)),
    "sdxl": Counted(parameters=2_570_000_000, kept=(1.9, 7.3), twice=0.45, forward=(1.6, 6.8), step=(3.2, 14.6)),
    "sd35": Counted(parameters=2_200_000_000, kept=(2.9, 10.1), twice=0.32, forward=(2.5, 11.3), step=(5.4, 28.9)),
    "flux2-klein": Counted(
        parameters=3_900_000_000, kept=(6.5, 19.4), twice=0.69, forward=(10.2, 35.0), step=(21.5, 79.6)
    ),
    "z-image": Counted(
        parameters=6_150_000_000, kept=(12.5, 45.8), twice=1.0, forward=(13.8, 56.9), step=(28.5, 126.8)
    ),
    "flux1": Counted(parameters=11_900_000_000, **_FLUX1),  # type: ignore[arg-type]
    "chroma": Counted(parameters=8_900_000_000, **_FLUX1),  # type: ignore[arg-type]
    "qwen-image": Counted(
        parameters=20_400_000_000, kept=(13.5, 49.5), twice=1.47, forward=(16.8, 71.0), step=(35.0, 162.0)
    ),
}


def activations(family: str, parameters: int, pixels: int, batch: int, twice: float, width: int = 2) -> int:
    """Bytes that a step keeps for its gradients.

    Args:
        parameters: of the denoiser.
        pixels: of one picture.
        twice: the share of the blocks that are computed twice, 0..1.
        width: bytes of a number.
    """
    counted = COUNTED[family]
    larger = float(
        (parameters / counted.parameters) ** (2 / 3)
    )  # of depth and width, each block keeps what is as wide
    all_kept = _at(counted.kept, pixels)
    least = min(all_kept, counted.twice * pixels / LARGE)
    return round((twice * least + (1 - twice) * all_kept) * GIB * batch * larger * width / 2)


def operations(
    family: str, parameters: int, pixels: int, batch: int, twice: float, *, whole: bool = False
) -> float:
    """Floating-point operations of a step; `whole` where all of the denoiser learns and not a LoRA."""
    counted = COUNTED[family]
    forward = _at(counted.forward, pixels)
    step = 3 * forward if whole else _at(counted.step, pixels)
    return (step + twice * forward) * TERA * batch * parameters / counted.parameters


def _at(values: tuple[float, float], pixels: int) -> float:
    """Between what was counted at both sizes, and beyond, a power of the pixels; below, as the pixels do: of small
    pictures the layers that see each place alone take most."""
    if pixels < SMALL:
        return values[0] * pixels / SMALL
    power = math.log(values[1] / values[0]) / math.log(LARGE / SMALL)
    return float(values[1] * (pixels / LARGE) ** power)
