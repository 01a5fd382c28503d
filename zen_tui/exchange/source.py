"""Where the parts of a base lie on disk, whatever its layout."""

from __future__ import annotations

from pathlib import Path

import msgspec

from zen_tui.exchange.blueprints import CONFIGS
from zen_tui.exchange.facts import PartFacts
from zen_tui.exchange.profiles import PROFILES
from zen_tui.library.errors import BadFile, Refused
from zen_tui.library.records import Base

BUILTIN = "builtin:"
WEIGHTS = Path(__file__).parent.parent / "mannequins" / "weights"
PICKLES = (".ckpt", ".pt", ".pth", ".bin", ".pkl")
SAFETENSORS_ONLY = "Zen loads safetensors only, because a pickle can run code when it is opened."


class Part(msgspec.Struct, frozen=True):
    """One sub-model: 'unet', 'transformer', 'vae', 'text_encoder', 'text_encoder_2' …

    `config` is the folder with its config.json. `layout` is 'diffusers' when the tensors in `files` have the
    names of the library's own model, 'original' when they have those of a single-file checkpoint, in which
    the keys of this part start with `prefix`.
    """

    config: Path
    files: tuple[Path, ...]
    layout: str = "diffusers"
    prefix: str = ""


class Source(msgspec.Struct, frozen=True):
    """A base: `root` is the folder or file that was added, `configs` a folder that may hold a model_index.json.

    The settings of tokenizers and scheduler lie in `configs` too, unless `settings` says where else.
    """

    root: Path
    parts: dict[str, Part]
    configs: Path
    settings: dict[str, Path] = {}

    def folder(self, sub: str) -> Path:
        """The folder with the settings of the tokenizer or scheduler called `sub`."""
        return self.settings.get(sub, self.configs / sub)


def source_of(base: Base) -> Source:
    """Where the parts of `base` lie.

    Raises:
        BadFile: it is of no family that Zen knows, or something of it is gone.
        Refused: a part of it is a pickle.
    """
    if base.family not in PROFILES:
        raise BadFile(f"{base.slug} is a {base.family} base, which Zen does not know.", "Add it again.")
    if base.facts.get("layout", "diffusers") == "diffusers":
        return diffusers_source(base_folder(base), base.family)
    settings = {sub: CONFIGS / name for sub, name in base.facts["settings"].items()}
    return original_source(base_folder(base), _parts(base), settings)


def diffusers_source(folder: Path, family: str) -> Source:
    """The parts of a diffusers folder. Raises `BadFile` or `Refused` when one has no weights."""
    profile = PROFILES[family]
    subs = (profile.denoiser, profile.vae, *profile.text_encoders)
    return Source(folder, {sub: Part(folder / sub, tuple(weight_files(folder / sub))) for sub in subs}, folder)


def original_source(root: Path, parts: dict[str, PartFacts], settings: dict[str, Path]) -> Source:
    """The parts of a single-file base, whose settings travel with Zen."""
    found = {
        sub: Part(CONFIGS / part.config, tuple(Path(file) for file in part.files), part.layout, part.prefix)
        for sub, part in parts.items()
    }
    return Source(root, found, CONFIGS, settings)


def base_folder(base: Base) -> Path:
    """The folder or file that was added as `base`. Raises `BadFile` when it, or what belongs to it, is gone."""
    path = WEIGHTS if base.path.startswith(BUILTIN) else Path(base.path)
    if base.facts.get("layout", "diffusers") == "diffusers" and not (path / "model_index.json").is_file():
        raise BadFile(
            f"The folder of the base {base.slug} is gone: {path}.", "Put it back, or add the base again."
        )
    needed = [path, *(Path(file) for part in _parts(base).values() for file in part.files)]
    gone = next((file for file in needed if not file.exists()), None)
    if gone is not None:
        raise BadFile(f"A file of the base {base.slug} is gone: {gone}.", "Put it back, or add the base again.")
    return path


def _parts(base: Base) -> dict[str, PartFacts]:
    return msgspec.convert(base.facts.get("parts", {}), dict[str, PartFacts])


def weight_files(folder: Path) -> list[Path]:
    """The safetensors files of one part of a base: full precision, or fp16 where there is no other.

    Raises:
        Refused: the weights are a pickle.
        BadFile: there are none.
    """
    found = sorted(folder.glob("*.safetensors"))
    full = [path for path in found if ".fp16." not in path.name and ".non_ema." not in path.name]
    if full or found:
        return full or found
    pickles = [path for path in folder.glob("*") if path.suffix in PICKLES] if folder.is_dir() else []
    if pickles:
        raise Refused(
            f"The {folder.name} of {folder.parent.name} is a pickle, {pickles[0].name}.", SAFETENSORS_ONLY
        )
    raise BadFile(f"{folder.parent.name} is not a whole base: its {folder.name} has no weights.", "Get it again.")
