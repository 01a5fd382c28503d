"""`zen privacy` and `zen doctor`: what they say is what was tried."""

from __future__ import annotations

from pathlib import Path

from tests.cli.conftest import Zen


def test_prove_tries_every_route_behind_the_lock_and_without_it(zen: Zen) -> None:
    answer = zen("privacy", "prove", "--json")

    proof = answer.json()
    assert answer.code == 0, answer.err
    assert proof["blocked"]
    assert proof["arrived_locked"] == 0
    assert proof["arrived_open"] >= 2, "the control must be heard, or the trial shows nothing"
    assert {route["locked"] for route in proof["attempts"]} == {"blocked"}
    assert "open" in {route["open"] for route in proof["attempts"]}


def test_report_names_what_is_held(zen: Zen, photo_folder: Path) -> None:
    zen("datasets", "import", photo_folder, "--name", "mara", "--class", "woman")

    held = zen("privacy", "report", "--json").json()

    assert [(one["dataset"], one["photos"]) for one in held] == [("mara", 6)]
    assert held[0]["bytes"] > 10_000


def test_doctor_finds_open_permissions_and_mends_them(zen: Zen, home: object, private_home: Path) -> None:
    leak = private_home / "open.txt"
    leak.write_text("x")
    leak.chmod(0o644)

    states = {c["name"]: c for c in zen("doctor", "--json").json()["checks"]}
    mended = {c["name"]: c["state"] for c in zen("doctor", "--repair", "--json").json()["checks"]}

    assert states["permissions"]["state"] == "warn"
    assert states["torch"]["state"] == "ok"
    assert states["offline"]["text"]
    assert mended["permissions"] == "ok"
    assert leak.stat().st_mode & 0o077 == 0
