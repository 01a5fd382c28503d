"""Embeddings in use: the pictures are those of diffusers, and nothing of them stays behind."""

from __future__ import annotations

import shutil
from pathlib import Path

import msgspec
import numpy as np
import pytest
import torch
from PIL import Image
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor

from tests.families.conftest import answer, open_family, write_lora
from tests.families.pictures import TOLERANCE, pipeline, theirs, wish
from tests.tiny import TinyFolder
from zen_tui.exchange.adapters import TRIGGER
from zen_tui.families.base import Family
from zen_tui.generation.engine import Engine
from zen_tui.library.errors import BadFile, WrongUse
from zen_tui.library.specs import TrainSettings
from zen_tui.training.beginning import Example
from zen_tui.training.material import gather

PROMPT = "a photo of a toy cat"
SUBS = {"emb_params": "text_encoder", "clip_l": "text_encoder", "clip_g": "text_encoder_2"}


def write_embedding(path: Path, keys: dict[str, int], count: int = 3, word: str = "toy", seed: int = 0) -> Path:
    """An embedding with `count` random vectors for each key, as wide as is said."""
    generator = torch.Generator().manual_seed(seed)
    vectors = {key: torch.randn(count, width, generator=generator) for key, width in keys.items()}
    save_file(vectors, path, metadata={TRIGGER: word} if word else None)
    return path


@pytest.fixture
def second(tiny_folder: TinyFolder) -> Family:
    """The tiny Stable Diffusion 2, whose text is as wide as that of the large one."""
    return open_family(tiny_folder("sd15", "2"), "sd15", "2")


@pytest.fixture
def toy(tmp_path: Path) -> Path:
    return write_embedding(tmp_path / "toy.safetensors", {"emb_params": 1024})


def read(family: Family, prompt: str = PROMPT) -> Tensor:
    return family.encode([prompt]).tensors["text"]


@pytest.mark.parametrize(
    ("name", "variant", "keys"),
    [("sd15", "2", {"emb_params": 1024}), ("sdxl", "", {"clip_l": 16, "clip_g": 16})],
    ids=["sd2", "sdxl"],
)
def test_pictures_are_the_librarys(
    tiny_folder: TinyFolder, tmp_path: Path, name: str, variant: str, keys: dict[str, int]
) -> None:
    folder = tiny_folder(name, variant)
    family = open_family(folder, name, variant)
    request = msgspec.structs.replace(wish(family, "a dog"), prompt=PROMPT)
    plain = np.asarray(dict(Engine(family).draw([request]))[0], np.float32)
    path = write_embedding(tmp_path / "toy.safetensors", keys)
    assert family.attach(path, "toy") == 3 * len(keys)
    family.set_adapters([("toy", 1.0)])
    ours, again = (np.asarray(dict(Engine(family).draw([request]))[0], np.float32) for _ in range(2))
    assert np.array_equal(ours, again)
    assert np.abs(ours - plain).max() > 8

    pipe = pipeline(folder, family)
    generator = torch.Generator().manual_seed(0)
    for key, width in keys.items():
        pipe.load_textual_inversion(
            {"toy": torch.randn(3, width, generator=generator)},
            token="toy",
            text_encoder=getattr(pipe, SUBS[key]),
            tokenizer=getattr(pipe, SUBS[key].replace("text_encoder", "tokenizer")),
        )
    assert np.abs(ours - theirs(pipe, family, request)).max() <= TOLERANCE


def test_it_acts_at_its_weight_and_leaves_without_a_trace(second: Family, toy: Path) -> None:
    tokenizer, table = second.tokenizers[0], second.encoders()[0].get_input_embeddings()
    plain, without = read(second), read(second, "a dog")
    assert second.attach(toy, "toy") == 3
    assert torch.equal(read(second), plain)  # attached is not yet active
    seen = []
    for weight in (1.0, 0.5):
        second.set_adapters([("toy", weight)])
        seen.append(read(second))
        assert torch.equal(read(second, "a dog"), without)
    assert not any(torch.equal(a, b) for a, b in ((seen[0], plain), (seen[1], plain), (seen[0], seen[1])))
    second.set_adapters([("toy", 1.0)])
    second.release("text")
    assert torch.equal(read(second), seen[0])
    second.set_adapters([("toy", 0.0)])
    assert torch.equal(read(second), plain)
    second.set_adapters([("toy", 1.0)])
    second.detach()
    assert torch.equal(read(second), plain)
    assert second.tokenizers[0] is tokenizer
    second.release("text")
    assert type(second.encoders()[0].get_input_embeddings()) is type(table)


