"""Measuring a photo's pixels: hashes for likeness, sharpness, exposure, and what it resembles.

Everything is a few lines of numpy on a picture of about 512 pixels, some 10 ms in all, so that an import
measures as it reads. Verdicts are made from these numbers in `judge`, never here.
"""

from __future__ import annotations

import functools
import math
from typing import TYPE_CHECKING, Any

import msgspec
from PIL import Image

from zen_tui.library.records import Crop, Face, Measures
from zen_tui.photos.layout import panels, screen
from zen_tui.photos.open import Decoded

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

VERSION = 2  # of what is measured; photos measured by an older one are measured again
SIDE = 512  # longest side of the picture that is measured
FACE_LEAST = 64  # pixels wide in that picture, to be judged by itself
FACE_WIDTH = 160  # pixels to which a face is scaled before its sharpness is taken
HASH_SIDE = 8
FREQUENCIES = 4  # an image is scaled to this many times HASH_SIDE before its cosine transform
REBLUR = 11  # taps, an odd number
BURNT, BLACK = 254, 1  # from here, and down to here, a grey value holds no detail
LEVELS = 3  # of each of red, green and blue in a palette


def measure(picture: Image.Image, faces: tuple[Face, ...] | None = None) -> Measures:
    """What can be told of `picture`: RGB, upright, its longest side about `SIDE` pixels.

    Args:
        faces: those found in it, largest first; None where none were looked for.
    """
    import numpy as np

    luma = picture.convert("L")
    grey = np.asarray(luma)
    face = focus(faces, *picture.size)
    light = _cut(luma, face.box) if face else luma
    phash, mirror = hashes(luma)
    return Measures(
        version=VERSION,
        phash=phash,
        mirror=mirror,
        blur=round(reblur(_scaled(light) if face else grey), 3),
        **exposure(light),
        screen=round(screen(grey), 3),
        panels=round(panels(grey), 3),
        palette=palette(_border(picture)),
        clothes=palette(_below(picture, faces[0].box)) if faces else (),
        faces=faces,
    )


def measure_file(decoded: Decoded, faces: tuple[Face, ...] | None = None) -> Measures:
    """As `measure`, of a photo that was decoded to about `SIDE` pixels; also what its file tells."""
    measures = measure(decoded.picture, faces)
    return msgspec.structs.replace(measures, coarse=decoded.coarse, camera=decoded.camera)


def exposure(luma: Image.Image) -> dict[str, Any]:
    """The light in a grey picture, each 0 to 1: mean, the brightest hundredth, the shares without detail."""
    import numpy as np

    counts = np.array(luma.histogram())
    whole = counts.cumsum()
    total = int(whole[-1])
    place = 0.99 * (total - 1)
    low, high = np.searchsorted(whole, (math.floor(place), math.ceil(place)), side="right")
    return {
        "mean": round(float(counts @ np.arange(256)) / total / 255, 3),
        "peak": round(float(low + (place % 1) * (high - low)) / 255, 3),
        "clipped_high": round(float(counts[BURNT:].sum()) / total, 3),
        "clipped_low": round(float(counts[: BLACK + 1].sum()) / total, 3),
    }


def focus(faces: tuple[Face, ...] | None, width: int, height: int) -> Face | None:
    """The face that sharpness and light are judged by: the largest, if it can be seen well at `SIDE` pixels.

    A small one is blurred by being scaled, whatever the lens did.
    """
    if not faces:
        return None
    pixels = (faces[0].box.right - faces[0].box.left) * width * SIDE / max(width, height)
    return faces[0] if pixels >= FACE_LEAST else None


def hashes(picture: Image.Image) -> tuple[str, str]:
    """The perceptual hash of a picture and of its mirror image: 64 bits each, in hexadecimal.

    Bit for bit what `imagehash.phash` gives: signs of the lowest frequencies of the cosine transform
    of a 32 × 32 grey picture, against their median.
    """
    import numpy as np

    side = HASH_SIDE * FREQUENCIES
    small = picture.convert("L").resize((side, side), Image.Resampling.LANCZOS)
    step = np.arange(side)
    transform = 2 * np.cos(np.pi * np.outer(step, 2 * step + 1) / (2 * side))
    found = []
    for pixels in (np.asarray(small), np.asarray(small)[:, ::-1]):
        low = (transform @ pixels.astype(np.float64) @ transform.T)[:HASH_SIDE, :HASH_SIDE]
        bits = np.packbits(low > np.median(low))
        found.append(bits.tobytes().hex())
    return found[0], found[1]


