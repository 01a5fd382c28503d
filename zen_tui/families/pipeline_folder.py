"""A base written as a folder of diffusers', its denoiser with weights of its own: what a full fine-tune is.

The other parts are copied as they are; those that lie in a single-file checkpoint are written under the library's
names. Any tool that reads diffusers' folders reads it, and `zen bases add` does.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

import msgspec
import torch
from safetensors.torch import save_file
from torch import Tensor

from zen_tui.exchange.source import Part, Source, diffusers_source
from zen_tui.families.base import Family
from zen_tui.families.parts import encoder_dtype, load_part, model_class
from zen_tui.library.durable import replacing, require_space, write_file
from zen_tui.library.errors import ZenError

BESIDE = ("LICENSE*", "zen.json")  # what else belongs to a base: its licence, and the settings that suit it


def write_folder(folder: Path, family: Family, denoiser: Mapping[str, Tensor]) -> None:
    """Write the base of `family` to `folder`, with the tensors `denoiser` in place of its own, and read them back.

    Raises:
        DiskFull: there is no room.
        ZenError: what was read back is not what was written. Either way nothing is left.
    """
    try:
        _write(folder, family, denoiser)
        sub = family.profile.denoiser
        read = load_part(
            diffusers_source(folder, family.name), sub, model_class(family.models[sub]), _dtype(denoiser)
        )
        found = read.state_dict()
        if found.keys() != denoiser.keys() or not all(torch.equal(found[key], denoiser[key]) for key in found):
            raise ZenError("The folder could not be read back as it was written.", "Nothing was kept of it.")
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise


def _write(folder: Path, family: Family, denoiser: Mapping[str, Tensor]) -> None:
    source, profile = family.source, family.profile
    others = {sub: part for sub, part in source.parts.items() if sub != profile.denoiser}
    need = sum(file.stat().st_size for part in others.values() for file in part.files)
    require_space(
        folder.parent, need + sum(tensor.numel() * tensor.element_size() for tensor in denoiser.values())
    )
    for sub, part in others.items():
        _write_part(folder / sub, source, sub, part, family)
    place = folder / profile.denoiser
    _copy(source.parts[profile.denoiser].config / "config.json", place / "config.json")
    _save(place / "diffusion_pytorch_model.safetensors", denoiser)
    scheduler = source.folder("scheduler")
    settings = {sub: source.folder(sub) for sub in profile.tokenizers} | {"scheduler": scheduler}
    for sub, lies in settings.items():
        for file in sorted(lies.iterdir()):
            if file.is_file():
                _copy(file, folder / sub / file.name)
    for pattern in BESIDE if source.root.is_dir() else ():
        for file in sorted(source.root.glob(pattern)):
            _copy(file, folder / file.name)
    write_file(
        folder / "model_index.json", msgspec.json.format(msgspec.json.encode(_index(folder, family)), indent=2)
    )


def _write_part(place: Path, source: Source, sub: str, part: Part, family: Family) -> None:
    """A part that is not trained: its own files, or their tensors under the library's names."""
    if all(file.parent == part.config for file in part.files):
        for file in [
            part.config / "config.json",
            *part.files,
            *sorted(part.config.glob("*.safetensors.index.json")),
        ]:
            _copy(file, place / file.name)
        return
    dtype = torch.float32 if sub == family.profile.vae else encoder_dtype(part)
    model: Any = load_part(source, sub, model_class(family.models[sub]), dtype)
    loose = place.with_name(f"{sub}-loose")
    model.save_pretrained(loose)  # it knows the names that other tools expect
    for file in sorted(loose.iterdir()):
        _copy(file, place / file.name)
    shutil.rmtree(loose)


def _index(folder: Path, family: Family) -> dict[str, Any]:
    """`model_index.json`: the base's own without what was not written, or one made from what the family knows."""
    index = dict(family.index)
    if not index:
        scheduler = msgspec.json.decode((folder / "scheduler" / "scheduler_config.json").read_bytes())
        index = {"_class_name": family.profile.pipeline, "_diffusers_version": version("diffusers")}
        index |= {sub: name.split(".") for sub, name in family.models.items()}
        index["scheduler"] = ["diffusers", scheduler["_class_name"]]
        if family.variant is family.profile.variants.get("distilled"):
            index["is_distilled"] = True
    gone = [sub for sub, told in index.items() if isinstance(told, list) and not (folder / sub).is_dir()]
    return index | {sub: [None, None] for sub in gone}


def _dtype(tensors: Mapping[str, Tensor]) -> torch.dtype:
    return next(tensor.dtype for tensor in tensors.values() if tensor.is_floating_point())


def _save(path: Path, tensors: Mapping[str, Tensor]) -> None:
    held = {key: tensor.detach().cpu().contiguous() for key, tensor in tensors.items()}
    with replacing(path) as temporary:
        save_file(held, temporary, metadata={"format": "pt"})


def _copy(source: Path, target: Path) -> None:
    with replacing(target) as temporary:
        shutil.copyfile(source, temporary)
