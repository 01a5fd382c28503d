"""`zen adapters`: a LoRA goes out, comes back, is held against bases; every refusal is a sentence."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from tests.cli.conftest import Zen
from tests.tiny import save_tiny_base

LAYER = "down_blocks.1.attentions.0.transformer_blocks.0.attn1.to_q"


@pytest.fixture
def lora(tmp_path: Path) -> Path:
    """A LoRA of two layers as other trainers write them, with much in its header."""
    numbers = np.random.default_rng(0)
    tensors = {}
    for name in ("attn1_to_q", "attn1_to_v"):
        stem = f"lora_unet_down_blocks_1_attentions_0_transformer_blocks_0_{name}"
        tensors[f"{stem}.lora_down.weight"] = numbers.standard_normal((2, 32)).astype("f4")
        tensors[f"{stem}.lora_up.weight"] = numbers.standard_normal((32, 2)).astype("f4")
        tensors[f"{stem}.alpha"] = np.array(1.0, "f4")
    header = {
        "modelspec.trigger_phrase": "ohwx woman",
        "ss_dataset_dirs": '{"10_mara smith": {}}',
        "ss_seed": "42",
    }
    save_file(tensors, tmp_path / "mara.safetensors", metadata=header)
    return tmp_path / "mara.safetensors"


def test_an_export_is_proven_and_says_what_it_left_out(zen: Zen, lora: Path, tmp_path: Path) -> None:
    zen("adapters", "import", lora)
    out = tmp_path / "out.safetensors"
    words = ("--format", "kohya", "--keep", "ss_seed", "--out", out)
    answer = zen("adapters", "export", "mara", *words, "--json")
    assert answer.code == 0, answer.err
    document = answer.json()
    assert document["header"]["dropped"] == ["ss_dataset_dirs"]
    assert document["header"]["kept"]["ss_seed"] == "42"
    assert document["header"]["kept"]["ss_network_alpha"] == "1"
    assert document["check"]["layers"] == 2
    assert document["check"]["relative"] < 1e-6
    assert document["job"] is None  # no base is known for it
    mine, theirs = load_file(lora), load_file(out)
    assert mine.keys() == theirs.keys()
    assert all(np.array_equal(mine[key], theirs[key]) for key in mine)
    assert b"smith" not in out.read_bytes()

    again = zen(
        "adapters", "export", "mara", "--format", "comfyui", "--out", tmp_path / "no.safetensors", "--json"
    )
    assert again.code == 2
    assert again.json()["error"]["kind"] == "wrong_use"
    assert "--format kohya" in again.err
    assert not (tmp_path / "no.safetensors").exists()


def test_verify_says_which_base_takes_how_much(zen: Zen, lora: Path, tmp_path: Path) -> None:
    zen("bases", "add", save_tiny_base(tmp_path / "tiny"))
    whole = zen("adapters", "verify", lora, "--base", "tiny", "--json")
    assert whole.code == 0, whole.err
    document = whole.json()
    assert document["facts"]["parts"] == {"unet": 2}
    (base,) = document["bases"]
    assert (base["ok"], base["applies"], base["total"]) == (True, 2, 2)
    assert base["parts"][0]["part"] == "unet"
    assert base["parts"][0]["fit"] == 2

    tensors = load_file(lora)
    part = {key.replace("attn1_to_v", "attn7_to_v"): value for key, value in tensors.items()}
    save_file(part, tmp_path / "part.safetensors")
    partly = zen("adapters", "verify", tmp_path / "part.safetensors", "--base", "tiny")
    assert partly.code == 1
    assert "Only 1 of 2 layers of part.safetensors fit tiny: lora_unet_down_blocks_1" in partly.out
    none = {key: np.zeros((value.shape[0], 7), "f4") if "down" in key.split(".")[1] else value
            for key, value in tensors.items()}  # fmt: skip
    save_file(none, tmp_path / "none.safetensors")
    nothing = zen("adapters", "verify", tmp_path / "none.safetensors", "--base", "tiny")
    assert nothing.code == 1
    assert "was made for another base than tiny" in nothing.out


def test_hostile_files_get_a_sentence(zen: Zen, lora: Path, tmp_path: Path) -> None:
    tensors = load_file(lora)
    data = lora.read_bytes()
    first = next(key for key in tensors if "up" in key)
    save_file({**tensors, first: tensors[first] * np.nan}, tmp_path / "nan.safetensors")
    save_file({**tensors, "\x1b[2J": tensors[first]}, tmp_path / "keys.safetensors")
    (tmp_path / "cut.safetensors").write_bytes(data[:-8])
    (tmp_path / "bomb.safetensors").write_bytes((200_000_000).to_bytes(8, "little") + data)
    (tmp_path / "lora.bin").write_bytes(b"\x80\x04.")
    for name, sentence in {
        "nan.safetensors": "holds numbers that are not finite, in lora_unet",
        "keys.safetensors": "a name with strange characters",
        "cut.safetensors": "it is cut off",
        "bomb.safetensors": "larger than any model needs",
        "lora.bin": "is a pickle",
        "absent.safetensors": "There is no adapter called",
    }.items():
        for command in ("verify", "import"):
            answer = zen("adapters", command, tmp_path / name)
            assert answer.code in (1, 3), (name, command)
            assert sentence in answer.err or (command == "import" and "absent" in name), (name, answer.err)
            assert "Traceback" not in answer.err + answer.out
            assert "\x1b" not in answer.err + answer.out


def test_weights_of_a_merge_are_read_with_care(zen: Zen) -> None:
    for words, sentence in (
        (("mara:much", "ink"), "much is no weight for mara"),
        (("mara",), "One adapter alone is not a merge"),
    ):
        answer = zen("adapters", "merge", *words, "--name", "both")
        assert answer.code == 2
        assert sentence in answer.err


def test_the_built_in_base_is_known_before_anything_else_was_done(zen: Zen, lora: Path) -> None:
    told = zen("adapters", "verify", lora, "--base", "zen-mini")
    assert "There is no base" not in told.err
    assert "another base than zen-mini" in told.out
