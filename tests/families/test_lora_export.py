"""What Zen writes for other tools is, weight for weight, what it read: by Zen's own reader and by diffusers'."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from zen_tui.exchange.adapter_header import plan_header
from zen_tui.exchange.adapters import inspect_adapter
from zen_tui.exchange.profiles import PROFILES
from zen_tui.families import lora_export, lora_file
from zen_tui.families.changes import Change
from zen_tui.library.errors import BadFile, Refused, WrongUse

WRITTEN = [
    *((family, "diffusers") for family in PROFILES),
    *((family, "kohya") for family in ("sd15", "sdxl", "flux1", "chroma")),
    *((family, "comfyui") for family in ("flux2-klein", "z-image", "qwen-image")),
]


@cache
def layers(family: str) -> tuple[tuple[str, tuple[int, ...]], ...]:
    """Names and shapes of the layers that a training of everything learns, on a tiny model."""
    from tests.tiny.pipelines import BUILDERS

    pipeline: Any = BUILDERS[family]("dev" if family == "flux1" else "")
    model: nn.Module = getattr(pipeline, PROFILES[family].denoiser)
    wanted = re.compile(PROFILES[family].targets["all"])
    return tuple(
        (name, tuple(module.weight.shape))
        for name, module in model.named_modules()
        if isinstance(module, (nn.Linear, nn.Conv2d)) and wanted.fullmatch(name)
    )


def random_changes(
    family: str, dtype: torch.dtype = torch.float32, scale: float = 1.5, magnitude: bool = False
) -> list[Change]:
    """A LoRA of rank 2 on every layer."""
    generator = torch.Generator().manual_seed(3)
    found = []
    for name, (outputs, inputs, *kernel) in layers(family):
        down = torch.randn(2, inputs, *kernel, generator=generator).to(dtype)
        up = torch.randn(outputs, 2, *(1 for _ in kernel), generator=generator).to(dtype)
        rows = torch.rand(outputs, generator=generator) + 0.5 if magnitude else None
        found.append(Change(PROFILES[family].denoiser, name, up, down, scale=scale, magnitude=rows))
    return found


def written(path: Path, changes: Sequence[Change], family: str, format: str) -> Path:
    header = plan_header(
        {}, family=family, format=format, title="mara", trigger="ohwx woman", rank="2", alpha="3"
    ).kept
    lora_export.write_lora(path, lora_export.tensors_for(changes, family, format, "mara"), header, format)
    return path


@pytest.mark.parametrize(("family", "format"), WRITTEN)
def test_what_is_read_back_is_what_was_written(family: str, format: str, tmp_path: Path) -> None:
    for dtype, scale, tolerance in (
        (torch.float32, 0.5, 0.0 if format != "kohya" else 1e-6),
        (torch.float32, 1.7, 1e-6),
        (torch.bfloat16, 0.5, 1e-6),
        (torch.bfloat16, 1.7, 1e-3),
    ):
        changes = random_changes(family, dtype, scale)
        path = written(tmp_path / f"{dtype}-{scale}.safetensors", changes, family, format)
        found = lora_export.proven(path, changes)
        assert found.layers == len(changes)
        assert found.relative <= tolerance
        facts = inspect_adapter(path)
        assert (facts.family, facts.format, facts.trigger) == (family, format, "ohwx woman")


SEEN = 64  # inputs of a layer that are compared; the rest is alike


def by_diffusers(path: Path, family: str) -> dict[str, Tensor]:
    """Differences of weights by layer for the first inputs, as diffusers' own loader understands the file."""
    import diffusers

    pipeline: Any = getattr(diffusers, PROFILES[family].pipeline)
    more = {"unet_config": SimpleNamespace(layers_per_block=2)} if family == "sdxl" else {}
    state, *others = pipeline.lora_state_dict(
        str(path.parent), weight_name=path.name, local_files_only=True, return_lora_metadata=True, **more
    )
    part = PROFILES[family].denoiser
    told = {_plain(key): value for other in others if other for key, value in other.items()}
    tensors = {_plain(key): tensor for key, tensor in state.items()}
    found = {}
    for key, down in tensors.items():
        if not key.endswith(".down"):
            continue
        layer = key.removesuffix(".down").removeprefix(f"{part}.")
        rank = down.shape[0]
        alpha = told.get(f"{part}.alpha_pattern", {}).get(layer, told.get(f"{part}.lora_alpha", rank))
        alpha = told.get(f"{part}.{layer}.alpha", alpha)
        up = tensors[f"{part}.{layer}.up"]
        found[layer] = up.float().flatten(1) @ down.float().flatten(1)[:, :SEEN] * (alpha / rank)
    return found


