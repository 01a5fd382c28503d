"""The captioners that write sentences: BLIP, Florence-2, Qwen-VL, and LLaVA with its child JoyCaption.

The prompt of each is laid out as its own paper or model card has it.
"""

from __future__ import annotations

from typing import Any

import torch
from PIL import Image
from torch import Tensor

from zen_tui.exchange.captioners import TASKS, Captioner, CaptionerKind, pixel_settings
from zen_tui.exchange.diffusers_folder import read_json
from zen_tui.library.errors import BadFile
from zen_tui.library.text import clean
from zen_tui.vision.captioner import TextDescriber, row


class Blip(TextDescriber):
    """BLIP: goes on with the beginning that it is given, such as 'a photo of'; with none it begins itself."""

    model_class = "BlipForConditionalGeneration"
    pixels_class = "BlipImageProcessorPil"
    says_question = True

    def inputs(self, photo: Image.Image, prompt: str) -> dict[str, Tensor]:
        text = self.model.config.text_config
        seen = self.pixels(photo, return_tensors="pt")["pixel_values"]
        return {**row([text.bos_token_id, *self.tokens(prompt), text.sep_token_id]), "pixel_values": seen}

    def given_back(self, asked: int) -> int:
        return asked - 1  # the end that the library's own processor adds is taken off again


class Florence2(TextDescriber):
    """Florence-2: a task such as <MORE_DETAILED_CAPTION>, three beams."""

    model_class = "Florence2ForConditionalGeneration"
    pixels_class = "CLIPImageProcessorPil"

    def options(self) -> dict[str, Any]:
        return {**super().options(), "num_beams": 3}

    def inputs(self, photo: Image.Image, prompt: str) -> dict[str, Tensor]:
        config = self.model.config
        seen = self.pixels(photo, return_tensors="pt")["pixel_values"]
        places = _places(self, seen)
        text = config.text_config
        asked = self.tokens(TASKS.get(prompt, prompt))
        ids = [*[config.image_token_id] * places, text.bos_token_id, *asked, text.eos_token_id]
        return {**row(ids), "pixel_values": seen}


class QwenVL(TextDescriber):
    """Qwen2.5-VL: a conversation in ChatML with the photo before the question."""

    model_class = "Qwen2_5_VLForConditionalGeneration"
    pixels_class = "Qwen2VLImageProcessorPil"
    before = "<|im_start|>system\nYou are a helpful assistant.<|im_end|>\n<|im_start|>user\n<|vision_start|>"

    def inputs(self, photo: Image.Image, prompt: str) -> dict[str, Tensor]:
        place = self.model.config.image_token_id
        seen = self.pixels(photo, return_tensors="pt")
        grid = seen["image_grid_thw"]  # (1, 3): frames, patches down, patches across
        places = int(grid.prod()) // self.pixels.merge_size**2
        after = f"<|vision_end|>{prompt}<|im_end|>\n<|im_start|>assistant\n"
        given = row([*self.tokens(self.before), *[place] * places, *self.tokens(after)])
        kinds = (given["input_ids"] == place).int()  # 1 where the picture is
        return {**given, "mm_token_type_ids": kinds, "pixel_values": seen["pixel_values"], "image_grid_thw": grid}


class Qwen3VL(QwenVL):
    """Qwen3-VL: as Qwen2.5-VL, with nothing said before the conversation."""

    model_class = "Qwen3VLForConditionalGeneration"
    before = "<|im_start|>user\n<|vision_start|>"


class Llava(TextDescriber):
    """LLaVA and JoyCaption: any image tower before any language model, talked to as the folder's template says."""

    model_class = "LlavaForConditionalGeneration"
    pixels_class = ""
    system = "You are a helpful image captioner."  # what JoyCaption was trained with

    def __init__(self, found: Captioner, device: torch.device) -> None:
        self.pixels_class = _pixels_class(pixel_settings(found.folder))
        super().__init__(found, device)
        template = found.folder / "chat_template.json"
        if not self.tokenizer.chat_template and template.is_file():
            self.tokenizer.chat_template = read_json(template).get("chat_template")

    def inputs(self, photo: Image.Image, prompt: str) -> dict[str, Tensor]:
        place = self.model.config.image_token_id
        seen = self.pixels(photo, return_tensors="pt")["pixel_values"]
        places = _places(self, seen)
        ids: list[int] = []
        for token in self.tokens(self._conversation(prompt, str(self.tokenizer.convert_ids_to_tokens(place)))):
            ids += [place] * places if token == place else [token]
        return {**row(ids), "pixel_values": seen}

    def _conversation(self, prompt: str, place: str) -> str:
        """The prompt as the folder's chat template lays it out, with one `place` for the photo."""
        asked = {"role": "user", "content": prompt}
        in_parts = {"role": "user", "content": [{"type": "image"}, {"type": "text", "text": prompt}]}
        if self.tokenizer.chat_template:
            for talk in ([{"role": "system", "content": self.system}, asked], [in_parts]):  # JoyCaption, LLaVA
                said = self._laid_out(talk)
                if said.count(place) == 1 and prompt in said:
                    return said
        return f"{self.tokenizer.bos_token or ''}USER: {place}\n{prompt} ASSISTANT:"

    def _laid_out(self, talk: list[dict[str, Any]]) -> str:
        try:
            return str(self.tokenizer.apply_chat_template(talk, tokenize=False, add_generation_prompt=True))
        except Exception:  # a template that expects the other form fails in any way
            return ""


DESCRIBERS: dict[CaptionerKind, type[TextDescriber]] = {
    "blip": Blip,
    "florence2": Florence2,
    "qwen2.5-vl": QwenVL,
    "qwen3-vl": Qwen3VL,
    "llava": Llava,
}


def _places(describer: TextDescriber, seen: Tensor) -> int:
    """How many tokens stand for a photo of this size."""
    with torch.inference_mode():
        found = describer.model.model.get_image_features(seen.to(describer.device, describer.dtype)).pooler_output
    return int(found[0].shape[0])


def _pixels_class(settings: dict[str, Any]) -> str:
    """The image processor that a LLaVA's settings name: CLIP's, SigLIP's or its own."""
    named = str(settings.get("image_processor_type", "")).removesuffix("Fast").removesuffix("Pil")
    known = ("CLIPImageProcessor", "SiglipImageProcessor", "LlavaImageProcessor")
    if named not in known:
        raise BadFile(
            f"The settings for photos name {clean(named, 60) or 'no image processor'}.",
            f"One of: {', '.join(known)}.",
        )
    return f"{named}Pil"
