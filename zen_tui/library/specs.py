"""What a job is asked to do, as typed structs that are written once to `jobs/<id>/spec.json`.

A screen or a command builds one, checks it, and queues it; the worker reads it back. The names of the
training settings are the same on the command line (`--set`), in `run.toml` and in the Train form.
"""

from __future__ import annotations

from typing import ClassVar, Literal

import msgspec

from zen_tui.library.comparisons import CompareMethodsSpec, CompareSpec
from zen_tui.library.mannequin_specs import MannequinPhotosSpec, MannequinScoreSpec
from zen_tui.library.photo_specs import CaptionSpec, MaskSpec

Quantize = Literal["auto", "none", "int8", "fp8", "nf4"]
"""How the denoiser's matrices are kept; 'auto' as the memory allows."""
Offload = Literal["auto", "on", "off"]
"""Whether a denoiser's blocks lie in the computer's memory and come to the card one after another."""


class TrainSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Every setting of a training. Steps count optimizer steps; sizes are pixels."""

    steps: int = 1000
    batch_size: int = 1
    gradient_accumulation: int = 1
    resolution: int = 512
    learning_rate: float = 1e-4
    lr_schedule: Literal["constant", "cosine", "linear"] = "constant"
    warmup: int = 20
    optimizer: Literal["adamw", "prodigy", "schedule_free", "adafactor"] = "adamw"
    ema: float = 0.0
    rank: int = 16
    alpha: float = 16.0
    dropout: float = 0.0
    lora: Literal["lora", "rslora", "dora", "lokr"] = "lora"
    """The kind of LoRA: plain, scaled by the root of its rank, with the lengths of rows apart, or Kronecker's."""
    lora_plus: float = 1.0
    """How many times faster the second matrices of a LoRA learn than the first; 1 is off."""
    hypernet: Literal["width", "layer"] = "width"
    """Whether a hypernetwork has a pair of networks for each width of input, as in 2022, or one for each layer."""
    layer_structure: str = "1,2,1"
    """The sizes of a network's layers, as factors of its width."""
    activation: Literal[
        "linear", "relu", "leakyrelu", "elu", "swish", "tanh", "sigmoid", "gelu", "silu", "mish"
    ] = "silu"
    text_encoder_lr: float = 0.0
    """How much faster than the denoiser the text encoders learn, where they are CLIP; 0 is not at all."""
    text_encoder_until: float = 1.0
    """For which share of the steps they do."""
    vectors: int = 1
    """How many vectors the word of an embedding has, for each text encoder."""
    init_word: str = ""
    """What the word of an embedding means in the beginning; '' is the class word."""
    embedding_lr: float = 5.0
    """How much faster than a LoRA the word that is learned with it does."""
    embedding_until: float = 0.5
    """For which share of the steps that word learns."""
    lora_from: float = 0.1
    """After which share of the steps a LoRA begins to learn around its word."""
    learns: Literal["all", "attention"] = "all"
    """What of the denoiser learns by DreamBooth: all of it, or the matrices of its attention."""
    save: Literal["difference", "folder"] = "difference"
    """What DreamBooth leaves: an adapter, or beside it a diffusers folder that is a base of its own."""
    seed: int = 0
    precision: Literal["auto", "fp32", "bf16", "fp16"] = "auto"
    quantize: Quantize = "auto"
    gradient_checkpointing: Literal["auto", "on", "off"] = "auto"
    holdout: float = 0.1
    checkpoint_every: int = 250
    keep_checkpoints: int = 3
    """How many of the newest checkpoints stay, beside the best and those that other runs began from."""
    sample_every: int = 250
    sample_prompts: tuple[str, ...] = ()
    caption_dropout: float = 0.05
    caption_shuffle: bool = False
    min_snr_gamma: float = 5.0
    loss: Literal["squared", "huber"] = "squared"
    huber: float = 0.1
    noise_offset: float = 0.0
    timesteps: Literal["auto", "uniform", "logit_normal"] = "auto"
    shift: float = 0.0
    prior_preservation: float = 0.0
    allow_few_photos: bool = False
    aspect: Literal["square", "buckets"] = "square"
    """The middle square of each photo's crop, or all of it, in a shape of about `resolution`² pixels."""
    flip: bool = False
    """Whether photos are also seen mirrored."""
    crop_jitter: float = 0.0
    """How far a variant may be moved and enlarged within the crop, as a share of its sides."""
    colour_jitter: float = 0.0
    """How far brightness, contrast and saturation of a variant may go from 1, each."""
    variants: int = 0
    """How many variants of a photo there are with jitter, itself the first; 0 is as many as suit."""
    masked_loss: Literal["auto", "on", "off"] = "auto"
    """Whether errors are weighed by the photos' masks; 'auto' where there are any."""
    mask_outside: float = 0.1
    """What an error outside the subject weighs beside one inside."""
    judge: int = 0
    """Pictures of the subject that each checkpoint is judged by, with half as many of the class; 0 is none."""
    copy_within: float = 0.1
    """How near to a training photo, 0 to 1, a picture counts as a copy of it; 0 is not to look."""
    class_pictures: int = 0
    """Pictures of the class that the base draws before the training, and that are learned beside the photos."""
    class_weight: float = 1.0
    """What an error on a picture of the class weighs beside one on a photo."""
    stop_early: int = 0
    """Checkpoints in a row without gain, after which a run ends before its last step; 0 is never."""
    stop_gain: float = 0.01
    """By what share the held-out loss must fall, below the lowest before, to count as a gain."""

    RANGES: ClassVar[dict[str, tuple[float, float]]] = {
        "steps": (1, 1_000_000),
        "batch_size": (1, 256),
        "gradient_accumulation": (1, 1024),
        "resolution": (64, 4096),
        "learning_rate": (1e-8, 1.0),
        "warmup": (0, 100_000),
        "ema": (0, 0.9999),
        "rank": (1, 1024),
        "alpha": (0.001, 4096),
        "dropout": (0, 0.9),
        "lora_plus": (1, 64),
        "text_encoder_lr": (0, 10),
        "text_encoder_until": (0.01, 1),
        "vectors": (1, 32),
        "embedding_lr": (0.01, 1000),
        "embedding_until": (0.01, 1),
        "lora_from": (0, 0.99),
        "seed": (0, 2**31 - 1),
        "holdout": (0, 0.5),
        "checkpoint_every": (1, 1_000_000),
        "keep_checkpoints": (1, 10_000),
        "sample_every": (0, 1_000_000),
        "caption_dropout": (0, 1),
        "min_snr_gamma": (0, 100),
        "huber": (1e-4, 10),
        "noise_offset": (0, 0.5),
        "shift": (0, 100),
        "prior_preservation": (0, 100),
        "crop_jitter": (0, 0.2),
        "colour_jitter": (0, 0.3),
        "variants": (0, 64),
        "mask_outside": (0, 1),
        "judge": (0, 64),
        "copy_within": (0, 1),
        "class_pictures": (0, 10_000),
        "class_weight": (0, 100),
        "stop_early": (0, 100),
        "stop_gain": (0, 0.5),
    }

    def __post_init__(self) -> None:
        for name, (low, high) in self.RANGES.items():
            value = getattr(self, name)
            if not low <= value <= high:
                raise ValueError(f"{name} must be between {low:g} and {high:g}, not {value:g}")