def test_the_weight_multiplies_the_vectors(second: Family, toy: Path, tmp_path: Path) -> None:
    vectors = torch.randn(3, 1024, generator=torch.Generator().manual_seed(0))
    save_file({"<half>": vectors * 0.5}, tmp_path / "half.safetensors")
    second.attach(toy, "toy")
    second.attach(tmp_path / "half.safetensors", "half")
    second.set_adapters([("toy", 0.5), ("half", 1.0)])
    assert torch.equal(read(second, "a toy"), read(second, "a <half>"))


def test_the_word_is_read_as_a_whole_word_in_any_case(second: Family, toy: Path) -> None:
    plain = read(second, "toys, attoy")
    second.attach(toy, "toy")
    second.set_adapters([("toy", 1.0)])
    assert torch.equal(read(second, "a photo of a TOY cat"), read(second))
    assert torch.equal(read(second, "toys, attoy"), plain)


def test_a_file_that_names_no_word_gives_its_own_name(second: Family, tmp_path: Path) -> None:
    named = write_embedding(tmp_path / "toy.safetensors", {"emb_params": 1024})
    unnamed = write_embedding(tmp_path / "old cat.safetensors", {"emb_params": 1024}, word="")
    second.attach(named, "toy")
    second.attach(unnamed, "cat")
    second.set_adapters([("toy", 1.0), ("cat", 1.0)])
    assert torch.equal(read(second, "the old cat!"), read(second, "the toy!"))
    other = write_embedding(tmp_path / "other.safetensors", {"emb_params": 1024}, word="Toy", seed=1)
    second.attach(other, "other")
    with pytest.raises(WrongUse, match="Two embeddings share the word “toy”"):
        second.set_adapters([("toy", 1.0), ("other", 1.0)])


def test_what_a_long_prompt_loses_counts_the_vectors(second: Family, toy: Path) -> None:
    kept = "b" * (second.token_limit - second.overhead - 2)
    assert second.cut_text(f"{kept} c d") == ""
    second.attach(toy, "toy")
    second.set_adapters([("toy", 1.0)])
    assert second.cut_text("toy and more") == ""
    assert second.cut_text(f"toy {kept} c d") == "b c d"
    assert second.cut_text(f"{kept} Toy c") == "toy c"


def test_the_pooled_text_is_taken_at_the_end(tiny_folder: TinyFolder, tmp_path: Path) -> None:
    """As CLIP with the settings of 2022, which take the greatest id for the end; that of a new word is greater."""
    folder = tiny_folder("sdxl", "")
    old = Path(shutil.copytree(folder, tmp_path / "old"))
    file = old / "text_encoder_2" / "config.json"
    settings = msgspec.json.decode(file.read_bytes())
    assert settings["eos_token_id"] == 513
    file.write_bytes(msgspec.json.encode({**settings, "eos_token_id": 2}))
    path = write_embedding(tmp_path / "toy.safetensors", {"clip_l": 16, "clip_g": 16})
    pooled = []
    for base in (folder, old):
        family = open_family(base, "sdxl")
        family.attach(path, "toy")
        family.set_adapters([("toy", 1.0)])
        pooled.append(family.encode([PROMPT]).tensors["pooled"])
    assert torch.equal(*pooled)


def test_what_was_encoded_before_is_not_taken_for_it(second: Family, toy: Path) -> None:
    request = msgspec.structs.replace(wish(second), prompt=PROMPT)
    engine = Engine(second)

    def drawn() -> bytes:
        return dict(engine.draw([request]))[0].tobytes()

    plain = drawn()
    second.attach(toy, "toy")
    second.set_adapters([("toy", 1.0)])
    with_it = drawn()
    second.set_adapters([("toy", 0.7)])
    weaker = drawn()
    second.set_adapters([])
    assert drawn() == plain
    assert len({plain, with_it, weaker}) == 3


