"""Diffusers folders in their real size, with random weights: files, formats and shards as they are published."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from tests.exchange.test_single_files import QWEN3
from tests.originals import BYTES, Shapes, clip, write_random
from zen_tui.exchange.blueprints import BLUEPRINTS, CHOICES, CONFIGS, Blueprint
from zen_tui.exchange.profiles import PROFILES
from zen_tui.families.loading import FAMILIES
from zen_tui.families.original import empty_model
from zen_tui.families.parts import model_class
from zen_tui.families.tokenizers import load_tokenizer


class Weights(NamedTuple):
    """How one part is kept. `most` is the bytes of a shard, 0 where the part is one file."""

    dtype: str
    most: int = 0
    mark: str = ""  # '.fp16' in the names of the half-precision files of Stable Diffusion


class Published(NamedTuple):
    """A folder as its maker publishes it. `told` is what its model_index.json says beside the classes."""

    blueprint: Blueprint
    parts: dict[str, Weights]
    told: Mapping[str, object] = {}


_SHARD = 10 * 10**9
_HALF = Weights("F16", mark=".fp16")
FOLDERS = {
    "z-image-turbo": Published(
        CHOICES["z-image"][1].blueprint,
        {
            "transformer": Weights("F32", _SHARD),
            "text_encoder": Weights("BF16", 4 * 10**9),
            "vae": Weights("BF16"),
        },
    ),
    "z-image": Published(
        CHOICES["z-image"][0].blueprint,
        {
            "transformer": Weights("BF16", _SHARD),
            "text_encoder": Weights("BF16", 4 * 10**9),
            "vae": Weights("BF16"),
        },
    ),
    "flux2-klein": Published(
        CHOICES["flux2-klein-4b"][0].blueprint,
        {"transformer": Weights("BF16"), "text_encoder": Weights("BF16", 5 * 10**9), "vae": Weights("F32")},
        {"is_distilled": False},
    ),
    "sdxl": Published(
        CHOICES["sdxl"][0].blueprint,
        {"unet": _HALF, "text_encoder": _HALF, "text_encoder_2": _HALF, "vae": _HALF},
    ),
    "sd15": Published(
        BLUEPRINTS["sd15"], {"unet": Weights("F32"), "text_encoder": Weights("F32"), "vae": Weights("F32")}
    ),
}

_SAVED: dict[str, Shapes] = {
    "texts/clip-l": clip(768, 12),
    "texts/clip-g": clip(1280, 32, True),
    "texts/qwen3-4b": QWEN3,
}
"""Text encoders are kept under names that today's transformers no longer gives them."""


def write_folder(kind: str, folder: Path) -> Path:
    """Write the folder of that kind with small random numbers; its settings are those that travel with Zen."""
    published = FOLDERS[kind]
    blueprint, profile = published.blueprint, PROFILES[published.blueprint.family]
    classes = FAMILIES[blueprint.family].models
    configs = {profile.denoiser: blueprint.config, **{sub: need.config for sub, need in blueprint.needs.items()}}
    for sub, config in configs.items():
        settings = json.loads((CONFIGS / config / "config.json").read_bytes())
        shapes = _SAVED.get(config) or _shapes(classes[sub], settings)
        stem = "model" if sub.startswith("text") else "diffusion_pytorch_model"
        write_sharded(folder / sub, stem, shapes, published.parts[sub])
        (folder / sub / "config.json").write_text(json.dumps(settings))
    for sub, config in blueprint.tokenizers.items():
        load_tokenizer(CONFIGS / config, None).save_pretrained(folder / sub)
    schedule = json.loads((CONFIGS / blueprint.scheduler / "scheduler_config.json").read_bytes())
    (folder / "scheduler").mkdir()
    (folder / "scheduler" / "scheduler_config.json").write_text(json.dumps(schedule))
    index: dict[str, object] = {sub: classes[sub].split(".") for sub in (*configs, *blueprint.tokenizers)}
    index |= {
        "_class_name": profile.pipeline,
        "scheduler": ["diffusers", schedule["_class_name"]],
        **published.told,
    }
    (folder / "model_index.json").write_text(json.dumps(index))
    return folder


def write_sharded(folder: Path, stem: str, shapes: Shapes, kept: Weights) -> list[Path]:
    """The weights as the library saves them: tensor after tensor until a file is full."""
    groups: list[Shapes] = [{}]
    room = kept.most
    for name, shape in shapes.items():
        size = BYTES[kept.dtype]
        for side in shape:
            size *= side
        if kept.most and size > room:
            groups.append({})
            room = kept.most
        groups[-1][name] = shape
        room -= size
    if len(groups) == 1:
        return [write_random(folder / f"{stem}{kept.mark}.safetensors", shapes, kept.dtype)]
    names = [f"{stem}-{number:05}-of-{len(groups):05}.safetensors" for number in range(1, len(groups) + 1)]
    files = {key: name for name, group in zip(names, groups, strict=True) for key in group}
    paths = [write_random(folder / name, group, kept.dtype) for name, group in zip(names, groups, strict=True)]
    (folder / f"{stem}.safetensors.index.json").write_text(json.dumps({"metadata": {}, "weight_map": files}))
    return paths


def _shapes(kind: str, settings: dict[str, object]) -> Shapes:
    model = empty_model(model_class(kind), settings)
    return {name: tuple(tensor.shape) for name, tensor in model.state_dict().items()}
