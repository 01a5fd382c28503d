"""What to do without so that a base fits into the memory there is: a plain rule over sizes, without torch.

Tried in order, and the first that fits is taken. For training: nothing; computing activations twice, of half the
blocks and of all; the denoiser's matrices in int8; in NF4 where that can be done; fewer pictures at a time, and
more times; fewer pixels. For drawing: int8, NF4, its blocks brought to the card one after another. Text encoders
have their turn before the denoiser is loaded, and a rule of their own.
"""

from __future__ import annotations

import contextlib
import importlib.util
import math
import os
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec

from zen_tui.exchange.base_layers import tensors_of
from zen_tui.exchange.profiles import PROFILES
from zen_tui.exchange.source import Source
from zen_tui.exchange.step_costs import activations
from zen_tui.library.errors import Refused
from zen_tui.library.text import megabytes, plural
from zen_tui.ranks.cards import on_processor

BYTES = {"fp32": 4, "bf16": 2, "fp16": 2}
STORED = {"int8": 1.0, "fp8": 1.0, "nf4": 0.516}  # a number of a matrix; NF4 has a byte of scale for 64 numbers
SHARE = 0.9  # of the free memory that is counted on
LIBRARIES = {"cpu": 530_000_000}  # bytes that a worker takes before it has a base, as measured on Linux
GAPS = 0.5  # as measured of Stable Diffusion 1 with the C library of Linux
ON_A_CARD = 1 << 30  # bytes that the libraries of a card take there
PRECISE = 2_000_000_000  # parameters of a text encoder; smaller ones compute in fp32, larger ones in bf16
# where a denoiser's blocks are in its keys: those of diffusers' UNets, of the original ones, of transformers
BLOCK = re.compile(
    r"(?:(?:down|up)_blocks\.\d+|mid_block)\.\w+\.\d+|(?:in|out)put_blocks\.\d+\.\d+"
    r"|(?!down_|up_|mid_|time_embed|label_emb|out\.)\w+\.\d+"
)
LEARNING = 16  # bytes a learned number: itself, its gradient and two moments, four each
LEAST_SIDE = 256  # pixels that a picture keeps, however small the memory is
BYTES_PER_PIXEL = 6_000  # a generous guess at the activations of one picture; running out halves the batch


class Sizes(msgspec.Struct, frozen=True):
    """Parameters of the denoiser, how many of them are in matrices, and of each text encoder.

    `block` are those of its largest block, and `rest` those in no block.
    """

    denoiser: int
    matrices: int
    texts: tuple[int, ...]
    block: int = 0
    rest: int = 0


class Machine(msgspec.Struct, frozen=True):
    """Where the work is done, 'cuda', 'mps' or 'cpu', the free bytes there, and whether there is bitsandbytes."""

    device: str
    free: int
    bitsandbytes: bool = False

    @property
    def overhead(self) -> int:
        """Bytes that are taken by no part of a base."""
        return LIBRARIES.get(self.device, ON_A_CARD)

    @property
    def gaps(self) -> float:
        """Memory that was freed and that a CPU's process keeps, as a share of all that a step has at some time."""
        return GAPS if self.device == "cpu" else 0.0

    @property
    def does_nf4(self) -> bool:
        return self.device == "cuda" and self.bitsandbytes


class Fit(msgspec.Struct, frozen=True):
    """How a base is made to fit; `needs` in bytes. `texts` is 'int8' or, where even that is too much, 'cpu'.

    With `offload`, the denoiser's blocks lie in the computer's memory and come to the card to compute. With
    `checkpointing`, the activations of the share `twice` of its blocks are computed twice. `batch` and
    `resolution` take the place of the settings, where they are not 0.
    """

    denoiser: str = ""
    texts: str = ""
    checkpointing: bool = False
    offload: bool = False
    needs: int = 0
    fits: bool = True
    twice: float = 1.0
    batch: int = 0
    resolution: int = 0

    @property
    def words(self) -> str:
        """What is done without, for a person; '' when it is nothing."""
        stored = f"the denoiser in {self.denoiser}" if self.denoiser else ""
        carried = "its blocks brought to the card one after another, which is slow" if self.offload else ""
        if carried and not stored:
            stored = "the denoiser in the computer's memory"
        texts = {"int8": "text encoders in int8", "cpu": "text encoders on the CPU"}.get(self.texts)
        some = "" if self.twice == 1 else " of half the blocks"
        twice = f"activations{some} computed twice" if self.checkpointing else ""
        batch = f"{plural(self.batch, 'picture')} at a time" if self.batch else ""
        pixels = f"pictures of {self.resolution} pixels" if self.resolution else ""
        return ", ".join(filter(None, (stored, carried, texts, twice, batch, pixels)))