def _plain(key: str) -> str:
    """diffusers' spellings of one and the same key, old and new, as one."""
    key = re.sub(r"_lora\.down\.weight\.alpha$", ".alpha", key.replace(".processor.", "."))
    key = re.sub(r"(\.|_)lora(_A|\.down)(\.weight)?$", ".down", key)
    key = re.sub(r"(\.|_)lora(_B|\.up)(\.weight)?$", ".up", key)
    return re.sub(r"(attn[12]\.to_out)\.(down|up|alpha)$", r"\1.0.\2", key)


@pytest.mark.parametrize(("family", "format"), WRITTEN)
def test_diffusers_reads_the_same(family: str, format: str, tmp_path: Path) -> None:
    changes = random_changes(family)
    if format == "kohya" and family in ("flux1", "chroma"):  # diffusers counts on their real widths there
        changes = [wide(change) for change in changes if ".1." not in change.layer]
    theirs = by_diffusers(written(tmp_path / "mara.safetensors", changes, family, format), family)
    assert theirs.keys() == {change.layer for change in changes}
    for change in changes:
        assert change.down is not None
        mine = replace(change, down=change.down.flatten(1)[:, :SEEN]).delta()
        assert torch.allclose(theirs[change.layer], mine, rtol=1e-4, atol=1e-4), change.layer


def wide(change: Change) -> Change:
    """A change of the tiny FLUX.1, 32 numbers wide, as one of the real one, 3072 wide."""
    assert change.down is not None
    return replace(change, up=change.up.repeat(96, 1), down=change.down.repeat(1, 96))


def test_layers_that_are_one_matrix_elsewhere_need_not_all_be_there(tmp_path: Path) -> None:
    for family, format in (("flux1", "kohya"), ("flux2-klein", "comfyui")):
        changes = [c for c in random_changes(family) if not c.layer.endswith((".to_k", "add_q_proj", "proj_mlp"))]
        path = written(tmp_path / f"{family}.safetensors", changes, family, format)
        assert lora_export.proven(path, changes).relative < 1e-6


def test_a_file_that_shares_its_first_factor_keeps_its_rank(tmp_path: Path) -> None:
    stem = "lora_unet_double_blocks_0_img_attn_qkv"
    tensors = {
        f"{stem}.lora_down.weight": torch.randn(4, 32, generator=torch.Generator().manual_seed(0)),
        f"{stem}.lora_up.weight": torch.randn(96, 4, generator=torch.Generator().manual_seed(1)),
        f"{stem}.alpha": torch.tensor(2.0),
    }
    save_file(tensors, tmp_path / "one.safetensors", metadata={"ss_base_model_version": "flux1"})
    changes = lora_file.read(tmp_path / "one.safetensors").changes
    assert [change.layer.rpartition(".")[2] for change in changes] == ["to_q", "to_k", "to_v"]
    again = load_file(written(tmp_path / "two.safetensors", changes, "flux1", "kohya"))
    assert again.keys() == tensors.keys()
    assert all(torch.equal(again[key], tensor) for key, tensor in tensors.items())


