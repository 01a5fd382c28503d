"""Folders of models that describe photos: which kind one holds, told from its settings without loading it.

Code that lies in a folder is never run and pickles are never opened: both are refused, with what to get instead.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import msgspec

from zen_tui.exchange.diffusers_folder import read_json
from zen_tui.exchange.safetensors_header import read_header
from zen_tui.exchange.shards import shards_of
from zen_tui.exchange.source import PICKLES, SAFETENSORS_ONLY
from zen_tui.library.errors import BadFile, NotFound, Refused, WrongUse
from zen_tui.library.text import clean, shown

CaptionerKind = Literal["blip", "florence2", "qwen2.5-vl", "qwen3-vl", "llava", "wd14"]

TITLES: dict[CaptionerKind, str] = {
    "blip": "BLIP",
    "florence2": "Florence-2",
    "qwen2.5-vl": "Qwen2.5-VL",
    "qwen3-vl": "Qwen3-VL",
    "llava": "LLaVA or JoyCaption",
    "wd14": "WD14 tagger",
}
CLASSES: dict[str, CaptionerKind] = {
    "BlipForConditionalGeneration": "blip",
    "Florence2ForConditionalGeneration": "florence2",
    "Qwen2_5_VLForConditionalGeneration": "qwen2.5-vl",
    "Qwen3VLForConditionalGeneration": "qwen3-vl",
    "LlavaForConditionalGeneration": "llava",
}
"""What `architectures` in a config.json says."""

QUESTION = "Describe this photo in one sentence: who or what is shown, the clothes, the pose, place and light."
PROMPTS: dict[CaptionerKind, str] = {
    "blip": "",
    "florence2": "<MORE_DETAILED_CAPTION>",
    "qwen2.5-vl": QUESTION,
    "qwen3-vl": QUESTION,
    "llava": "Write a descriptive caption for this image in one or two sentences.",
    "wd14": "",
}
"""What a model is asked where nobody says otherwise."""

TASKS = {
    "<CAPTION>": "What does the image describe?",
    "<DETAILED_CAPTION>": "Describe in detail what is shown in the image.",
    "<MORE_DETAILED_CAPTION>": "Describe with a paragraph what is shown in the image.",
}
"""What Florence-2 was trained to read for each of its tasks that end in a caption."""

WEIGHTS, PIXELS, TOKENIZER = "model.safetensors", "preprocessor_config.json", "tokenizer.json"
TAGGER, TAGS = "model.onnx", "selected_tags.csv"


class Captioner(msgspec.Struct, frozen=True):
    """A folder with a model that describes photos; `bytes` is what its weights take on disk."""

    kind: CaptionerKind
    folder: Path
    bytes: int
    parameters: int = 0

    @property
    def title(self) -> str:
        return TITLES[self.kind]

    @property
    def prompt(self) -> str:
        """What it is asked where nobody says otherwise; '' where nothing has to be asked."""
        return PROMPTS[self.kind]


def inspect_captioner(folder: Path) -> Captioner:
    """Say which captioner lies in `folder`, without loading it.

    Raises:
        NotFound: there is no such folder.
        BadFile: something is missing or damaged.
        Refused: it holds code of its own, a pickle, or a model that Zen cannot run.
    """
    if not folder.is_dir():
        raise NotFound(
            f"There is no folder {shown(folder)}.", "Name the folder that holds the model's config.json."
        )
    if (folder / TAGGER).is_file() and (folder / TAGS).is_file():
        return Captioner("wd14", folder, (folder / TAGGER).stat().st_size)
    if not (folder / "config.json").is_file():
        raise BadFile(f"{shown(folder)} holds no model that describes photos: there is no config.json.", works())
    config = read_json(folder / "config.json")
    kind = _kind(folder, config)
    _no_code(folder, kind, config)
    for needed in (PIXELS, TOKENIZER):
        _require(folder, needed)
    files = _weights(folder)
    return Captioner(
        kind,
        folder,
        sum(file.stat().st_size for file in files),
        sum(read_header(file).parameters for file in files),
    )


def require_prompt(found: Captioner, prompt: str | None) -> None:
    """Raise `WrongUse` for a task of Florence-2's that does not end in a caption."""
    if found.kind == "florence2" and prompt and prompt.startswith("<") and prompt not in TASKS:
        raise WrongUse(f"{clean(prompt, 60)} is no task that gives a caption.", f"There are: {', '.join(TASKS)}.")


def works() -> str:
    """The captioners that can be used, as a sentence."""
    return f"Models that work: {', '.join(TITLES.values())}, each as the folder that transformers reads."


def pixel_settings(folder: Path) -> dict[str, Any]:
    """How photos are made ready for the model in `folder`: the settings of its image processor."""
    if (folder / PIXELS).is_file():
        return read_json(folder / PIXELS)
    found = read_json(folder / "processor_config.json").get("image_processor")
    return found if isinstance(found, dict) else {}


def _kind(folder: Path, config: dict[str, Any]) -> CaptionerKind:
    named = config.get("architectures")
    classes = [str(name) for name in named] if isinstance(named, list) else []
    found = next((CLASSES[name] for name in classes if name in CLASSES), None)
    if found is None:
        what = clean(classes[0] if classes else str(config.get("model_type", "of no known kind")), 60)
        raise Refused(f"The model in {shown(folder)} is {what}, which Zen cannot describe photos with.", works())
    return found


def _no_code(folder: Path, kind: CaptionerKind, config: dict[str, Any]) -> None:
    """Raise `Refused` for a folder whose model is code of its own."""
    settings = [config]
    for name in (PIXELS, "tokenizer_config.json"):
        if (folder / name).is_file():
            settings.append(read_json(folder / name))
    if not any("auto_map" in each for each in settings):
        return
    hint = "Get the same model in the form that transformers reads by itself, with model.safetensors."
    if kind == "florence2":
        hint = "Get a folder of florence-community, such as Florence-2-base: the same model without code."
    raise Refused(
        f"{shown(folder)} needs Python code of its own (auto_map in its settings), and Zen never runs code "
        "that lies in a model's folder.",
        hint,
    )


def _require(folder: Path, name: str) -> None:
    inside = folder / "processor_config.json"
    if (folder / name).is_file() or (name == PIXELS and inside.is_file() and pixel_settings(folder)):
        return
    what = {PIXELS: "how photos are made ready for it", TOKENIZER: "its tokenizer"}[name]
    raise BadFile(
        f"The model in {shown(folder)} is not whole: {name}, {what}, is missing.", "Get the folder again."
    )


def _weights(folder: Path) -> tuple[Path, ...]:
    index = folder / f"{WEIGHTS}.index.json"
    if index.is_file():
        return shards_of(index)
    if (folder / WEIGHTS).is_file():
        return (folder / WEIGHTS,)
    pickle = next((file.name for file in sorted(folder.iterdir()) if file.suffix.lower() in PICKLES), None)
    if pickle:
        raise Refused(
            f"The weights in {shown(folder)} are a pickle, {clean(pickle, 60)}.",
            f"{SAFETENSORS_ONLY} Get the folder's {WEIGHTS} instead.",
        )
    raise BadFile(f"The model in {shown(folder)} is not whole: {WEIGHTS} is missing.", "Get the folder again.")
