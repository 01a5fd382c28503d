"""`zen bases` as people and scripts use it."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.exchange.test_single_files import DENOISERS, WHOLE
from tests.originals import write_header
from zen_tui.cli.main import run


def answer(capsys: pytest.CaptureFixture[str], *words: object, code: int = 0) -> Any:
    """The JSON that `zen bases …` prints; the exit code is checked."""
    capsys.readouterr()
    assert run(["bases", *(str(word) for word in words), "--json"]) == code
    return json.loads(capsys.readouterr().out)


def test_a_dry_run_tells_and_keeps_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = write_header(tmp_path / "sd_xl_base_1.0.safetensors", WHOLE["sdxl"], "F16")
    told = answer(capsys, "add", path, "--dry-run")
    assert (told["family"], told["variant"]) == ("sdxl", "")
    assert run(["bases", "add", str(path), "--dry-run"]) == 0
    assert "Stable Diffusion XL, 6.9 GB" in capsys.readouterr().out
    assert [base["name"] for base in answer(capsys, "list")] == ["zen-mini"]


def test_a_folder_of_models_is_added_and_listed_with_hashes(
    tmp_path: Path, tiny_base: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = tmp_path / "models"
    shutil.copytree(tiny_base, root / "tiny")
    shutil.copytree(tiny_base, root / "spoilt")
    weights = root / "spoilt" / "vae" / "diffusion_pytorch_model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-4] + b"\x00\x00\xc0\x7f")  # NaN in fp32
    write_header(root / "flux1-dev.safetensors", DENOISERS["flux1-dev"])

    told = answer(capsys, "add", root, code=1)

    assert [base["name"] for base in told["added"]] == ["tiny"]
    assert "not a number" in told["failed"][0]["reason"]
    assert "the VAE of FLUX.1 is not with it" in str(told["found"])
    files = answer(capsys, "list")[-1]["files"]
    assert {len(file["sha256"]) for file in files} == {64}
    assert {file["autov2"] == file["sha256"][:10] for file in files} == {True}
    assert run(["bases", "list"]) == 0
    assert files[0]["autov2"] in capsys.readouterr().out
    answer(capsys, "add", root, "--name", "mine", code=2)


def test_check_names_the_file_that_changed(
    tmp_path: Path, tiny_base: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = Path(shutil.copytree(tiny_base, tmp_path / "tiny"))
    answer(capsys, "add", folder)
    assert answer(capsys, "check", "tiny")[0]["ok"] is True
    weights = folder / "text_encoder" / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-4] + bytes(4))
    told = answer(capsys, "check", "tiny", code=1)[0]
    assert (told["ok"], "model.safetensors of tiny is not the file it was" in told["text"]) == (False, True)


def test_a_sentence_for_what_is_missing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = write_header(tmp_path / "z_image_turbo_bf16.safetensors", DENOISERS["z_image_turbo_bf16"])
    told = answer(capsys, "add", path, code=1)["error"]
    assert "is Z-Image-Turbo, and the VAE of FLUX.1 is not with it" in told["message"]
    assert "--vae" in told["hint"]


def test_a_folder_without_a_base_is_a_failure(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "old.ckpt").write_bytes(b"PK")
    assert run(["bases", "add", str(tmp_path / "models")]) == 1
    told = capsys.readouterr().out
    assert "There is no base that can be used" in told
    assert "old.ckpt is a pickle" in told