@pytest.mark.parametrize(("family", "format"), [("sdxl", "kohya"), ("flux1", "kohya"), ("z-image", "diffusers")])
def test_the_lengths_of_a_dora_go_with_it(family: str, format: str, tmp_path: Path) -> None:
    changes = random_changes(family, magnitude=True)
    lora = lora_file.read(written(tmp_path / "dora.safetensors", changes, family, format))
    found = {change.layer: change.magnitude for change in lora.changes}
    for change in changes:
        magnitude = found[change.layer]
        assert magnitude is not None
        assert change.magnitude is not None
        assert torch.equal(magnitude, change.magnitude)


def test_what_a_format_is_not_for_is_refused(tmp_path: Path) -> None:
    for family, format, better in (
        ("flux2-klein", "kohya", "comfyui"),
        ("sdxl", "comfyui", "kohya"),
        ("sd35", "kohya", "diffusers"),
    ):
        with pytest.raises(WrongUse, match=f"--format {better}"):
            lora_export.require_format(family, format)
    whole = [Change("unet", "conv_in", torch.ones(16, 4, 3, 3))]
    with pytest.raises(Refused, match="resize mara --rank"):
        lora_export.tensors_for(whole, "sd15", "kohya", "mara")
    unknown = [Change("transformer", "norm_out.linear", torch.ones(64, 2), torch.ones(2, 32))]
    with pytest.raises(Refused, match=r"norm_out\.linear, which has no name in kohya"):
        lora_export.tensors_for(unknown, "flux1", "kohya", "mara")


def test_a_file_that_says_something_else_is_not_kept(tmp_path: Path) -> None:
    changes = random_changes("sd15")
    path = written(tmp_path / "mara.safetensors", changes, "sd15", "kohya")
    other = [replace(changes[0], scale=9.0), *changes[1:]]
    with pytest.raises(BadFile, match=re.escape(changes[0].layer)):
        lora_export.proven(path, other)
    assert not path.exists()
    written(path, changes[1:], "sd15", "kohya")
    with pytest.raises(BadFile, match="changes other layers"):
        lora_export.proven(path, changes)


def test_the_header_tells_what_tools_need_and_nothing_of_the_person(tmp_path: Path) -> None:
    original = {
        "ss_tag_frequency": '{"10_mara smith": {"smiling": 4}}',
        "ss_dataset_dirs": '{"10_mara smith": {"n_repeats": 10}}',
        "ss_training_started_at": "1700000000",
        "ss_seed": "42",
        "modelspec.license": "CreativeML OpenRAIL-M",
        "modelspec.author": "Mara Smith",
    }
    plan = plan_header(
        original,
        family="sdxl",
        format="kohya",
        title="m",
        trigger="ohwx woman",
        rank="2",
        alpha="3",
        keep=("ss_seed",),
    )
    assert plan.dropped == sorted(
        ["ss_tag_frequency", "ss_dataset_dirs", "ss_training_started_at", "modelspec.author"]
    )
    minimum = {"ss_v2", "ss_base_model_version", "ss_network_module", "ss_network_dim", "ss_network_alpha",
               "ss_network_args"}  # fmt: skip
    assert {key for key in plan.kept if key.startswith("ss_")} == minimum | {"ss_seed"}
    assert plan.kept["ss_base_model_version"] == "sdxl_base_v1-0"
    assert plan.kept["modelspec.trigger_phrase"] == "ohwx woman"
    assert plan.kept["modelspec.license"] == "CreativeML OpenRAIL-M"
    path = tmp_path / "m.safetensors"
    changes = random_changes("sdxl")
    lora_export.write_lora(path, lora_export.tensors_for(changes, "sdxl", "kohya", "m"), plan.kept, "kohya")
    with safe_open(path, "pt") as file:
        assert file.metadata() == plan.kept
    assert b"mara" not in path.read_bytes().lower()
    with pytest.raises(WrongUse, match="Did you mean ss_seed"):
        plan_header(
            original, family="sdxl", format="kohya", title="m", trigger="", rank="2", alpha="3", keep=("ss_see",)
        )
