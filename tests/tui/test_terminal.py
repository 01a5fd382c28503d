"""What the terminal's answers mean, and that no question is asked where nobody would answer."""

from __future__ import annotations

import os
import pty
import re
import threading
from pathlib import Path

import pytest
from PIL import Image

from tests.tui.work import portrait
from zen_tui.tui import terminal
from zen_tui.tui.terminal import Graphics, detect, read_reply

XTERM = "\x1bP>|XTerm(379)\x1b\\\x1b[?64;1;2;4;6;9;15;22c"
KITTY_OLD = "\x1b_Gi=31;OK\x1b\\\x1bP>|kitty(0.26.5)\x1b\\\x1b[?62;c"
KITTY = "\x1b_Gi=31;OK\x1b\\\x1bP>|kitty(0.35.2)\x1b\\\x1b[6;18;9t\x1b[?62;c"
KONSOLE = "\x1b_Gi=31;OK\x1b\\\x1bP>|Konsole 23.08\x1b\\\x1b[?62;1;4c"
PLAIN = "\x1b[?1;2c"


@pytest.mark.parametrize(
    ("reply", "kind"),
    [(XTERM, "sixel"), (KITTY, "kitty"), (KITTY_OLD, "halfcell"), (KONSOLE, "sixel"), (PLAIN, "halfcell"),
     ("", "halfcell"), ("\x1b[?62;14;44c", "halfcell")],
)  # fmt: skip
def test_a_reply_decides_how_pictures_are_drawn(reply: str, kind: str) -> None:
    assert read_reply(reply).kind == kind


def test_a_reply_gives_the_size_of_a_cell_and_a_name() -> None:
    found = read_reply(KITTY)
    assert found.terminal == "kitty(0.35.2)"
    assert found.cell == (terminal.cell_of_window() or (9, 18))


def test_a_setting_is_obeyed_and_the_environment_goes_before_it(monkeypatch: pytest.MonkeyPatch) -> None:
    assert detect("sixel").kind == "sixel"
    monkeypatch.setenv("ZEN_IMAGES", "off")
    assert detect("sixel").kind == "off"


def test_without_a_terminal_nothing_is_asked(capfd: pytest.CaptureFixture[str]) -> None:
    assert detect("auto").kind == "halfcell"
    assert capfd.readouterr().out == ""


def test_a_terminal_that_answers_is_understood() -> None:
    """A child on a pseudo-terminal asks; this test answers as xterm does."""
    child, master = pty.fork()
    if child == 0:
        os.environ.pop("TMUX", None)
        os.environ["TERM"] = "xterm-256color"
        import sys

        sys.stdin, sys.stdout = open(0), open(1, "w")  # noqa: SIM115  (pytest has replaced them)
        os._exit({"sixel": 7}.get(detect("auto").kind, 1))

    def answer() -> None:
        asked = b""
        while not asked.endswith(b"\x1b[c"):
            asked += os.read(master, 100)
        os.write(master, XTERM.encode())

    helper = threading.Thread(target=answer, daemon=True)
    helper.start()
    _, status = os.waitpid(child, 0)
    os.close(master)
    assert os.waitstatus_to_exitcode(status) == 7


def test_a_sixel_picture_is_the_picture_it_was_made_from() -> None:
    """Decoded here by the letter of the format; 256 colours and whole percents leave small differences."""
    from zen_tui.tui.widgets.sixel_picture import encode

    picture = portrait(2, size=45)
    data = encode(picture)
    defined = [int(number) for number in re.findall(r"#(\d+);2;", data)]
    assert data.rfind(";2;") < data.index("-"), "a colour is defined after the first pixels"
    assert len(set(defined)) == len(defined)
    decoded = decode_sixel(data, picture.size)
    apart = [abs(a - b) for a, b in zip(picture.tobytes(), decoded.tobytes(), strict=True)]
    assert sum(apart) / len(apart) < 4


def decode_sixel(data: str, size: tuple[int, int]) -> Image.Image:
    """The pixels that a terminal would show for `data`."""
    image = Image.new("RGB", size)
    body = data[data.index("#") : data.rindex("\x1b")]
    colours: dict[str, tuple[int, int, int]] = {}
    for number, red, green, blue in re.findall(r"#(\d+);2;(\d+);(\d+);(\d+)", body):
        colours[number] = (round(int(red) * 2.55), round(int(green) * 2.55), round(int(blue) * 2.55))
    drawn = re.sub(r"#\d+;2;\d+;\d+;\d+", "", body)
    plain = re.sub(r"!(\d+)(.)", lambda run: run[2] * int(run[1]), drawn)
    for band, text in enumerate(plain.split("-")):
        for line in filter(None, text.split("$")):
            found = re.fullmatch(r"#(\d+)(.*)", line)
            assert found
            for x, sixel in enumerate(found[2]):
                for row in range(6):
                    if (ord(sixel) - 63) >> row & 1:
                        image.putpixel((x, 6 * band + row), colours[found[1]])
    return image


@pytest.mark.parametrize("kind", ["kitty", "sixel"])
def test_sharp_pictures_fill_whole_cells(kind: terminal.Kind, tmp_path: Path) -> None:
    from textual.geometry import Size

    from zen_tui.tui.widgets.picture_pane import scaled

    portrait(1, size=200).save(tmp_path / "a.png")
    image, cells = scaled(tmp_path / "a.png", Size(40, 12), Graphics(kind, "", cell=(9, 18)))
    assert image.size == (cells[0] * 9, cells[1] * 18)
    assert cells == (24, 12)
