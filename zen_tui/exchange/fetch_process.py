"""`python -m zen_tui.exchange.fetch_process`: the only code of Zen that reaches out. `fetch` starts and asks it.

It lives for one file. It contacts no host that was not agreed to, sends the secret to the first host alone,
follows a redirection only after asking, and writes nothing but the file and its beginnings (NAME.part).
"""

from __future__ import annotations

import base64
import hashlib
import http.client
import os
import ssl
import sys
from pathlib import Path
from typing import Any
from urllib.parse import urljoin, urlsplit

import msgspec

from zen_tui.exchange.fetch import LOOPBACK, Wish
from zen_tui.library.durable import sync_folder

HEAD = 1 << 20  # bytes asked for first: the header, which says what the file is
PIECE = 1 << 20  # bytes written at a time
PATIENCE = 30  # seconds for the other side to answer
HOPS = 5
TOLD_EVERY = 8 << 20  # bytes


class GaveUp(Exception):
    """A sentence why the file did not come, and what to do."""

    def __init__(self, message: str, hint: str = "Try again; what arrived is kept.") -> None:
        super().__init__(message)
        self.hint = hint


class Reach:
    """Requests for one file: where it is by now, and who has agreed to be contacted."""

    def __init__(self, wish: Wish) -> None:
        self.url, self.token = wish.url, wish.token
        self.first = urlsplit(wish.url).netloc

    @property
    def host(self) -> str:
        return urlsplit(self.url).hostname or ""

    def get(self, first: int, last: int | None = None) -> http.client.HTTPResponse:
        """The bytes from `first` on. Raises `GaveUp`."""
        for _ in range(HOPS):
            answer = self._ask(f"bytes={first}-{'' if last is None else last}")
            if answer.status in (301, 302, 303, 307, 308):
                self._follow(answer.getheader("Location") or "")
                continue
            if answer.status in (200, 206):
                return answer
            raise GaveUp(f"{self.host} answered {answer.status} {answer.reason}.", _advice(answer.status))
        raise GaveUp(f"{self.host} sends on and on.", "Give the address where the file itself lies.")

    def _ask(self, span: str) -> http.client.HTTPResponse:
        parts = urlsplit(self.url)
        connection: http.client.HTTPConnection
        if parts.scheme == "https":
            context = ssl.create_default_context()
            connection = http.client.HTTPSConnection(self.host, parts.port, timeout=PATIENCE, context=context)
        else:
            connection = http.client.HTTPConnection(self.host, parts.port, timeout=PATIENCE)
        headers = {"Range": span, "User-Agent": "zen", "Accept-Encoding": "identity"}
        if self.token and parts.netloc == self.first:
            headers["Authorization"] = f"Bearer {self.token}"
        path = f"{parts.path}?{parts.query}" if parts.query else parts.path
        connection.request("GET", path, headers=headers)
        return connection.getresponse()

    def _follow(self, location: str) -> None:
        url = urljoin(self.url, location)
        parts = urlsplit(url)
        if parts.scheme != "https" and parts.hostname not in LOOPBACK:
            raise GaveUp(f"{self.host} sends on to an address without encryption.", "Give another address.")
        if parts.netloc != urlsplit(self.url).netloc:
            _agree(kind="redirect", **{"from": self.host, "host": parts.hostname or ""})
        self.url = url


def main() -> None:
    """Read the wish, bring the file, and tell how it went, one JSON line each."""
    wish = msgspec.json.decode(sys.stdin.buffer.readline(), type=Wish)
    try:
        size, sha256 = _bring(wish)
    except GaveUp as error:
        _tell(kind="failed", message=str(error), hint=error.hint)
    except (OSError, http.client.HTTPException, ValueError) as error:
        reason = str(error) or type(error).__name__
        _tell(kind="failed", message=f"The file did not come: {reason}.", hint="Try again; what arrived is kept.")
    else:
        _tell(kind="done", size=size, sha256=sha256)


def _bring(wish: Wish) -> tuple[int, str]:
    target, reach = Path(wish.target), Reach(wish)
    part = target.with_name(f"{target.name}.part")
    answer = reach.get(0, HEAD - 1)
    head = answer.read(HEAD)
    size = _size(answer)
    have = _kept(part, head, size)
    _agree(kind="found", host=reach.host, size=size, have=have, head=base64.b64encode(head).decode())
    target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    digest = _save(reach, part, have, size)
    if part.stat().st_size != size:
        raise GaveUp(f"{reach.host} stopped before the file was whole.")
    if wish.sha256 and digest != wish.sha256:
        part.unlink()
        raise GaveUp(
            f"{target.name} is not the file that was asked for: its SHA-256 is {digest}.",
            "It was deleted. Check the hash and where it is offered.",
        )
    os.replace(part, target)
    sync_folder(target.parent)
    return size, digest


def _size(answer: http.client.HTTPResponse) -> int:
    """The length of the whole file."""
    text = (answer.getheader("Content-Range") or "").rpartition("/")[2] or answer.getheader("Content-Length") or ""
    if not text.isdigit():
        raise GaveUp("The other side does not say how large the file is.", "Get it in another way.")
    return int(text)


def _kept(part: Path, head: bytes, size: int) -> int:
    """How many bytes of this very file are here from before."""
    if not part.exists() or part.stat().st_size > size:
        return 0
    with open(part, "rb") as file:
        begun = file.read(len(head))
    return part.stat().st_size if head.startswith(begun) else 0


def _save(reach: Reach, part: Path, have: int, size: int) -> str:
    """Append what is missing to `part` and return the SHA-256 of all of it."""
    digest, done = hashlib.sha256(), 0
    with open(part, "r+b" if have else "wb") as file:
        os.fchmod(file.fileno(), 0o600)
        while done < have and (data := file.read(min(PIECE, have - done))):
            digest.update(data)
            done += len(data)
        answer = reach.get(done) if done < size else None
        if answer is not None and answer.status == 200 and done:  # it cannot go on in the middle
            file.truncate(0)
            file.seek(0)
            digest, done = hashlib.sha256(), 0
        told = done
        while answer is not None and (data := answer.read(min(PIECE, size - done))):
            file.write(data)
            digest.update(data)
            done += len(data)
            if done - told >= TOLD_EVERY or done == size:
                told = done
                _tell(kind="progress", done=done, size=size)
        file.flush()
        os.fsync(file.fileno())
    return digest.hexdigest()


def _advice(status: int) -> str:
    if status in (401, 403):
        return (
            "It may want a token: `python -m keyring set zen HOST` keeps one for it. Or agree to its terms there."
        )
    return "Check the address." if status == 404 else "Try again later."


def _tell(**words: Any) -> None:
    sys.stdout.buffer.write(msgspec.json.encode(words) + b"\n")
    sys.stdout.buffer.flush()


def _agree(**words: Any) -> None:
    """Tell, and leave unless the answer is yes."""
    _tell(**words)
    if sys.stdin.buffer.readline().strip() != b"yes":
        sys.exit(0)


if __name__ == "__main__":
    main()
