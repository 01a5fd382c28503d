"""Bases on disk: what a folder holds, read from its JSON and its safetensors headers, without torch."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec

from zen_tui.exchange.detect import architecture, pipeline_name
from zen_tui.exchange.safetensors_header import read_header
from zen_tui.library import models
from zen_tui.library.database import Database
from zen_tui.library.errors import BadFile, Refused, ZenError
from zen_tui.library.paths import Home
from zen_tui.library.records import Base
from zen_tui.library.text import clean, nearest

BUILTIN = "builtin:"
BUILTIN_NAME = "zen-mini"
PICKLES = (".ckpt", ".pt", ".pth", ".bin", ".pkl")
PARTS = ("unet", "vae", "text_encoder")
WEIGHTS = Path(__file__).parent.parent / "mannequins" / "weights"


class BaseFacts(msgspec.Struct, kw_only=True):
    """What a base is. Sizes in pixels and bytes; `parameters` by part; `defaults` has 'train' and 'generate'."""

    family: str
    variant: str
    resolution: int
    multiple: int
    parameters: dict[str, int]
    bytes: int
    prediction_type: str
    token_limit: int
    context: int
    licence: str = ""
    defaults: dict[str, dict[str, Any]] = {}


class Recommended(msgspec.Struct, forbid_unknown_fields=False):
    """`zen.json` in a base's folder: settings that suit it."""

    train: dict[str, Any] = {}
    generate: dict[str, Any] = {}


TRAIN = {"steps": 1000, "learning_rate": 1e-4, "rank": 16, "alpha": 16.0, "batch_size": 1}
GENERATE = {"steps": 25, "guidance": 7.0, "scheduler": "default"}


def inspect_base(path: Path) -> BaseFacts:
    """Say what lies at `path`, a diffusers folder, without loading it.

    Raises:
        BadFile: nothing there, not a base, or damaged.
        Refused: a pickle, or a model that Zen cannot run yet; the sentence names it.
    """
    if not path.exists():
        raise BadFile(f"There is nothing at {path}.", "Check the path.")
    if path.is_file():
        raise _not_a_folder(path)
    if not (path / "model_index.json").is_file():
        raise _no_index(path)
    kind = str(_json(path / "model_index.json").get("_class_name", ""))
    if kind != "StableDiffusionPipeline":
        raise Refused(f"{path.name} is {pipeline_name(kind)}, which is not supported yet.", _WORKS)
    return _stable_diffusion(path)


def _stable_diffusion(path: Path) -> BaseFacts:
    unet, vae = _json(path / "unet" / "config.json"), _json(path / "vae" / "config.json")
    text = _json(path / "text_encoder" / "config.json")
    tokenizer = _json(path / "tokenizer" / "tokenizer_config.json")
    schedule = _json(path / "scheduler" / "scheduler_config.json")
    if unet.get("in_channels") != vae.get("latent_channels"):
        raise Refused(f"{path.name} is made for inpainting, which is not supported yet.", _WORKS)
    files = {part: weight_files(path / part) for part in PARTS}
    headers = {part: [read_header(file) for file in found] for part, found in files.items()}
    try:
        multiple = 2 ** (len(vae["block_out_channels"]) - 1)
        context = int(unet["cross_attention_dim"])
        resolution = int(unet["sample_size"]) * multiple
        limit = min(int(tokenizer.get("model_max_length", 77)), int(text["max_position_embeddings"]))
    except (KeyError, TypeError, ValueError):
        raise BadFile(f"The settings of {path.name} are not those of a base.", "Get the folder again.") from None
    advice = _advice(path)
    return BaseFacts(
        family="sd15",
        variant="2" if context == 1024 else "",
        resolution=resolution,
        multiple=multiple,
        parameters={part: sum(header.parameters for header in found) for part, found in headers.items()},
        bytes=sum(file.stat().st_size for found in files.values() for file in found),
        prediction_type=str(schedule.get("prediction_type", "epsilon")),
        token_limit=limit,
        context=context,
        licence=_licence(path),
        defaults={
            "train": {**TRAIN, "resolution": resolution, **advice.train},
            "generate": {**GENERATE, "width": resolution, "height": resolution, **advice.generate},
        },
    )