def sizes_of(source: Source, family: str) -> Sizes:
    """How large the parts of a base are, told from the headers of its files."""
    profile = PROFILES[family]

    def shapes(sub: str) -> dict[str, tuple[int, ...]]:
        return {key: tensor.shape for key, tensor in tensors_of(source.parts[sub]).items()}

    denoiser = shapes(profile.denoiser)
    blocks: Counter[str] = Counter()
    for key, shape in denoiser.items():
        found = BLOCK.match(key)
        blocks[found.group() if found else ""] += math.prod(shape)
    return Sizes(
        denoiser=blocks.total(),
        matrices=sum(math.prod(shape) for shape in denoiser.values() if len(shape) == 2),
        texts=tuple(
            sum(map(math.prod, shapes(sub).values())) for sub in profile.text_encoders if sub in source.parts
        ),
        block=max((size for name, size in blocks.items() if name), default=0),
        rest=blocks[""],
    )


def weights(sizes: Sizes, width: int, stored: str) -> int:
    """Bytes of the denoiser at `width` bytes a number, its matrices as they are `stored`."""
    if not stored:
        return width * sizes.denoiser
    return width * (sizes.denoiser - sizes.matrices) + round(STORED[stored] * sizes.matrices)


def carried(sizes: Sizes, width: int, stored: str) -> int:
    """Bytes of the denoiser on the card while its blocks come one after another: a block, the next, the rest."""
    there = min(sizes.denoiser, 2 * sizes.block + sizes.rest)
    return weights(sizes, width, stored) * there // sizes.denoiser


def text_weights(sizes: Sizes) -> int:
    """Bytes of the text encoders as they compute."""
    return sum(size * (4 if size < PRECISE else 2) for size in sizes.texts)


def texts_for(sizes: Sizes, machine: Machine) -> str:
    """How the text encoders fit: as they are (''), in 'int8', or on the 'cpu' while a card does the rest."""
    room = SHARE * machine.free - machine.overhead
    if text_weights(sizes) <= room:
        return ""
    return "int8" if sum(sizes.texts) <= room or machine.device != "cuda" else "cpu"


def ladder(
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
    reads: bool = False,
) -> list[Fit]:
    """All that a training can do without, each rung with more than the one before.

    `quantize` and `checkpointing` are the settings of those names; `reads` says that the text encoders stay beside
    the denoiser.

    Raises:
        Refused: what `quantize` asks for cannot be had here.
    """
    require_storage(machine, quantize)
    widths = {"auto": 2 if machine.device == "cuda" else 4}
    width = widths.get(precision) or BYTES[precision]
    texts = texts_for(sizes, machine)

    def rung(stored: str, twice: float, pictures: int = batch, side: int = resolution) -> Fit:
        kept, made = (activations(family, sizes.denoiser, side**2, pictures, t, width) for t in (twice, 0.0))
        acts = kept + round(machine.gaps * made)
        needs = weights(sizes, width, stored) + LEARNING * learned + acts + machine.overhead
        needs += text_weights(sizes) if reads else 0
        return Fit(
            stored, texts, twice > 0, needs=needs, fits=needs <= SHARE * machine.free, twice=twice or 1.0,
            batch=pictures if pictures < batch else 0, resolution=side if side < resolution else 0,
        )  # fmt: skip

    storages = _storages(quantize, machine)
    shares = [0.0, 0.5, 1.0] if checkpointing == "auto" else [1.0 if checkpointing == "on" else 0.0]
    ways = [(stored, share) for stored in storages for share in shares]
    if quantize == checkpointing == "auto":  # int8 is slower than computing twice, so it comes last and with it
        ways = [(stored, share) for stored, share in ways if share == 1 or not stored]
    stored, share = ways[-1]
    fewer = [count for count in range(batch - 1, 0, -1) if batch % count == 0]
    smaller = list(_smaller_sides(resolution))
    return [
        *(rung(*way) for way in ways),
        *(rung(stored, share, count) for count in fewer),
        *(rung(stored, share, 1, side) for side in smaller),
    ]


