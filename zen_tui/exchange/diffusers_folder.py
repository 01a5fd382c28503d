"""What a diffusers folder holds: its family and settings, read from its JSON and its safetensors headers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec

from zen_tui.exchange.blueprints import choose
from zen_tui.exchange.detect import pipeline_name
from zen_tui.exchange.facts import BaseFacts
from zen_tui.exchange.profiles import PROFILES, Profile, Variant
from zen_tui.exchange.safetensors_header import read_header
from zen_tui.exchange.source import PICKLES, SAFETENSORS_ONLY, diffusers_source
from zen_tui.library.errors import BadFile, Refused, WrongUse, ZenError
from zen_tui.library.text import clean, nearest

NO_LIMIT = 10**6  # tokens; some tokenizers say a number with thirty digits for "no limit"


_PLAIN = {"z-image": ("base",), "sd35": ("large", "medium")}
"""What a person may call the variant that has no name."""


class Recommended(msgspec.Struct, forbid_unknown_fields=False):
    """`zen.json` in a base's folder: settings that suit it."""

    train: dict[str, Any] = {}
    generate: dict[str, Any] = {}


def inspect_folder(path: Path, variant: str | None = None) -> BaseFacts:
    """Say what the diffusers folder at `path` holds, without loading it.

    Raises:
        BadFile: not a base, or damaged.
        Refused: a pickle, or a model that Zen cannot run.
        WrongUse: `variant` is none of its family.
    """
    if not (path / "model_index.json").is_file():
        raise _no_index(path)
    index = read_json(path / "model_index.json")
    kind = str(index.get("_class_name", ""))
    family = next((name for name, profile in PROFILES.items() if profile.pipeline == kind), None)
    if family is None:
        raise Refused(f"{path.name} is {pipeline_name(kind)}, which is not supported yet.", works())
    profile = PROFILES[family]
    parts = (profile.denoiser, profile.vae, *profile.text_encoders)
    configs = {sub: read_json(path / sub / "config.json") for sub in parts}
    schedule = read_json(path / "scheduler" / "scheduler_config.json")
    tokenizers = [read_json(path / sub / "tokenizer_config.json") for sub in profile.tokenizers]
    _text_to_picture(path, configs[profile.denoiser], configs[profile.vae])
    files = {sub: part.files for sub, part in diffusers_source(path, family).parts.items()}
    headers = {sub: [read_header(file) for file in found] for sub, found in files.items()}
    named = _named(family, variant)
    if named is None:
        named = _variant(path, family, index, configs[profile.denoiser], schedule)
    try:
        multiple = shrink(configs[profile.vae]) * profile.patch
        resolution = _resolution(profile, configs, multiple)
        context = _context(configs[profile.denoiser])
        limit = min(profile.token_limit, _limit(tokenizers[-1]), _limit(configs[profile.text_encoders[-1]]))
    except (KeyError, TypeError, ValueError):
        raise BadFile(f"The settings of {path.name} are not those of a base.", "Get the folder again.") from None
    known = profile.variant(named)
    return BaseFacts(
        family=family,
        variant=named,
        resolution=resolution,
        multiple=multiple,
        parameters={sub: sum(header.parameters for header in found) for sub, found in headers.items()},
        bytes=sum(file.stat().st_size for found in files.values() for file in found),
        prediction_type=str(schedule.get("prediction_type", "epsilon" if profile.denoiser == "unet" else "flow")),
        token_limit=limit,
        context=context,
        title=known.title,
        licence=_licence(path) or known.licence,
        defaults=defaults(profile, known, resolution, _advice(path)),
    )


def works() -> str:
    """The families that can be added, as a sentence."""
    return f"Bases that work: {', '.join(profile.title for profile in PROFILES.values())}."


def defaults(
    profile: Profile, known: Variant, resolution: int, advice: Recommended | None = None
) -> dict[str, dict[str, Any]]:
    """The settings that training and drawing start from: the family's, then what the base's folder advises."""
    advice = advice or Recommended()
    return {
        "train": {**profile.train, "resolution": min(resolution, profile.train.get("resolution", resolution)),
                  **advice.train},
        "generate": {**known.generate, "width": resolution, "height": resolution, **advice.generate},
    }  # fmt: skip


def shrink(vae: dict[str, Any]) -> int:
    """How many pixels of a side a latent stands for."""
    if "temperal_downsample" in vae:  # spelled so in Qwen-Image's
        return int(2 ** len(vae["temperal_downsample"]))
    return int(2 ** (len(vae["block_out_channels"]) - 1))


