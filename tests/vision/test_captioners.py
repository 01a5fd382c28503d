"""Every kind of captioner, from its folder to a caption; and what is refused, with the reason."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from tests.feeds import KeptFeed
from tests.helpers import colourful
from tests.vision.conftest import Captioner
from zen_tui.exchange.captioners import inspect_captioner, require_prompt
from zen_tui.library import datasets
from zen_tui.library.database import Database
from zen_tui.library.errors import BadFile, NotFound, Refused, WrongUse, ZenError
from zen_tui.library.paths import Home
from zen_tui.library.photo_specs import CaptionSpec
from zen_tui.library.records import Dataset
from zen_tui.vision.caption_job import caption
from zen_tui.vision.captioner import TextDescriber, load_describer

CPU = torch.device("cpu")
QUICK = ("blip", "qwen2.5-vl")
KINDS = ("blip", "florence2", "qwen2.5-vl", "qwen3-vl", "llava", "joycaption")
each_kind = pytest.mark.parametrize(
    "kind", [pytest.param(kind, marks=[pytest.mark.slow][: kind not in QUICK]) for kind in KINDS]
)


@each_kind
def test_photos_get_captions_with_the_subject_in_them(
    kind: str, captioner: Captioner, mara: Dataset, db: Database, home: Home
) -> None:
    folder = captioner(kind)
    spec = CaptionSpec(dataset="mara", model=str(folder), prefix="{token}: ", length=6)
    result = caption(spec, KeptFeed(0), db, home)
    first, own, third = datasets.photos(db, mara.id)
    assert (result["captioned"], result["kept"], result["failed"]) == ([first.id, third.id], 1, [])
    assert own.caption == "ohwx woman by the sea"
    for photo in (first, third):
        assert photo.caption.startswith("ohwx: ")
        assert len(photo.caption) > len("ohwx: ")
        assert "<" not in photo.caption


@each_kind
def test_what_is_said_depends_on_the_photo_and_is_the_same_every_time(kind: str, captioner: Captioner) -> None:
    describer = load_describer(inspect_captioner(captioner(kind)), CPU)
    assert isinstance(describer, TextDescriber)
    photos = [colourful(160, 120, seed=1), colourful(160, 120, seed=2)]
    first, again, other = (describer.inputs(photo, "a photo of") for photo in (photos[0], photos[0], photos[1]))
    assert torch.equal(first["pixel_values"], again["pixel_values"])
    assert not torch.equal(first["pixel_values"], other["pixel_values"])
    seen = [describer.model(**_given(describer, each)).logits for each in (first, again, other)]
    assert torch.equal(seen[0], seen[1])
    assert not torch.allclose(seen[0], seen[2]), "the picture reaches the words"


def _given(describer: TextDescriber, inputs: dict[str, Any]) -> dict[str, Any]:
    if describer.found.kind == "florence2":
        return {**inputs, "decoder_input_ids": torch.tensor([[2, 5]])}
    return inputs


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["blip", "florence2", "llava"])
def test_the_question_is_laid_out_as_the_library_does(kind: str, captioner: Captioner) -> None:
    import transformers

    describer = load_describer(inspect_captioner(captioner(kind)), CPU)
    assert isinstance(describer, TextDescriber)
    photo = colourful(160, 120, seed=1)
    ours = describer.inputs(photo, "<CAPTION>" if kind == "florence2" else "the bench")
    words = describer.tokenizer
    if kind == "blip":
        theirs = transformers.BlipProcessor(describer.pixels, words)(photo, "the bench", return_tensors="pt")
        assert ours["input_ids"][0, 1:-1].tolist() == theirs["input_ids"][0].tolist(), "but for its ends"
    elif kind == "florence2":
        words.image_token, words.image_token_id = "<image>", 4
        describer.pixels.image_seq_length = int((ours["input_ids"] == 4).sum())
        theirs = transformers.Florence2Processor(describer.pixels, words)(
            images=photo, text="<CAPTION>", return_tensors="pt"
        )
        assert ours["input_ids"].tolist() == theirs["input_ids"].tolist()
    else:
        processor = transformers.LlavaProcessor(
            describer.pixels, words, patch_size=14, vision_feature_select_strategy="full"
        )
        text = "<s>USER: <image>\nthe bench ASSISTANT:"
        theirs = processor(images=photo, text=text, add_special_tokens=False, return_tensors="pt")
        assert ours["input_ids"].tolist() == theirs["input_ids"].tolist()
    assert torch.equal(ours["pixel_values"], theirs["pixel_values"])


@pytest.mark.parametrize("kind", ["qwen2.5-vl"])
def test_a_photo_has_as_many_places_as_it_has_patches(kind: str, captioner: Captioner) -> None:
    describer = load_describer(inspect_captioner(captioner(kind)), CPU)
    assert isinstance(describer, TextDescriber)
    given = describer.inputs(colourful(140, 84, seed=1), "why")
    assert given["image_grid_thw"].tolist() == [[1, 6, 10]]
    assert given["pixel_values"].shape == (60, 3 * 2 * 14 * 14)
    places = given["mm_token_type_ids"][0] == 1
    assert int(places.sum()) == 60 // 4
    ids = given["input_ids"][0].tolist()
    at = ids.index(4)
    assert describer.tokenizer.convert_ids_to_tokens([ids[at - 1], ids[at + 15]]) == [
        "<|vision_start|>",
        "<|vision_end|>",
    ]


@pytest.mark.slow
def test_joycaption_is_talked_to_as_its_template_says(captioner: Captioner) -> None:
    describer = load_describer(inspect_captioner(captioner("joycaption")), CPU)
    assert isinstance(describer, TextDescriber)
    given = describer.inputs(colourful(160, 120, seed=1), "Say it.")
    text = describer.tokenizer.decode(given["input_ids"][0])
    assert text.count("<image>") == 4
    assert "a helpful image captioner" in text
    assert text.endswith("assistant:")


# What is refused


def _config(folder: Path, **changed: Any) -> None:
    path = folder / "config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **changed}))


def _florence_with_code(folder: Path) -> None:
    _config(
        folder,
        architectures=["Florence2ForConditionalGeneration"],
        auto_map={"AutoModelForCausalLM": "modeling_florence2.Florence2ForConditionalGeneration"},
    )
    (folder / "modeling_florence2.py").write_text("raise SystemExit('this code was run')")


def _code_in_tokenizer(folder: Path) -> None:
    (folder / "tokenizer_config.json").write_text(
        json.dumps({"auto_map": {"AutoTokenizer": ["own.Tokenizer", None]}})
    )


def _pickle(folder: Path) -> None:
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")


def _without(name: str) -> Callable[[Path], None]:
    return lambda folder: (folder / name).unlink()


def _cut_off(folder: Path) -> None:
    path = folder / "model.safetensors"
    path.write_bytes(path.read_bytes()[:-100])


def _other_size(folder: Path) -> None:
    path = folder / "config.json"
    settings = json.loads(path.read_text())
    settings["text_config"]["hidden_size"] = 32
    path.write_text(json.dumps(settings))


def _fewer_tensors(folder: Path) -> None:
    from safetensors.torch import load_file, save_file

    tensors = load_file(folder / "model.safetensors")
    del tensors["vision_model.embeddings.class_embedding"]
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})


@pytest.mark.parametrize(
    ("spoil", "error", "says"),
    [
        (
            _florence_with_code,
            Refused,
            "never runs code that lies in a model's folder. Get a folder of florence-comm",
        ),
        (_code_in_tokenizer, Refused, "needs Python code of its own"),
        (_pickle, Refused, "are a pickle, pytorch_model.bin. Zen loads safetensors only"),
        (
            lambda folder: _config(folder, architectures=["MoondreamForCausalLM"]),
            Refused,
            "is MoondreamForCausalLM",
        ),
        (lambda folder: (folder / "config.json").write_text("{"), BadFile, "config.json is damaged"),
        (_without("config.json"), BadFile, "there is no config.json"),
        (_without("tokenizer.json"), BadFile, "tokenizer.json, its tokenizer, is missing"),
        (_without("preprocessor_config.json"), BadFile, "preprocessor_config.json, how photos are made ready"),
        (_without("model.safetensors"), BadFile, "model.safetensors is missing"),
        (_cut_off, BadFile, "it is cut off; the end is missing"),
        (shutil.rmtree, NotFound, "There is no folder"),
    ],
)
def test_a_folder_that_cannot_be_used_is_told_without_loading_it(
    spoil: Callable[[Path], None], error: type[ZenError], says: str, captioner: Captioner, tmp_path: Path
) -> None:
    folder = Path(shutil.copytree(captioner("blip"), tmp_path / "blip"))
    spoil(folder)
    with pytest.raises(error) as caught:
        inspect_captioner(folder)
    assert says in str(caught.value)


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (lambda folder: (folder / "tokenizer.json").write_text("{"), "The tokenizer tokenizer.json in"),
        (_other_size, "cannot be loaded"),
        (_fewer_tensors, "is not whole: 1 of its tensors are missing, as vision_model.embeddings.class_embedding"),
    ],
)
def test_a_model_that_is_not_whole_is_a_sentence(
    spoil: Callable[[Path], None], says: str, captioner: Captioner, tmp_path: Path
) -> None:
    folder = Path(shutil.copytree(captioner("blip"), tmp_path / "blip"))
    spoil(folder)
    with pytest.raises(BadFile) as caught:
        load_describer(inspect_captioner(folder), CPU)
    assert says in str(caught.value)


def test_a_task_that_gives_no_caption_is_refused(captioner: Captioner, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(captioner("blip"), tmp_path / "florence"))
    _config(folder, architectures=["Florence2ForConditionalGeneration"])
    found = inspect_captioner(folder)
    assert found.kind == "florence2"
    require_prompt(found, "<CAPTION>")
    with pytest.raises(WrongUse, match="<OD> is no task that gives a caption"):
        require_prompt(found, "<OD>")


def test_the_folder_with_sharded_weights_is_read(captioner: Captioner, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(captioner("blip"), tmp_path / "blip"))
    whole = inspect_captioner(folder)
    (folder / "model.safetensors").rename(folder / "model-00001-of-00001.safetensors")
    index = {"weight_map": {"any": "model-00001-of-00001.safetensors"}}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))
    assert inspect_captioner(folder).parameters == whole.parameters
    (folder / "model-00001-of-00001.safetensors").unlink()
    with pytest.raises(BadFile, match="is not whole: model-00001-of-00001"):
        inspect_captioner(folder)
