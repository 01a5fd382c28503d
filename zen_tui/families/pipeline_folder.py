"""A base written as a folder of diffusers', some of its parts with weights of their own: what a full fine-tune is.

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
from torch import Tensor, nn

from zen_tui.exchange.source import Part, Source, diffusers_source
from zen_tui.families.base import Family
from zen_tui.families.parts import encoder_dtype, load_part, model_class, numbers_in
from zen_tui.library.durable import replacing, replacing_folder, require_space, write_file
from zen_tui.library.errors import ZenError

BESIDE = ("LICENSE*", "zen.json")  # what else belongs to a base: its licence, and the settings that suit it


def write_folder(
    folder: Path, family: Family, denoiser: Mapping[str, Tensor], texts: Mapping[str, nn.Module]
) -> None:
    """Write the base of `family` to `folder`, with the tensors `denoiser` and the models `texts`
    (by sub-folder) in place of its own, and read them back. There is no folder until it is whole.

    Raises:
        DiskFull: there is no room.
        ZenError: what was read back is not what was written. Either way nothing is left.
    """
    require_space(folder.parent, _size(family, denoiser, texts))
    with replacing_folder(folder) as made:
        _write(made, family, denoiser, texts)
        written = diffusers_source(made, family.name)
        _require_same(written, family, family.profile.denoiser, denoiser)
        for sub, model in texts.items():
            _require_same(written, family, sub, model.state_dict())


def _require_same(written: Source, family: Family, sub: str, meant: Mapping[str, Tensor]) -> None:
    dtype = next(tensor.dtype for tensor in meant.values() if tensor.is_floating_point())
    found = load_part(written, sub, model_class(family.models[sub]), dtype).state_dict()
    if found.keys() != meant.keys() or not all(torch.equal(found[key], meant[key]) for key in found):
        raise ZenError("The folder could not be read back as it was written.", "Nothing was kept of it.")


def _size(family: Family, denoiser: Mapping[str, Tensor], texts: Mapping[str, nn.Module]) -> int:
    """How many bytes the weights of the folder take."""
    size = sum(tensor.nbytes for tensor in denoiser.values())
    for sub, part in family.source.parts.items():
        if sub in texts:
            size += sum(tensor.nbytes for tensor in texts[sub].state_dict().values())
        elif sub != family.profile.denoiser and _in_folder(part):
            size += sum(file.stat().st_size for file in part.files)
        elif sub != family.profile.denoiser:
            size += numbers_in(part) * _dtype(sub, part, family).itemsize
    return size


def _write(folder: Path, family: Family, denoiser: Mapping[str, Tensor], texts: Mapping[str, nn.Module]) -> None:
    source, profile = family.source, family.profile
    for sub, part in source.parts.items():
        if sub in texts:
            _save_model(folder / sub, texts[sub])
        elif sub != profile.denoiser:
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
    """A part that stays as it is: its own files, or their tensors under the library's names."""
    if not _in_folder(part):
        _save_model(place, load_part(source, sub, model_class(family.models[sub]), _dtype(sub, part, family)))
        return
    for file in [part.config / "config.json", *part.files, *sorted(part.config.glob("*.safetensors.index.json"))]:
        _copy(file, place / file.name)


def _in_folder(part: Part) -> bool:
    """Whether a part lies in a folder of its own, as diffusers keeps it."""
    return all(file.parent == part.config for file in part.files)


def _dtype(sub: str, part: Part, family: Family) -> torch.dtype:
    """What a part that is no denoiser computes in."""
    return torch.float32 if sub == family.profile.vae else encoder_dtype(part)


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


def _save_model(place: Path, model: Any) -> None:
    loose = place.with_name(f"{place.name}-loose")
    model.save_pretrained(loose)  # it knows the names that other tools expect
    for file in sorted(loose.iterdir()):
        _copy(file, place / file.name)
    shutil.rmtree(loose)


def _save(path: Path, tensors: Mapping[str, Tensor]) -> None:
    held = {key: tensor.detach().cpu().contiguous() for key, tensor in tensors.items()}
    with replacing(path) as temporary:
        save_file(held, temporary, metadata={"format": "pt"})


def _copy(source: Path, target: Path) -> None:
    with replacing(target) as temporary:
        shutil.copyfile(source, temporary)