SETTING_NAMES = TrainSettings.__struct_fields__
SHAPED = (
    "rank", "alpha", "lora", "hypernet", "layer_structure", "activation", "vectors", "init_word", "learns",
)  # fmt: skip
"""Settings that what was learned depends on: a run that goes on from another's state keeps them."""
DECIDED = ("holdout", "masked_loss", "allow_few_photos")
"""Settings that act when a run takes its photos, which a run from another's state takes over as they are."""
SWITCHES = ("allow_few_photos", "flip")


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
    `convert` from the pickle `source`. By `bake`, write a folder `out` that is a base called `name`: `base`, or
    the base that they were made with, with `adapters` worked in.

    An export writes the file `out` in `format`, keeping the keys `keep` of the header; the others record an
    adapter called `name`. `rank` is for `resize` and `extract`; `scale` takes the weight of its one adapter.
    """

    kind: ClassVar[str] = "adapter"
    action: Literal["export", "merge", "scale", "resize", "extract", "convert", "bake"]
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
    """Draw the same picture on `base` with `adapter` and with `file`, which was exported from it; compare them.

    `words` are files that were exported beside it.
    """

    kind: ClassVar[str] = "adapter_picture"
    adapter: str
    file: str
    base: str
    words: tuple[str, ...] = ()


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