def add_base(db: Database, home: Home, path: Path, name: str | None = None) -> Base:
    """Record the base at `path`; it stays where it is. Adding a folder twice gives the same base.

    Raises:
        BadFile, Refused: as `inspect_base`.
    """
    folder = path.expanduser().absolute()
    facts = inspect_base(folder)
    for known in models.bases(db):
        if known.path == str(folder) and name in (None, known.slug):
            db.update("bases", known.id, facts=facts)
            return models.base(db, known.slug)
    return models.add_base(
        db, name or folder.name, facts.family, facts.variant, str(folder), msgspec.to_builtins(facts)
    )


def ensure_builtin(db: Database) -> None:
    """Record `zen-mini` if its weights are there; keep what is recorded of it up to date."""
    try:
        facts = inspect_base(WEIGHTS)
    except ZenError:
        return  # `require_builtin` says so where it matters
    row = db.row("SELECT id, facts FROM bases WHERE path = ?", BUILTIN + BUILTIN_NAME)
    plain = msgspec.to_builtins(facts)
    if row is None:
        models.add_base(db, BUILTIN_NAME, facts.family, facts.variant, BUILTIN + BUILTIN_NAME, plain)
    elif msgspec.json.decode(row["facts"]) != plain:
        db.update("bases", int(row["id"]), facts=facts)


def require_builtin() -> None:
    """Raise `BadFile` unless the weights of `zen-mini` are here and whole."""
    try:
        inspect_base(WEIGHTS)
    except ZenError as error:
        raise BadFile(
            f"The weights of the built-in base {BUILTIN_NAME} are missing or damaged.",
            "Install Zen again, or clone it again.",
        ) from error


def base_folder(base: Base) -> Path:
    """The folder with the weights of `base`. Raises `BadFile` when it is gone."""
    folder = WEIGHTS if base.path.startswith(BUILTIN) else Path(base.path)
    if not (folder / "model_index.json").is_file():
        raise BadFile(
            f"The folder of the base {base.slug} is gone: {folder}.", "Put it back, or add the base again."
        )
    return folder


_WORKS = "Bases that work now: Stable Diffusion 1 as a diffusers folder."
_SAFETENSORS = "Zen loads safetensors only, because a pickle can run code when it is opened."


def _not_a_folder(path: Path) -> ZenError:
    if path.suffix.lower() in PICKLES:
        return Refused(f"{path.name} is a pickle.", f"{_SAFETENSORS} Get the same model as a diffusers folder.")
    if path.suffix.lower() != ".safetensors":
        return BadFile(f"{path.name} is not a base.", "A base is a diffusers folder with a model_index.json.")
    name = architecture(read_header(path).tensors)
    if name.startswith("a LoRA"):
        return Refused(f"{path.name} is {name}, not a base.", "Bring it in with `zen adapters import`.")
    return Refused(f"{path.name} is {name} in one file, which is not supported yet.", _WORKS)


def _no_index(path: Path) -> ZenError:
    names = [file.name for file in path.iterdir()] if path.is_dir() else []
    if not names:
        return BadFile(f"The folder {path} is empty.", "A base is a diffusers folder with a model_index.json.")
    pickle = next((name for name in names if Path(name).suffix.lower() in PICKLES), None)
    if pickle:
        return Refused(f"{path} holds a pickle, {clean(pickle, 60)}, and no base.", _SAFETENSORS)
    near = nearest("model_index.json", names)
    hint = f"There is a {clean(near, 60)} in it." if near else "There is no model_index.json in it."
    return BadFile(f"{path} is not a base.", f"A base is a diffusers folder. {hint}")


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
        raise Refused(f"The {folder.name} of {folder.parent.name} is a pickle, {pickles[0].name}.", _SAFETENSORS)
    raise BadFile(f"{folder.parent.name} is not a whole base: its {folder.name} has no weights.", "Get it again.")


def _json(path: Path) -> dict[str, Any]:
    try:
        return msgspec.json.decode(path.read_bytes(), type=dict[str, Any])
    except OSError:
        where = f"{path.parent.name}/{path.name}"
        raise BadFile(f"The base is not whole: {where} is missing.", "Get the folder again.") from None
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise BadFile(f"{path} is damaged.", "Get the folder again.") from None


def _advice(path: Path) -> Recommended:
    file = path / "zen.json"
    if not file.is_file():
        return Recommended()
    try:
        return msgspec.convert(_json(file), Recommended)
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