def reblur(grey: NDArray[np.uint8]) -> float:
    """How blurred a grey picture is: 0 is crisp, 1 is smooth.

    Blurring a crisp picture takes much of its contrast between neighbours away, blurring a blurred one
    little. After Crete et al., "The blur effect: perception and estimation with a new no-reference
    perceptual blur metric", 2007; as scikit-image's `blur_effect`.
    """
    import numpy as np

    if min(grey.shape) <= REBLUR + 2:
        return 0.0
    worst = 0.0
    for image in (grey, grey.T):
        length = len(image) - REBLUR
        at = REBLUR // 2 + 1
        before = np.multiply(
            _apart(image[at + 1 : at + length], image[at : at + length - 1]), REBLUR, dtype=np.uint16
        )
        after = _apart(image[REBLUR + 1 :], image[1:length])  # two means of REBLUR pixels differ by their ends
        total = int(before.sum(dtype=np.uint32))
        if total == 0:
            return 1.0
        worst = max(worst, int(np.minimum(before, after).sum(dtype=np.uint32)) / total)
    return worst


def _apart(one: NDArray[np.uint8], other: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """By how much two grey pictures differ, in eight bits."""
    import numpy as np

    return np.maximum(one, other) - np.minimum(one, other)


def palette(pixels: NDArray[Any]) -> tuple[float, ...]:
    """The colours of `pixels` (n, 3) as shares of 27 corners of the colour cube; they add up to 1.

    Each colour is shared among the corners nearest to it, so that a slight change of light moves a little
    from one to the next and never jumps.
    """

    if not len(pixels):
        return ()
    red, green, blue = _levels()[pixels].swapaxes(0, 1)  # (n, LEVELS) each
    pairs = (red[:, :, None] * green[:, None, :]).reshape(-1, LEVELS**2)
    shares = (pairs.T @ blue).ravel() / len(pixels)
    return tuple(round(float(share), 3) for share in shares)


@functools.cache
def _levels() -> NDArray[np.float32]:
    """How a value of 0 to 255 is shared among the levels, (256, LEVELS): between the two nearest to it."""
    import numpy as np

    place = np.arange(256)[:, None] / 255 * (LEVELS - 1)
    return np.maximum(0, 1 - np.abs(place - np.arange(LEVELS))).astype(np.float32)  # type: ignore[no-any-return]


def pixels_of(box: Crop, width: int, height: int) -> tuple[int, int, int, int]:
    """A rectangle in fractions as left, top, right, bottom pixels, at least one pixel wide and high."""
    left, top = min(int(box.left * width), width - 1), min(int(box.top * height), height - 1)
    right, bottom = round(box.right * width), round(box.bottom * height)
    return left, top, max(left + 1, min(right, width)), max(top + 1, min(bottom, height))


def _cut(picture: Image.Image, box: Crop) -> Image.Image:
    return picture.crop(pixels_of(box, *picture.size))


def _scaled(face: Image.Image) -> NDArray[np.uint8]:
    import numpy as np

    height = max(1, round(face.height * FACE_WIDTH / face.width))
    return np.asarray(face.convert("L").resize((FACE_WIDTH, height), Image.Resampling.BICUBIC))


def _border(picture: Image.Image) -> NDArray[np.uint8]:
    """The pixels where the background usually is: both sides and the top, at a quarter of the size."""
    import numpy as np

    small = np.asarray(picture.reduce(4))
    high, wide = small.shape[:2]
    inside = np.zeros((high, wide), bool)
    inside[high // 6 :, wide // 6 : wide - wide // 6] = True
    return small[~inside]


def _below(picture: Image.Image, face: Crop) -> NDArray[np.uint8]:
    """The pixels of what a person wears: as wide as the face, from a quarter below it to one and a half."""
    import numpy as np

    high = face.bottom - face.top
    top, bottom = face.bottom + high / 4, face.bottom + high * 3 / 2
    if top >= 1:
        return np.zeros((0, 3), np.uint8)
    return np.asarray(_cut(picture, Crop(face.left, top, face.right, min(1.0, bottom)))).reshape(-1, 3)
