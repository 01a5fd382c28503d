"""Getting a model from an address that a person gives, by a short-lived process of its own.

This side never touches the network: it says what will be contacted, asks, and starts `fetch_process`, the only
code of Zen that may go online. It is off until `fetch = true` stands in settings.toml.
"""

from __future__ import annotations

import base64
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import msgspec

from zen_tui.exchange.blueprints import BLUEPRINTS, CHOICES
from zen_tui.exchange.pieces import find_pieces
from zen_tui.exchange.profiles import PROFILES
from zen_tui.exchange.safetensors_header import header_of
from zen_tui.library.durable import require_space
from zen_tui.library.errors import BadFile, Refused, WrongUse, ZenError
from zen_tui.library.text import clean, megabytes

LOOPBACK = ("127.0.0.1", "::1", "localhost")
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,120}\.safetensors")
KEYRINGS = ("keyring.backends.SecretService", "keyring.backends.kwallet", "keyring.backends.macOS",
            "keyring.backends.Windows")  # fmt: skip

Ask = Callable[[str], bool]
Progress = Callable[[int, int], None]


class Wish(msgspec.Struct, frozen=True):
    """What the process is to do; it reads this from its standard input, so that no list of processes shows it."""

    url: str
    target: str
    sha256: str = ""
    token: str = ""


class Fetched(msgspec.Struct, frozen=True):
    """A file that arrived whole. `compared` says whether its hash was one that the person gave."""

    path: Path
    size: int
    sha256: str
    compared: bool


def fetch(
    url: str,
    folder: Path,
    ask: Ask,
    *,
    allowed: bool,
    sha256: str = "",
    token: Callable[[str], str | None] | None = None,
    progress: Progress | None = None,
) -> Fetched:
    """Bring the safetensors file at `url` into `folder`; what came before a break is kept and gone on with.

    Args:
        ask: is told a sentence and says whether to go on; before each host, and once before the bulk.
        allowed: what the settings say.
        sha256: what the file must be; any file is taken if ''.
        token: the secret for a host, from the keyring if None.

    Raises:
        Refused: fetching is off, the answer was no, or it is no safetensors file.
        WrongUse: the address or the hash is none.
        DiskFull: there is no room for it.
        ZenError: the other side did not give it; the sentence says why.
    """
    if not allowed:
        raise Refused(
            "Zen does not go online: fetching is switched off.",
            "Write fetch = true into settings.toml to allow `zen bases fetch`, or bring the file yourself.",
        )
    host, name = _address(url)
    if sha256 and not re.fullmatch(r"[0-9a-fA-F]{64}", sha256):
        raise WrongUse("A SHA-256 has 64 digits from 0 to f.", "Copy it from the page that offers the file.")
    target = folder.expanduser().absolute() / name
    if target.exists():
        raise Refused(f"{target} is there already.", "Add it with `zen bases add`, or name another folder.")
    if not ask(f"Contact {host} and ask for {name}?"):
        raise Refused("Nothing was fetched and nobody was contacted.")
    secret = (token or keyring_token)(host) or ""
    wish = Wish(url, str(target), sha256.lower(), secret)
    command = [sys.executable, "-m", "zen_tui.exchange.fetch_process"]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    ) as other:
        try:
            return _converse(other, wish, ask, progress)
        finally:
            other.kill()


def _converse(other: subprocess.Popen[bytes], wish: Wish, ask: Ask, progress: Progress | None) -> Fetched:
    """Send the wish, answer what the process asks, and wait for the file."""
    target = Path(wish.target)

    def say(words: bytes) -> None:
        assert other.stdin is not None
        other.stdin.write(words + b"\n")
        other.stdin.flush()

    say(msgspec.json.encode(wish))
    assert other.stdout is not None
    for line in other.stdout:
        told: dict[str, Any] = msgspec.json.decode(line)
        kind = told["kind"]
        if kind == "redirect":
            question = f"{told['from']} sends on to {told['host']}. Contact {told['host']} too?"
        elif kind == "found":
            require_space(target.parent, told["size"] - told["have"])
            head = base64.b64decode(told["head"])
            have = f" {megabytes(told['have'])} of it are here already." if told["have"] else ""
            question = f"{_described(target, head)} {megabytes(told['size'])} from {told['host']}.{have} Get it?"
        elif kind == "progress":
            if progress is not None:
                progress(told["done"], told["size"])
            continue
        elif kind == "failed":
            raise ZenError(clean(told["message"]), clean(told["hint"]))
        else:
            return Fetched(target, told["size"], told["sha256"], bool(wish.sha256))
        if not ask(clean(question)):
            raise Refused("Nothing more was fetched.")
        say(b"yes")
    raise ZenError("The fetching process ended before the file was whole.", "Try again; what arrived is kept.")


def _address(url: str) -> tuple[str, str]:
    """(host, file name) of an address that may be fetched from."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    if not host or parts.username or parts.scheme not in ("https", "http"):
        raise WrongUse(f"{clean(url, 100)} is not an address that Zen fetches from.", "Give one with https://.")
    if parts.scheme == "http" and host not in LOOPBACK:
        raise WrongUse(f"{clean(host, 100)} is addressed without encryption.", "Give its address with https://.")
    name = unquote(parts.path).rpartition("/")[2]
    if not NAME.fullmatch(name):
        raise WrongUse(
            f"{clean(name, 60) or 'The address'} is no safetensors file.", "Give the file's own address."
        )
    return host, name


def _described(target: Path, head: bytes) -> str:
    """What the beginning of the file says it is, and its licence."""
    header = header_of(head)
    if header is None:
        raise BadFile(f"What is offered as {target.name} is no safetensors file.", "Check the address.")
    said = clean(header.metadata.get("modelspec.license", ""), 100)
    piece = next((piece for piece in find_pieces(target, header) if piece.role == "denoiser"), None)
    if piece is None:
        return f"{target.name}; licence: {said or 'not stated in the file, see where it is offered'}."
    blueprint = BLUEPRINTS.get(piece.kind) or CHOICES[piece.kind][0].blueprint
    licence = said or PROFILES[blueprint.family].variant(blueprint.variant).licence
    return f"{target.name} is {piece.title}; licence: {licence}."


def keyring_token(host: str) -> str | None:
    """The secret that the system's keyring keeps for `host` under the name zen; None when it keeps none.

    Only the systems' own keyrings are asked: others may keep a secret in the clear, or ask on the terminal.
    """
    import keyring
    from keyring.errors import KeyringError

    try:
        if not type(keyring.get_keyring()).__module__.startswith(KEYRINGS):
            return None
        return keyring.get_password("zen", host)
    except KeyringError:
        return None