def read_json(path: Path) -> dict[str, Any]:
    """A settings file of a base. Raises `BadFile` when it is missing or damaged."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=dict[str, Any])
    except OSError:
        where = f"{path.parent.name}/{path.name}"
        raise BadFile(f"The base is not whole: {where} is missing.", "Get the folder again.") from None
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise BadFile(f"{path} is damaged.", "Get the folder again.") from None


def _text_to_picture(path: Path, denoiser: dict[str, Any], vae: dict[str, Any]) -> None:
    """Raise `Refused` for a UNet that reads more than the noisy picture."""
    channels = vae.get("latent_channels")
    if "cross_attention_dim" in denoiser and denoiser.get("in_channels", 4) != channels:
        raise Refused(f"{path.name} is made for inpainting, which is not supported yet.", works())


def _named(family: str, variant: str | None) -> str | None:
    if variant is None:
        return None
    wanted = "" if variant in _PLAIN.get(family, ()) else variant
    if wanted not in PROFILES[family].variants:
        known = ", ".join(name or _PLAIN.get(family, ("base",))[0] for name in PROFILES[family].variants)
        raise WrongUse(f"{PROFILES[family].title} has no variant {clean(variant, 40)}.", f"It has: {known}.")
    return wanted


def _variant(
    path: Path, family: str, index: dict[str, Any], denoiser: dict[str, Any], schedule: dict[str, Any]
) -> str:
    """What tells one kind of a family's folders from another: settings, and names where those are the same."""
    if family == "sd15":
        return "2" if denoiser.get("cross_attention_dim") == 1024 else ""
    if family == "flux2-klein":
        return "distilled" if index.get("is_distilled") else "base"
    if family == "z-image":
        return "turbo" if float(schedule.get("shift", 0)) == 3.0 else ""  # Z-Image itself has 6
    if family == "flux1":
        return "dev" if denoiser.get("guidance_embeds") else "schnell"
    if family == "sd35" and denoiser.get("num_layers") == 38:  # Large and its Turbo differ in numbers alone
        told = [str(said.get("_name_or_path", "")).rsplit("/", 1)[-1] for said in (index, denoiser)]
        chosen = choose("sd35-large", [*told, path.name], None)
        if isinstance(chosen, list):
            options = " or ".join(f"--variant {option}" for option in chosen)
            raise WrongUse(f"{path.name} is Stable Diffusion 3.5 Large or its Turbo.", f"Add {options}.")
        return chosen.variant
    return ""


def _resolution(profile: Profile, configs: dict[str, dict[str, Any]], multiple: int) -> int:
    denoiser, vae = configs[profile.denoiser], configs[profile.vae]
    if "sample_size" in denoiser:
        return int(denoiser["sample_size"]) * shrink(vae)
    return max(int(vae.get("sample_size", profile.resolution)), multiple)


def _context(denoiser: dict[str, Any]) -> int:
    """How wide the text is that the denoiser reads."""
    names = ("cross_attention_dim", "joint_attention_dim", "cap_feat_dim")
    return int(next(denoiser[name] for name in names if name in denoiser))


def _limit(settings: dict[str, Any]) -> int:
    """How many tokens a tokenizer or an encoder takes, if it says so."""
    said = settings.get("model_max_length") or settings.get("max_position_embeddings") or NO_LIMIT
    return int(min(float(said), NO_LIMIT))


def _no_index(path: Path) -> ZenError:
    names = [file.name for file in path.iterdir()] if path.is_dir() else []
    if not names:
        return BadFile(f"The folder {path} is empty.", "A base is a diffusers folder with a model_index.json.")
    pickle = next((name for name in names if Path(name).suffix.lower() in PICKLES), None)
    if pickle:
        return Refused(f"{path} holds a pickle, {clean(pickle, 60)}, and no base.", SAFETENSORS_ONLY)
    near = nearest("model_index.json", names)
    hint = f"There is a {clean(near, 60)} in it." if near else "There is no model_index.json in it."
    return BadFile(f"{path} is not a base.", f"A base is a diffusers folder. {hint}")


def _advice(path: Path) -> Recommended:
    file = path / "zen.json"
    if not file.is_file():
        return Recommended()
    try:
        return msgspec.convert(read_json(file), Recommended)
    except msgspec.ValidationError as error:
        raise BadFile(
            f"{file} does not hold settings: {clean(str(error), 120)}.", "Correct it or remove it."
        ) from None


def _licence(path: Path) -> str:
    """The first line of the licence that lies beside the weights; '' when there is none."""
    for file in sorted(path.glob("LICENSE*")):
        lines = file.read_text(errors="replace").splitlines()
        return clean(next((line.strip() for line in lines if line.strip()), ""), 120)
    return ""
