"""What to do without so that a base fits into the memory there is: a plain rule over sizes, without torch.

Tried in order, and the first that fits is taken: nothing; computing activations twice (training); the
denoiser's matrices in int8. Text encoders have their turn before the denoiser is loaded, and a rule of their own.
"""

from __future__ import annotations

import contextlib
import math
import os
from pathlib import Path

import msgspec

from zen_tui.exchange.profiles import PROFILES
from zen_tui.exchange.safetensors_header import read_header
from zen_tui.exchange.source import Source
from zen_tui.library.text import megabytes

BYTES = {"fp32": 4, "bf16": 2, "fp16": 2}
SHARE = 0.9  # of the free memory that is counted on
OVERHEAD = 1 << 30  # bytes that the device's own libraries take
PRECISE = 2_000_000_000  # parameters of a text encoder; smaller ones compute in fp32, larger ones in bf16
LEARNING = 16  # bytes a learned number: itself, its gradient and two moments, four each
BYTES_PER_PIXEL = 6_000  # a generous guess at the activations of one picture; running out halves the batch


class Sizes(msgspec.Struct, frozen=True):
    """Parameters of the denoiser, how many of them are in matrices, and of each text encoder."""

    denoiser: int
    matrices: int
    texts: tuple[int, ...]


class Machine(msgspec.Struct, frozen=True):
    """Where the work is done, 'cuda', 'mps' or 'cpu', and the free bytes there."""

    device: str
    free: int


class Fit(msgspec.Struct, frozen=True):
    """How a base is made to fit; `needs` in bytes. `texts` is 'int8' or, where even that is too much, 'cpu'."""

    denoiser: str = ""
    texts: str = ""
    checkpointing: bool = False
    needs: int = 0
    fits: bool = True

    @property
    def words(self) -> str:
        """What is done without, for a person; '' when it is nothing."""
        stored = {"int8": "the denoiser in int8", "fp8": "the denoiser in fp8"}
        texts = {"int8": "text encoders in int8", "cpu": "text encoders on the CPU"}
        twice = "activations computed twice" if self.checkpointing else ""
        return ", ".join(filter(None, (stored.get(self.denoiser), texts.get(self.texts), twice)))


def sizes_of(source: Source, family: str) -> Sizes:
    """How large the parts of a base are, told from the headers of its files."""
    profile = PROFILES[family]

    def count(sub: str, *, matrices: bool = False) -> int:
        part = source.parts[sub]
        return sum(
            math.prod(tensor.shape)
            for file in part.files
            for key, tensor in read_header(file).tensors.items()
            if key.startswith(part.prefix) and (len(tensor.shape) == 2 or not matrices)
        )

    texts = tuple(count(sub) for sub in profile.text_encoders if sub in source.parts)
    return Sizes(count(profile.denoiser), count(profile.denoiser, matrices=True), texts)


def weights(sizes: Sizes, width: int, stored: str) -> int:
    """Bytes of the denoiser at `width` bytes a number, its matrices in one byte each if `stored`."""
    return width * sizes.denoiser - (width - 1) * sizes.matrices if stored else width * sizes.denoiser


def texts_for(sizes: Sizes, machine: Machine) -> str:
    """How the text encoders fit: as they are (''), in 'int8', or on the 'cpu' while a card does the rest."""
    room = SHARE * machine.free - OVERHEAD
    if sum(size * (4 if size < PRECISE else 2) for size in sizes.texts) <= room:
        return ""
    return "int8" if sum(sizes.texts) <= room or machine.device != "cuda" else "cpu"


def for_training(
    sizes: Sizes,
    machine: Machine,
    family: str,
    *,
    learned: int,
    resolution: int,
    batch: int,
    precision: str,
    quantize: str = "auto",
    checkpointing: str = "auto",
) -> Fit:
    """What a training does without. `quantize` and `checkpointing` are the settings of those names.

    Activations are taken from the profile: gigabytes that were counted for the family's first model at
    1024 pixels, in proportion to pixels, batch and parameters.
    """
    profile = PROFILES[family]
    pictures = batch * (resolution / 1024) ** 2 * sizes.denoiser / profile.parameters
    widths = {"auto": 2 if machine.device == "cuda" else 4}
    width = widths.get(precision) or BYTES[precision]

    def fit(stored: str, twice: bool) -> Fit:
        acts = profile.activations[1 if twice else 0] * (1 << 30) * pictures * width / 2
        needs = weights(sizes, width, stored) + LEARNING * learned + int(acts) + OVERHEAD
        return Fit(stored, texts_for(sizes, machine), twice, needs, needs <= SHARE * machine.free)

    storages = ["", "int8"] if quantize == "auto" else ["" if quantize == "none" else quantize]
    twices = [False, True] if checkpointing == "auto" else [checkpointing == "on"]
    ways = [fit(stored, twice) for stored in storages for twice in twices]
    if quantize == checkpointing == "auto":
        ways.pop(2)  # int8 is slower than computing twice, so it comes last and with it
    return next((way for way in ways if way.fits), ways[-1])


def for_drawing(sizes: Sizes, machine: Machine, *, pixels: int, precision: str, quantize: str = "auto") -> Fit:
    """What drawing does without, at `pixels` a picture."""

    def fit(stored: str) -> Fit:
        needs = weights(sizes, BYTES[precision], stored) + BYTES_PER_PIXEL * pixels + OVERHEAD
        return Fit(stored, texts_for(sizes, machine), False, needs, needs <= SHARE * machine.free)

    storages = ["", "int8"] if quantize == "auto" else ["" if quantize == "none" else quantize]
    ways = [fit(stored) for stored in storages]
    return next((way for way in ways if way.fits), ways[-1])


def too_small(fit: Fit, machine: Machine) -> str:
    """The sentence for a base that does not fit; '' for one that does."""
    if fit.fits:
        return ""
    free = megabytes(machine.free)
    return f"It may not fit: it needs about {megabytes(fit.needs)}, and {free} are free. Lower the resolution."


def machine() -> Machine:
    """This machine, asked without torch: the first NVIDIA GPU, else the memory of the computer."""
    try:
        import pynvml

        pynvml.nvmlInit()
        return Machine("cuda", int(pynvml.nvmlDeviceGetMemoryInfo(pynvml.nvmlDeviceGetHandleByIndex(0)).free))
    except Exception:  # no driver or no GPU
        pass
    return Machine("cpu", free_memory())


def free_memory() -> int:
    """Bytes of the computer's own memory that a program can have, caches counted as free."""
    with contextlib.suppress(OSError, ValueError, StopIteration):
        lines = Path("/proc/meminfo").read_text().splitlines()
        return 1024 * int(next(line for line in lines if line.startswith("MemAvailable:")).split()[1])
    with contextlib.suppress(OSError, ValueError, AttributeError):  # no Linux: half of what there is
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 2
    return 4 << 30
