"""A tiny base as a family, and as a base with adapters in the database."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from tests.families.conftest import open_family
from zen_tui.families import lora_file
from zen_tui.families.base import Family
from zen_tui.generation import warm
from zen_tui.library import models
from zen_tui.library.database import Database
from zen_tui.library.paths import Home
from zen_tui.library.records import Adapter, Base


@pytest.fixture
def family(tiny_base: Path) -> Family:
    """The tiny base in fp32 on the CPU, nothing loaded yet."""
    return open_family(tiny_base)


@pytest.fixture
def base(db: Database, tiny_base: Path) -> Iterator[Base]:
    """The tiny base in the database; nothing of it stays loaded after the test."""
    yield models.add_base(db, "tiny", "sd15", "", str(tiny_base), {"family": "sd15"})
    warm.drop()


@pytest.fixture
def job_id(db: Database) -> int:
    return new_job(db)


def new_job(db: Database) -> int:
    """A job row to record pictures under."""
    return db.insert("jobs", kind="generate", title="pictures", status="running", created=time.time())


def add_adapter(db: Database, home: Home, base: Base, name: str, seed: int = 0) -> Adapter:
    """A LoRA with random weights that changes what `base` draws."""
    family = open_family(Path(base.path))
    path = home.adapters / f"{name}.safetensors"
    write_random_lora(family, path, seed)
    return models.add_adapter(
        db, name, "sd15", home.relative(path), base_id=base.id, trigger="ohwx woman", facts={"rank": 2}
    )


def write_random_lora(family: Family, path: Path, seed: int) -> None:
    """Write a LoRA of random weights for `family`'s attention layers."""
    from peft import LoraConfig, get_peft_model_state_dict, inject_adapter_in_model

    config = LoraConfig(r=2, lora_alpha=2, target_modules=family.targets["attn"])
    denoiser = inject_adapter_in_model(config, family.denoiser())
    generator = torch.Generator().manual_seed(seed)
    weights = get_peft_model_state_dict(denoiser)
    random = {key: torch.randn(value.shape, generator=generator) for key, value in weights.items()}
    parts = {family.profile.denoiser: (random, config.to_dict())}
    lora_file.write(path, parts, "ohwx woman", family.profile.modelspec, family.licence)
