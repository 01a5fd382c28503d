"""Models in their real size, from the settings that travel with Zen, with random numbers made on the device.

Speed and memory do not depend on what the numbers are, as long as they are numbers: nothing is downloaded, and
nothing is written to disk unless a folder is asked for.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from zen_tui.exchange.blueprints import BLUEPRINTS, CHOICES, CONFIGS, Blueprint
from zen_tui.exchange.profiles import PROFILES
from zen_tui.exchange.source import Part, Source
from zen_tui.families.base import Family
from zen_tui.families.cond import Cond
from zen_tui.families.loading import FAMILIES
from zen_tui.families.original import empty_model
from zen_tui.families.parts import model_class
from zen_tui.families.storage import store
from zen_tui.families.tokenizers import load_tokenizer
from zen_tui.generation.fit import Sizes

NAMES = ("sdxl", "flux2-klein-4b", "z-image")
WORDS = {"sdxl": 77, "flux2-klein-4b": 512, "z-image": 128}  # tokens of a caption
SPREAD = 0.02  # of the random numbers, less where many are added up

_CLIP = {"hidden_size": 16, "intermediate_size": 32, "num_attention_heads": 2, "num_hidden_layers": 2}
TINY: dict[str, dict[str, Any]] = {
    "denoisers/sdxl": {
        "block_out_channels": [32, 64, 64],
        "transformer_layers_per_block": 1,
        "attention_head_dim": [2, 4, 4],
        "cross_attention_dim": 32,
        "addition_time_embed_dim": 8,
        "projection_class_embeddings_input_dim": 64,
        "sample_size": 8,
    },
    "denoisers/flux2-klein-4b": {
        "num_layers": 1,
        "num_single_layers": 1,
        "num_attention_heads": 1,
        "joint_attention_dim": 32,
    },
    "denoisers/z-image": {
        "dim": 64,
        "n_layers": 2,
        "n_refiner_layers": 1,
        "n_heads": 2,
        "n_kv_heads": 2,
        "cap_feat_dim": 16,
        "axes_dims": [8, 12, 12],
    },
    "texts/clip-l": {**_CLIP, "projection_dim": 16},
    "texts/clip-g": {**_CLIP, "projection_dim": 16},
    "vaes/sdxl": {"block_out_channels": [8, 16, 16, 16], "norm_num_groups": 4, "layers_per_block": 1},
}
"""What is changed of a model's settings for a dry run that takes seconds on a CPU."""


@dataclass(frozen=True)
class Model:
    """One model by its name, as it is or `tiny`."""

    name: str
    tiny: bool = False

    @property
    def blueprint(self) -> Blueprint:
        return BLUEPRINTS[self.name] if self.name in BLUEPRINTS else CHOICES[self.name][0].blueprint

    @property
    def family(self) -> type[Family]:
        return FAMILIES[self.blueprint.family]

    def settings(self, config: str) -> dict[str, Any]:
        """The config.json of one of its parts."""
        whole: dict[str, Any] = json.loads((CONFIGS / config / "config.json").read_bytes())
        return whole | (TINY.get(config, {}) if self.tiny else {})

    def denoiser(self, device: torch.device, dtype: torch.dtype) -> tuple[nn.Module, Sizes]:
        """The denoiser with its random numbers, the same each time, and how large it is."""
        blueprint = self.blueprint
        kind = self.family.models[PROFILES[blueprint.family].denoiser]
        made = random_model(kind, self.settings(blueprint.config), device, dtype)
        counts = [(p.ndim, p.numel()) for p in made.parameters()]
        whole, matrices = sum(n for _, n in counts), sum(n for dimensions, n in counts if dimensions == 2)
        return made, Sizes(denoiser=whole, matrices=matrices, texts=())

    def open(self, device: torch.device, dtype: torch.dtype, stored: str = "") -> tuple[Family, Sizes]:
        """The family with a random denoiser, its matrices kept as `stored`; its other parts are nowhere."""
        blueprint = self.blueprint
        subs = {sub: need.config for sub, need in blueprint.needs.items()}
        subs[PROFILES[blueprint.family].denoiser] = blueprint.config
        parts = {sub: Part(CONFIGS / config, ()) for sub, config in subs.items()}
        folders = {"scheduler": CONFIGS / blueprint.scheduler}
        folders |= {sub: CONFIGS / config for sub, config in blueprint.tokenizers.items()}
        family = self.family(Source(CONFIGS, parts, CONFIGS, folders), device, dtype, blueprint.variant)
        made, sizes = self.denoiser(device, dtype)
        if stored:
            store(made, stored)
        family.replace_denoiser(made)
        return family, sizes

    def captions(self, count: int, device: torch.device) -> Cond:
        """Random embeddings of `count` captions, as the denoiser takes them."""
        settings, length = self.settings(self.blueprint.config), WORDS[self.name]
        generator = torch.Generator().manual_seed(1)

        def random(*shape: int) -> Tensor:
            return torch.randn(count, *shape, generator=generator)

        if self.name == "sdxl":
            pooled = settings["projection_class_embeddings_input_dim"] - 6 * settings["addition_time_embed_dim"]
            tensors = {"text": random(length, settings["cross_attention_dim"]), "pooled": random(pooled)}
        elif self.name == "z-image":
            mask = torch.ones(count, length, dtype=torch.bool)
            tensors = {"text": random(length, settings["cap_feat_dim"]), "mask": mask}
        else:
            tensors = {"text": random(length, settings["joint_attention_dim"])}
        return Cond(tensors).to(device)

    def write(self, folder: Path, device: torch.device) -> None:
        """Write all of it as a diffusers folder in half precision."""
        blueprint, profile = self.blueprint, PROFILES[self.blueprint.family]
        subs = {profile.denoiser: blueprint.config}
        subs |= {sub: need.config for sub, need in blueprint.needs.items()}
        for sub, config in subs.items():
            made: Any = random_model(self.family.models[sub], self.settings(config), device, torch.float16)
            made.save_pretrained(folder / sub, safe_serialization=True)
        for sub, config in blueprint.tokenizers.items():
            load_tokenizer(CONFIGS / config, None).save_pretrained(folder / sub)
        schedule = json.loads((CONFIGS / blueprint.scheduler / "scheduler_config.json").read_bytes())
        (folder / "scheduler").mkdir()
        (folder / "scheduler" / "scheduler_config.json").write_text(json.dumps(schedule))
        index: dict[str, object] = {
            sub: self.family.models[sub].split(".") for sub in (*subs, *blueprint.tokenizers)
        }
        index |= {"_class_name": profile.pipeline, "scheduler": ["diffusers", schedule["_class_name"]]}
        (folder / "model_index.json").write_text(json.dumps(index))


def random_model(kind: str, settings: dict[str, Any], device: torch.device, dtype: torch.dtype) -> nn.Module:
    """A frozen `kind` ('library.Class') of random matrices, the same each time, whose norms do nothing."""
    module: nn.Module = empty_model(model_class(kind), settings)
    generator = torch.Generator(device).manual_seed(0)
    for child in module.modules():
        for name, outline in list(child.named_parameters(recurse=False)):
            numbers = torch.empty(outline.shape, device=device, dtype=dtype)
            if outline.ndim > 1:
                spread = min(SPREAD, outline[0].numel() ** -0.5)
                numbers.normal_(0, spread, generator=generator)
            else:
                numbers.fill_(1 if name.endswith("weight") else 0)
            setattr(child, name, nn.Parameter(numbers, requires_grad=False))
    return module.to(device).requires_grad_(False).eval()
