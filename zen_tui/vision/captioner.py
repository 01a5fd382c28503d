"""What every captioner does: load from a folder, look at one photo, say one line.

Prompts are put together as token numbers, with as many places for the picture as the model gives features, so that
no processor of the library is needed: theirs want torchvision, and a photo is a photo.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from pathlib import Path
from typing import Any

import torch
from PIL import Image
from safetensors import SafetensorError
from torch import Tensor

from zen_tui.exchange.captioners import TOKENIZER, Captioner, pixel_settings
from zen_tui.library.errors import BadFile
from zen_tui.library.text import clean, shown
from zen_tui.vision.device import best_device, number_format, too_large

LARGEST = 1024  # pixels of a photo's longer side; no captioner sees more


class Describer(ABC):
    """Says in words what a photo shows. `device` is where it computes."""

    def __init__(self, found: Captioner, device: torch.device) -> None:
        self.found = found
        self.device = device

    @abstractmethod
    def describe(self, photo: Image.Image, prompt: str, length: int) -> tuple[str, bool]:
        """What the model says of `photo` (RGB, upright) in at most `length` tokens, and whether it came to an end.

        Raises:
            BadFile: the model and its tables do not belong together.
        """


class TextDescriber(Describer):
    """A describer that writes its words one token after another."""

    model_class: str
    pixels_class: str
    says_question = False  # whether the question is the beginning of the caption

    def __init__(self, found: Captioner, device: torch.device) -> None:
        super().__init__(found, device)
        self.dtype = number_format(device, found.parameters)
        self.tokenizer = load_tokenizer(found.folder)
        self.pixels = load_pixels(found.folder, self.pixels_class)
        self.model = load_model(found.folder, self.model_class, self.dtype).to(device)

    @abstractmethod
    def inputs(self, photo: Image.Image, prompt: str) -> dict[str, Tensor]:
        """What the model is given: `input_ids` (1, n), `pixel_values` and whatever else it takes."""

    def options(self) -> dict[str, Any]:
        """How words are chosen; the likeliest ones, so that the same photo gets the same caption."""
        return {"do_sample": False, "num_beams": 1, "temperature": None, "top_p": None, "top_k": None}

    @torch.inference_mode()
    def describe(self, photo: Image.Image, prompt: str, length: int) -> tuple[str, bool]:
        given = {name: self._placed(tensor) for name, tensor in self.inputs(photo, prompt).items()}
        written = self.model.generate(**given, max_new_tokens=length, **self.options())[0]
        new = written[self.given_back(given["input_ids"].shape[1]) :]
        words = self.tokenizer.decode(written if self.says_question else new, skip_special_tokens=True)
        return str(words).strip(), len(new) < length

    def given_back(self, asked: int) -> int:
        """How many of the tokens that come back the model did not write; `asked` is how many it was given."""
        return 1 if self.model.config.is_encoder_decoder else asked

    def tokens(self, text: str) -> list[int]:
        """`text` as numbers, with the special words in it but none added."""
        return list(self.tokenizer.encode(text, add_special_tokens=False))

    def _placed(self, tensor: Tensor) -> Tensor:
        return tensor.to(self.device, self.dtype if tensor.is_floating_point() else tensor.dtype)


def row(ids: list[int]) -> dict[str, Tensor]:
    """Token numbers as a batch of one, all of which are read."""
    found = torch.tensor([ids])
    return {"input_ids": found, "attention_mask": torch.ones_like(found)}


def load_model(folder: Path, name: str, dtype: torch.dtype) -> Any:
    """The `transformers` model of that name from `folder`, whole, on the CPU.

    Raises:
        BadFile: its weights are damaged, or do not belong to its settings.
    """
    import transformers

    transformers.utils.logging.set_verbosity_error()
    transformers.utils.logging.disable_progress_bar()
    try:
        model, told = getattr(transformers, name).from_pretrained(
            str(folder), dtype=dtype, local_files_only=True, use_safetensors=True, output_loading_info=True
        )
    except (OSError, ValueError, RuntimeError, KeyError, TypeError, AttributeError, SafetensorError) as error:
        raise BadFile(
            f"The model in {shown(folder)} cannot be loaded: {_first_line(error)}.", "Get the folder again."
        ) from error
    missing = sorted(name for name, _ in model.named_parameters() if name in told["missing_keys"])
    if missing:
        raise BadFile(
            f"The model in {shown(folder)} is not whole: {len(missing)} of its tensors are missing, "
            f"as {clean(missing[0], 80)}.",
            "Get the folder again.",
        )
    return model.requires_grad_(False).eval()


def load_tokenizer(folder: Path) -> Any:
    """The tokenizer of `folder`, from its `tokenizer.json` alone. Raises `BadFile`."""
    from transformers import PreTrainedTokenizerFast

    try:
        return PreTrainedTokenizerFast.from_pretrained(str(folder), local_files_only=True)
    except Exception as error:  # the library of tokenizers raises plain `Exception`
        raise BadFile(
            f"The tokenizer {TOKENIZER} in {shown(folder)} cannot be loaded: {_first_line(error)}.",
            "Get the folder again.",
        ) from error


def load_pixels(folder: Path, name: str) -> Any:
    """What makes photos ready for the model of `folder`, a `…Pil` class of transformers. Raises `BadFile`."""
    import transformers

    settings = pixel_settings(folder)
    try:
        return getattr(transformers, name).from_dict(settings)
    except (TypeError, ValueError, KeyError, AttributeError) as error:
        raise BadFile(
            f"The settings for photos in {shown(folder)} are damaged: {_first_line(error)}.",
            "Get the folder again.",
        ) from error


def load_describer(found: Captioner, device: torch.device | None = None) -> Describer:
    """The describer of `found`, ready to look; on the best device there is unless one is given.

    Raises:
        BadFile: its files are damaged or do not belong together.
        Refused: what it needs is not installed.
        ZenError: it does not fit on the card.
    """
    from zen_tui.vision.captioners import DESCRIBERS
    from zen_tui.vision.tagger import Tagger

    place = device or best_device()
    try:
        return Tagger(found, place) if found.kind == "wd14" else DESCRIBERS[found.kind](found, place)
    except torch.OutOfMemoryError:
        raise too_large(found.title) from None


def _first_line(error: BaseException) -> str:
    return clean(str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__, 200).rstrip(
        "."
    )