def test_captions_in_the_cache_are_not_taken_for_it(second: Family, toy: Path, tmp_path: Path) -> None:
    Image.new("RGB", (64, 64), "red").save(tmp_path / "photo.png")
    example = Example(
        path=str(tmp_path / "photo.png"), hash="0", width=64, height=64, caption=PROMPT, plain_caption="a cat",
        crop=None, repeats=1, held_out=False,
    )  # fmt: skip
    cache = tmp_path / "cache"
    cache.mkdir()

    def captions() -> Tensor:
        found = gather(second, [example], TrainSettings(resolution=64), cache, lambda what, done, total: None)
        return found.captions.tensors["text"][found.wording(0)]

    plain = captions()
    second.attach(toy, "toy")
    second.set_adapters([("toy", 1.0)])
    assert not torch.equal(captions(), plain)
    second.detach()
    assert torch.equal(captions(), plain)


def test_it_acts_together_with_a_lora(second: Family, toy: Path, tmp_path: Path) -> None:
    lora = write_lora(second, tmp_path / "lora.safetensors", "attn")
    second.attach(lora, "lora")
    second.attach(toy, "toy")
    seen = []
    for use in ([], [("lora", 0.1)], [("toy", 1.0)], [("lora", 0.1), ("toy", 1.0)]):
        second.set_adapters(use)
        seen.append(answer(second, (PROMPT,)))
    assert all(not torch.equal(seen[a], seen[b]) for a in range(4) for b in range(a))


def test_a_word_in_a_lora_acts_as_the_two_apart(second: Family, toy: Path, tmp_path: Path) -> None:
    lora = write_lora(second, tmp_path / "lora.safetensors", "attn")
    with safe_open(lora, "pt") as file:
        header = file.metadata()
    word = {"bundle_emb.toy.clip_l": load_file(toy)["emb_params"]}
    save_file({**load_file(lora), **word}, tmp_path / "both.safetensors", metadata=header)
    for name in ("lora", "toy", "both"):
        second.attach(tmp_path / f"{name}.safetensors", name)

    def drawn(*use: tuple[str, float]) -> Tensor:
        second.set_adapters(use)
        return answer(second, (PROMPT,))

    for weight in (1.0, 0.1):
        assert torch.equal(drawn(("both", weight)), drawn(("lora", weight), ("toy", 1.0)))
        assert not torch.equal(drawn(("both", weight)), drawn(("lora", weight)))
    assert torch.equal(drawn(("both", 0.0)), drawn())
    with pytest.raises(WrongUse, match="Two embeddings share the word “toy”"):
        second.set_adapters([("both", 0.1), ("toy", 1.0)])
    save_file({**load_file(lora), "bundle_emb.toy.clip_l": torch.ones(1, 768)}, tmp_path / "wide.safetensors")
    with pytest.raises(BadFile, match=r"wide\.safetensors was made for another base: its vectors have 768"):
        second.attach(tmp_path / "wide.safetensors", "wide")


def test_what_does_not_fit_is_refused_by_name(family: Family, second: Family, tmp_path: Path) -> None:
    wide = write_embedding(tmp_path / "wide.safetensors", {"emb_params": 768})
    with pytest.raises(BadFile, match=r"wide\.safetensors was made for another base: .* 768 .* text_encoder"):
        family.attach(wide, "wide")
    double = write_embedding(tmp_path / "double.safetensors", {"clip_l": 1024, "clip_g": 1280})
    with pytest.raises(BadFile, match=r"double\.safetensors .* text_encoder_2 of this one does not exist"):
        second.attach(double, "double")
    save_file({"emb_params": torch.full((1, 1024), float("nan"))}, tmp_path / "nan.safetensors")
    with pytest.raises(BadFile, match=r"nan\.safetensors holds numbers that are not finite, in emb_params"):
        second.attach(tmp_path / "nan.safetensors", "nan")
    plain = read(second)
    second.set_adapters([("wide", 1.0), ("double", 1.0)])
    assert torch.equal(read(second), plain)