def first_that_fits(rungs: Sequence[Fit]) -> Fit:
    """The first of `rungs` that fits, or the last."""
    return next((rung for rung in rungs if rung.fits), rungs[-1])


def _smaller_sides(resolution: int) -> Iterator[int]:
    """Three quarters of `resolution`, and half of it, in steps that every family can do; no tiny pictures."""
    for share in (0.75, 0.5):
        side = int(resolution * share) // 64 * 64
        if LEAST_SIDE <= side < resolution:
            yield side


def for_drawing(
    sizes: Sizes, machine: Machine, *, pixels: int, precision: str, quantize: str = "auto", offload: str = "auto"
) -> Fit:
    """What drawing does without, at `pixels` a picture. `quantize` and `offload` are `GenerateSpec`'s.

    Raises:
        Refused: what they ask for cannot be had here.
    """
    require_storage(machine, quantize, offload)

    def fit(stored: str, carry: bool) -> Fit:
        heavy = (carried if carry else weights)(sizes, BYTES[precision], stored)
        needs = heavy + BYTES_PER_PIXEL * pixels + machine.overhead
        texts = texts_for(sizes, machine)
        return Fit(stored, texts, offload=carry, needs=needs, fits=needs <= SHARE * machine.free)

    storages = _storages(quantize, machine)
    last = [True] if machine.device == "cuda" else []  # elsewhere the computer's memory is all there is
    carries = [False, *last] if offload == "auto" else [offload == "on"]
    ways = [fit(stored, carry) for carry in carries for stored in storages if not (carry and stored == "nf4")]
    if offload == quantize == "auto":  # carrying takes long, so that half the bytes are worth their rounding
        ways = [way for way in ways if way.denoiser or not way.offload]
    return first_that_fits(ways)


def require_storage(machine: Machine, quantize: str, offload: str = "auto") -> None:
    """Raise `Refused`, saying what is missing, if weights cannot be kept as `quantize` on `machine`."""
    if quantize != "nf4":
        return
    if offload == "on":
        raise Refused("Weights in nf4 cannot be brought to the card block by block.", "Choose int8 with it.")
    missing = ["an NVIDIA card"] if machine.device != "cuda" else []
    missing += [] if machine.bitsandbytes else ["the Python package bitsandbytes"]
    if missing:
        raise Refused(
            f"To keep weights in nf4, {' and '.join(missing)} would be needed here.",
            "Choose int8, which works everywhere.",
        )


def _storages(quantize: str, machine: Machine) -> list[str]:
    """The ways to keep the denoiser's matrices, to be tried in this order."""
    if quantize == "auto":
        return ["", "int8", *(["nf4"] if machine.does_nf4 else [])]
    return ["" if quantize == "none" else quantize]


def too_small(fit: Fit, machine: Machine) -> str:
    """The sentence for a base that does not fit; '' for one that does."""
    if fit.fits:
        return ""
    free = megabytes(machine.free)
    return f"It may not fit: it needs about {megabytes(fit.needs)}, and {free} are free. Lower the resolution."


def machine() -> Machine:
    """This machine, asked without torch: the first NVIDIA GPU, else the memory of the computer."""
    if on_processor():
        return Machine("cpu", free_memory(), has_bitsandbytes())
    try:
        import pynvml

        pynvml.nvmlInit()
        free = int(pynvml.nvmlDeviceGetMemoryInfo(pynvml.nvmlDeviceGetHandleByIndex(0)).free)
        return Machine("cuda", free, has_bitsandbytes())
    except Exception:  # no driver or no GPU
        pass
    return Machine("cpu", free_memory(), has_bitsandbytes())


def has_bitsandbytes() -> bool:
    """Whether the package that computes with NF4 is installed; it is not loaded for that."""
    return importlib.util.find_spec("bitsandbytes") is not None


def free_memory() -> int:
    """Bytes of the computer's own memory that a program can have, caches counted as free."""
    with contextlib.suppress(OSError, ValueError, StopIteration):
        lines = Path("/proc/meminfo").read_text().splitlines()
        return 1024 * int(next(line for line in lines if line.startswith("MemAvailable:")).split()[1])
    with contextlib.suppress(OSError, ValueError, AttributeError):  # no Linux: half of what there is
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 2
    return 4 << 30
