"""Fetching, tried against a server on this machine: nothing is contacted unasked, and a break is survived."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tests.originals import write_header
from zen_tui.cli.main import run
from zen_tui.exchange.fetch import Fetched, fetch, keyring_token
from zen_tui.library.errors import BadFile, Refused, WrongUse, ZenError
from zen_tui.library.paths import Home

NAME = "mara.safetensors"


class Site(ThreadingHTTPServer):
    """Serves `data` under every path; keeps what it was asked."""

    def __init__(self, data: bytes) -> None:
        super().__init__(("127.0.0.1", 0), Answers)
        self.data, self.asked, self.breaks_at, self.ranges = data, list[dict[str, str]](), 0, True
        self.sends_on = ""
        self.status = 0

    def url(self, host: str = "127.0.0.1", name: str = NAME) -> str:
        return f"http://{host}:{self.server_address[1]}/models/{name}"


class Answers(BaseHTTPRequestHandler):
    server: Site

    def do_GET(self) -> None:
        site = self.server
        site.asked.append({"host": self.headers["Host"], "range": self.headers.get("Range", ""),
                           "token": self.headers.get("Authorization", "")})  # fmt: skip
        if site.status:
            self.send_error(site.status)
            return
        if site.sends_on and self.headers["Host"] not in site.sends_on:
            self.send_response(302)
            self.send_header("Location", site.sends_on)
            self.end_headers()
            return
        first, _, last = self.headers["Range"].removeprefix("bytes=").partition("-")
        begin, end = (
            (int(first), min(int(last or len(site.data)) + 1, len(site.data))) if site.ranges else (0, None)
        )
        body = site.data[begin:end]
        self.send_response(206 if site.ranges else 200)
        if site.ranges:
            self.send_header("Content-Range", f"bytes {begin}-{begin + len(body) - 1}/{len(site.data)}")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if site.breaks_at and begin < site.breaks_at and not last:
            self.wfile.write(body[: site.breaks_at - begin])
            self.close_connection = True
            self.connection.close()
            return
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    path = write_header(tmp_path / "served", {"a.weight": (3 << 20,)}, "F8_E4M3", {"modelspec.license": "CC0-1.0"})
    with Site(path.read_bytes()) as served:
        thread = threading.Thread(target=served.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield served
        served.shutdown()
        thread.join()


def get(site: Site, folder: Path, questions: list[str] | None = None, **options: object) -> Fetched:
    """Fetch with every question answered yes."""
    told = questions if questions is not None else []

    def ask(question: str) -> bool:
        told.append(question)
        return True

    chosen: dict[str, object] = {"allowed": True, "token": lambda host: None, **options}
    url = str(chosen.pop("url", site.url()))
    return fetch(url, folder, ask, **chosen)  # type: ignore[arg-type]


def test_it_is_off_unless_settings_allow_it(site: Site, tmp_path: Path, home: Home) -> None:
    with pytest.raises(Refused, match=r"switched off.*fetch = true"):
        get(site, tmp_path, allowed=False)
    assert run(["bases", "fetch", site.url(), "--to", str(tmp_path), "--yes"]) == 1
    assert site.asked == []


def test_host_size_and_licence_are_asked_about_before_the_file_comes(site: Site, tmp_path: Path) -> None:
    questions: list[str] = []
    digest = hashlib.sha256(site.data).hexdigest()
    fetched = get(site, tmp_path / "new", questions, sha256=digest.upper())
    assert questions == [
        f"Contact 127.0.0.1 and ask for {NAME}?",
        f"{NAME}; licence: CC0-1.0. 3.1 MB from 127.0.0.1. Get it?",
    ]
    assert (fetched.path.read_bytes(), fetched.sha256, fetched.compared) == (site.data, digest, True)
    assert fetched.path.stat().st_mode & 0o077 == 0
    assert [path.name for path in fetched.path.parent.iterdir()] == [NAME]


def test_a_no_contacts_nobody(site: Site, tmp_path: Path) -> None:
    with pytest.raises(Refused, match="nobody was contacted"):
        fetch(site.url(), tmp_path, lambda question: False, allowed=True)
    assert site.asked == []


def test_a_no_to_size_or_licence_brings_the_header_alone(site: Site, tmp_path: Path) -> None:
    answers = iter([True, False])
    with pytest.raises(Refused, match="Nothing more was fetched"):
        fetch(site.url(), tmp_path / "to", lambda question: next(answers), allowed=True, token=lambda host: None)
    assert [asked["range"] for asked in site.asked] == ["bytes=0-1048575"]
    assert not (tmp_path / "to").exists()


def test_what_came_before_a_break_is_gone_on_with(site: Site, tmp_path: Path) -> None:
    site.breaks_at = 2 << 20
    with pytest.raises(ZenError, match="what arrived is kept"):
        get(site, tmp_path)
    kept = (tmp_path / f"{NAME}.part").stat().st_size
    assert 0 < kept <= site.breaks_at
    site.breaks_at = 0
    questions: list[str] = []
    assert get(site, tmp_path, questions).path.read_bytes() == site.data
    assert "of it are here already" in questions[1]
    assert site.asked[-1]["range"] == f"bytes={kept}-"


def test_the_beginning_of_another_file_is_not_gone_on_with(site: Site, tmp_path: Path) -> None:
    (tmp_path / f"{NAME}.part").write_bytes(b"another file" * 100)
    assert get(site, tmp_path).path.read_bytes() == site.data


def test_a_server_that_cannot_go_on_in_the_middle_begins_again(site: Site, tmp_path: Path) -> None:
    (tmp_path / f"{NAME}.part").write_bytes(site.data[:1000])
    site.ranges = False
    assert get(site, tmp_path).path.read_bytes() == site.data


def test_another_file_than_was_asked_for_is_deleted(site: Site, tmp_path: Path) -> None:
    with pytest.raises(ZenError, match="is not the file that was asked for"):
        get(site, tmp_path / "to", sha256="0" * 64)
    assert list((tmp_path / "to").iterdir()) == []


def test_another_host_is_asked_about_and_never_told_the_secret(site: Site, tmp_path: Path) -> None:
    site.sends_on = site.url("localhost")
    questions: list[str] = []
    get(site, tmp_path, questions, token=lambda host: f"secret of {host}")
    assert questions[1] == "127.0.0.1 sends on to localhost. Contact localhost too?"
    tokens = {asked["host"].partition(":")[0]: asked["token"] for asked in site.asked}
    assert tokens == {"127.0.0.1": "Bearer secret of 127.0.0.1", "localhost": ""}


@pytest.mark.parametrize(("status", "hint"), [(401, "may want a token"), (404, "Check the address")])
def test_a_refusal_of_the_other_side_is_a_sentence(site: Site, tmp_path: Path, status: int, hint: str) -> None:
    site.status = status
    with pytest.raises(ZenError, match=f"answered {status}.*{hint}"):
        get(site, tmp_path)


def test_what_is_no_safetensors_file_is_not_fetched(site: Site, tmp_path: Path) -> None:
    site.data = b"<html>sign in first</html>" * 1000
    with pytest.raises(BadFile, match="is no safetensors file"):
        get(site, tmp_path / "to")
    assert not (tmp_path / "to").exists()


@pytest.mark.parametrize(
    ("url", "sentence"),
    [
        ("http://example.org/a.safetensors", "without encryption"),
        ("ftp://example.org/a.safetensors", "not an address"),
        ("https://me:pass@example.org/a.safetensors", "not an address"),
        ("https://example.org/model.ckpt", "no safetensors file"),
        ("https://example.org/%2e%2e%2fa.safetensors%00", "no safetensors file"),
    ],
)
def test_addresses_that_are_not_fetched_from(tmp_path: Path, url: str, sentence: str) -> None:
    with pytest.raises(WrongUse, match=sentence):
        fetch(url, tmp_path, lambda question: True, allowed=True)


def test_the_command(site: Site, tmp_path: Path, home: Home, capsys: pytest.CaptureFixture[str]) -> None:
    home.settings.write_text("fetch = true\n")
    assert run(["bases", "fetch", site.url(), "--to", str(tmp_path / "to")]) == 1
    assert "nobody to ask" in capsys.readouterr().err
    assert site.asked == []
    assert run(["bases", "fetch", site.url(), "--to", str(tmp_path / "to"), "--yes"]) == 0
    assert f"Use it with: zen bases add {tmp_path}/to/{NAME}" in capsys.readouterr().out


def test_only_the_systems_own_keyrings_are_asked() -> None:
    assert keyring_token("example.org") is None  # there is none here, or none that is asked
