"""What a job is asked to do, as typed structs that are written once to `jobs/<id>/spec.json`.

A screen or a command builds one, checks it, and queues it; the worker reads it back.
"""

from __future__ import annotations

from typing import ClassVar, Literal

import msgspec

from zen_tui.library.comparisons import CompareMethodsSpec, CompareSpec
from zen_tui.library.mannequin_specs import MannequinPhotosSpec, MannequinScoreSpec
from zen_tui.library.training import DECIDED, SETTING_NAMES, SHAPED, SWITCHES, Quantize, TrainSettings

__all__ = ["DECIDED", "SETTING_NAMES", "SHAPED", "SWITCHES", "Quantize", "TrainSettings"]  # beside its own

Offload = Literal["auto", "on", "off"]
"""Whether a denoiser's blocks lie in the computer's memory and come to the card one after another."""


class Origin(msgspec.Struct, frozen=True, kw_only=True):
    """The state that a run began from: the run, what it was called, and the step of its checkpoint."""

    run: int
    name: str
    step: int


class TrainSpec(msgspec.Struct, frozen=True, kw_only=True):
    """Train `dataset` on `base`, from `origin` on if there is one; the adapter will be called `name`.

    Until step `until` nothing stops the run early: there it had ended before a person let it go on. `gpus`
    processes on each of `machines` share the pictures of each step; what is learned does not depend on that.
    """

    kind: ClassVar[str] = "train"
    run: int
    name: str
    dataset: str
    base: str
    method: str = "lora"
    settings: TrainSettings = TrainSettings()
    origin: Origin | None = None
    until: int = 0
    gpus: int = 1
    machines: int = 1

    @property
    def processes(self) -> int:
        return self.gpus * self.machines


class CheckpointSpec(msgspec.Struct, frozen=True, kw_only=True):
    """Make the adapter of `run` as it was after `step`: the file `out`, or else an adapter called `name`."""

    kind: ClassVar[str] = "checkpoint"
    run: int
    step: int
    out: str | None = None
    name: str = ""


class AdapterUse(msgspec.Struct, frozen=True):
    """An adapter by name and the weight it is given."""

    name: str
    weight: float = 1.0


class PictureRequest(msgspec.Struct, frozen=True, kw_only=True):
    """One picture to make: everything but the base and the adapters."""

    prompt: str
    negative: str = ""
    seed: int = 0
    width: int = 512
    height: int = 512
    steps: int = 25
    guidance: float = 7.0
    scheduler: str = "default"


class GenerateSpec(msgspec.Struct, frozen=True, kw_only=True):
    """Make `pictures` with `base` and `adapters`. `out` is a folder that receives copies.

    `gpus` is how many processes share them, one a GPU.
    """

    kind: ClassVar[str] = "generate"
    base: str
    adapters: tuple[AdapterUse, ...] = ()
    pictures: tuple[PictureRequest, ...] = ()
    batch_size: int = 0  # 0: as many as the memory allows
    preview_every: int = 5
    out: str | None = None
    quantize: Quantize = "auto"
    offload: Offload = "auto"
    gpus: int = 1


class AdapterSpec(msgspec.Struct, frozen=True, kw_only=True):
    """Make one adapter from `adapters`; by `extract` from what the base `tuned` has learned beyond `base`; by
    `convert` from the pickle `source`.

    An export writes the file `out` in `format`, keeping the keys `keep` of the header; the others record an
    adapter called `name`. `rank` is for `resize` and `extract`; `scale` takes the weight of its one adapter.
    """

    kind: ClassVar[str] = "adapter"
    action: Literal["export", "merge", "scale", "resize", "extract", "convert"]
    adapters: tuple[AdapterUse, ...] = ()
    out: str | None = None
    format: str = "diffusers"
    keep: tuple[str, ...] = ()
    name: str = ""
    rank: int = 0
    tuned: str = ""
    base: str = ""
    source: str = ""


class AdapterPictureSpec(msgspec.Struct, frozen=True, kw_only=True):
    """Draw the same picture on `base` with `adapter` and with `file`, which was exported from it; compare them."""

    kind: ClassVar[str] = "adapter_picture"
    adapter: str
    file: str
    base: str


class CaptionSpec(msgspec.Struct, frozen=True, kw_only=True):
    """Describe photos of `dataset` with the model in the folder `model`; all photos in use if `photos` is empty.

    Photos that somebody has captioned are left alone unless `overwrite`. `prompt` is what the model is asked, None
    for its own; `length` is tokens. `prefix` and `suffix` go around what it says, with {token} and {class} filled
    in; without a prefix the subject's words are put where they belong.
    """

    kind: ClassVar[str] = "caption"
    dataset: str
    model: str
    photos: tuple[int, ...] = ()
    prompt: str | None = None
    prefix: str | None = None
    suffix: str = ""
    length: int = 128
    overwrite: bool = False


class MaskSpec(msgspec.Struct, frozen=True, kw_only=True):
    """Find the subject in photos of `dataset` with the matte at `model`; in all in use if `photos` is empty.

    Masks that a person drew or brought along stay unless `overwrite`.
    """

    kind: ClassVar[str] = "mask"
    dataset: str
    model: str
    photos: tuple[int, ...] = ()
    overwrite: bool = False


Spec = (
    TrainSpec
    | CheckpointSpec
    | GenerateSpec
    | AdapterSpec
    | AdapterPictureSpec
    | CaptionSpec
    | MaskSpec
    | MannequinPhotosSpec
    | MannequinScoreSpec
    | CompareSpec
    | CompareMethodsSpec
)
_KINDS: tuple[type[Spec], ...] = (
    TrainSpec,
    CheckpointSpec,
    GenerateSpec,
    AdapterSpec,
    AdapterPictureSpec,
    CaptionSpec,
    MaskSpec,
    MannequinPhotosSpec,
    MannequinScoreSpec,
    CompareSpec,
    CompareMethodsSpec,
)
SPECS: dict[str, type[Spec]] = {spec.kind: spec for spec in _KINDS}


def encode_spec(spec: Spec) -> bytes:
    """`spec` as the JSON that lies in a job's folder."""
    return msgspec.json.format(
        msgspec.json.encode({"kind": spec.kind, "spec": msgspec.to_builtins(spec)}), indent=2
    )


def decode_spec(data: bytes) -> Spec:
    """Read back what `encode_spec` wrote."""
    raw = msgspec.json.decode(data)
    return msgspec.convert(raw["spec"], SPECS[raw["kind"]])
