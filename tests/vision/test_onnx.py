"""ONNX files are read by Zen's own hand, and hostile ones become a sentence."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
import torch

from tests.vision import onnx_maker as make
from zen_tui.exchange.mattes import inspect_matte
from zen_tui.exchange.onnx_file import read_onnx
from zen_tui.library.errors import BadFile, Refused, ZenError
from zen_tui.vision.onnx_graph import OnnxGraph

CPU = torch.device("cpu")

BY_ONNXRUNTIME = {
    (0, 0): 0.124553,
    (0, 31): 0.124553,
    (7, 9): 0.125181,
    (15, 16): 0.154654,
    (31, 0): 0.261829,
    (31, 31): 0.270492,
}
"""What onnxruntime 1.31.1 makes of the tiny network and numbers from -1 to 1, at six places."""


def run(path: Path, side: int = 32) -> torch.Tensor:
    return OnnxGraph(path, CPU)(torch.linspace(-1, 1, 3 * side * side).reshape(1, 3, side, side))


def test_the_numbers_are_those_of_onnxruntime(matte: Path) -> None:
    found = run(matte)
    assert found.shape == (1, 1, 32, 32)
    for (row, column), expected in BY_ONNXRUNTIME.items():
        assert float(found[0, 0, row, column]) == pytest.approx(expected, abs=1e-5)


def test_a_matte_is_told_by_what_it_reads(matte: Path, tmp_path: Path) -> None:
    assert (inspect_matte(matte).kind, inspect_matte(matte).side) == ("u2net", 32)
    large = make.save_tiny_matte(tmp_path / "isnet.onnx", 1024)
    assert inspect_matte(large).kind == "isnet"
    (tmp_path / "folder").mkdir()
    make.save_tiny_matte(tmp_path / "folder" / "one.onnx")
    assert inspect_matte(tmp_path / "folder").side == 32


def test_a_file_that_is_cut_off_anywhere_is_a_sentence(matte: Path) -> None:
    whole = matte.read_bytes()
    for length in range(0, len(whole) - 1, 7):
        matte.write_bytes(whole[:length])
        with pytest.raises(BadFile, match="is not a whole ONNX file"):
            read_onnx(matte)


def test_a_file_with_any_bytes_changed_gives_a_mask_or_a_sentence(matte: Path) -> None:
    whole, chance = matte.read_bytes(), random.Random(5)
    told = 0
    for _ in range(300):
        damaged = bytearray(whole)
        for _ in range(4):
            damaged[chance.randrange(len(damaged))] = chance.randrange(256)
        matte.write_bytes(damaged)
        try:
            inspect_matte(matte)
            run(matte)
        except ZenError:
            told += 1
    assert told > 100


@pytest.mark.parametrize(
    ("nodes", "weights", "says"),
    [
        ([make.node("Run", ["in"], ["out"])], [], "the operation Run, which Zen does not run"),
        ([make.node("Einsum", ["in"], ["out"])], [], "the operation Einsum"),
        ([make.node("Add", ["in", "w"], ["out"])], [make.tensor("w", (1 << 40,), [1.0])], "impossible size"),
        ([make.node("Add", ["in", "w"], ["out"])], [make.tensor("w", (-4,), [])], "impossible size"),
        ([make.node("Add", ["in", "w"], ["out"])], [make.tensor("w", (5,), [1.0])], "as many numbers"),
        ([make.node("Add", ["in", "w"], ["out"])], [make.tensor("w", (1,), [1], 16)], "a kind that is not read"),
        ([make.node("Add", ["in", "nobody"], ["out"])], [], "does not run"),
        (
            [make.node("Resize", ["in", "", "", "size"], ["out"], mode="linear")],
            [make.tensor("size", (4,), [1, 3, 1 << 20, 1 << 20], make.INT64)],
            "grows without end",
        ),
        (
            [make.node("Conv", ["in", "w"], ["out"], **{**make.CONV, "pads": [1 << 30] * 4})],
            [make.tensor("w", (1, 3, 3, 3), [1.0] * 27)],
            "grows without end",
        ),
        (
            [make.node("Concat", [f"c{n}"] * 8, [f"c{n + 1}"], axis=1) for n in range(12)]
            + [make.node("Identity", ["c12"], ["out"])],
            [],
            "does not run",
        ),
        (
            [make.node("Identity", ["in"], ["c0"])]
            + [make.node("Concat", [f"c{n}"] * 8, [f"c{n + 1}"], axis=1) for n in range(12)]
            + [make.node("Identity", ["c12"], ["out"])],
            [],
            "grows without end",
        ),
    ],
)
def test_what_is_impossible_or_unknown_is_a_sentence(
    tmp_path: Path, nodes: list[bytes], weights: list[bytes], says: str
) -> None:
    path = tmp_path / "strange.onnx"
    path.write_bytes(make.model(nodes, weights))
    with pytest.raises(ZenError, match=says):
        run(path)


@pytest.mark.parametrize(
    ("name", "content", "error", "says"),
    [
        ("empty.onnx", b"", BadFile, "not a whole ONNX file"),
        ("text.onnx", b"this is text, not a network", BadFile, "not a whole ONNX file"),
        ("u2net.pth", b"\x80\x02", Refused, "a pickle"),
        ("mask.png", b"\x89PNG", Refused, "no model that Zen knows"),
    ],
)
def test_other_files_are_refused(
    tmp_path: Path, name: str, content: bytes, error: type[ZenError], says: str
) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(error, match=says):
        inspect_matte(path)


def test_a_network_that_reads_something_else_is_refused(tmp_path: Path) -> None:
    path = make.save_tiny_matte(tmp_path / "huge.onnx", 100_000)
    with pytest.raises(Refused, match="100000 × 100000 pixels"):
        inspect_matte(path)
