"""One file from the network: whole or not at all, and where it cannot be had, the true cause in one line."""

from __future__ import annotations

import hashlib
import http.client
import os
import socket
import ssl
import sys
import threading
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO
from urllib.parse import urlsplit

CONNECT_TIMEOUT = 4.0  # seconds until a connection must stand: without a network, a notebook goes on after them
ANSWER_TIMEOUT = 30.0  # seconds that a server, once connected, may be silent
CHUNK_BYTES = 1 << 16  # bytes
PORTS = {"http": 80, "https": 443}
STATUS = {
    3: "it sends us from one address to the next and back",
    5: "run again later",
    401: "it asks for a password",
    403: "it refuses",
    404: "the file is not there",
    410: "the file is gone",
    429: "too many ask it: run again later",
}


class DownloadError(RuntimeError):
    """A file cannot be had; the message is one line with the cause and, where there is one, the remedy."""


class NoNetwork(DownloadError):
    """No connection stands, not even to the server."""


def fetch(addresses: list[str], path: Path, md5: str) -> None:
    """Download a file to ``path`` from the first of its addresses that has it, its MD5 checksum proven.

    A download that fails leaves nothing, and a file that was there as it was.

    Raises:
        DownloadError: none of the addresses has it, or it cannot be written; the message says why.
    """
    causes: list[DownloadError] = []
    for address in addresses:
        try:
            wait_for_connection(address, CONNECT_TIMEOUT / (4 if causes else 1))  # one silent server is sign enough
            return _fetch(address, path, md5)
        except DownloadError as error:
            causes.append(error)
        except OSError as error:
            reason = error.strerror or error
            raise DownloadError(
                f"cannot write {path} ({reason}): free some space, or set GAN_DATA to a folder that you may write to"
            ) from error
    told = [str(cause) for cause in causes if not isinstance(cause, NoNetwork)] or [str(causes[0])]
    raise DownloadError("; ".join(dict.fromkeys(told)))


def _fetch(address: str, path: Path, md5: str) -> None:
    digest, start = hashlib.md5(usedforsecurity=False), b""
    with written(path) as file:
        for chunk in _chunks(address):
            start = start or chunk[:100]
            digest.update(chunk)
            file.write(chunk)
        if digest.hexdigest() != md5:
            page = start.lstrip().startswith(b"<")  # of a network that wants a login, or a server that says sorry
            sent = "sent a web page in place of" if page else "sent something else than"
            remedy = "does this network ask you to log in?" if page else "run again later"
            raise DownloadError(f"{urlsplit(address).hostname} {sent} {path.name}: {remedy}")


@contextmanager
def written(path: Path) -> Iterator[IO[bytes]]:
    """A file to write, which becomes ``path`` when the block ends well; else ``path`` stays as it was."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.{os.getpid()}-{threading.get_ident()}.part")
    try:
        with part.open("wb") as file:
            yield file
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)


def _chunks(address: str) -> Iterator[bytes]:
    from tqdm import tqdm

    host, name = urlsplit(address).hostname, address.rsplit("/", 1)[-1]
    request = urllib.request.Request(address, headers={"User-Agent": "gan-course"})
    try:
        opener = urllib.request.build_opener()  # anew, for urlopen() would keep the proxy that was set at first
        with opener.open(request, timeout=ANSWER_TIMEOUT) as response:
            missing = response.length or 0
            with tqdm(desc=name, total=missing or None, unit="B", unit_scale=True, file=sys.stdout, leave=False) as bar:
                while chunk := response.read(CHUNK_BYTES):
                    missing -= len(chunk)
                    bar.update(len(chunk))
                    yield chunk
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise DownloadError(_cause(error, address)) from error
    if missing > 0:
        raise DownloadError(f"the connection to {host} broke off: run again")


# --- is there a network? --------------------------------------------------------------------------------


def wait_for_connection(address: str, timeout: float = CONNECT_TIMEOUT) -> None:
    """Return once a connection to the server, or to the proxy before it, stands.

    In a thread, because looking up a name can block far longer than any socket's time limit.

    Raises:
        NoNetwork: none stands after ``timeout`` seconds, or none can.
    """
    outcome: list[Exception | None] = []
    host, port = _first_stop(address)

    def connect() -> None:
        try:
            socket.create_connection((host, port), timeout / 2).close()  # half: a host may have two addresses
            outcome.append(None)
        except (OSError, ValueError) as error:
            outcome.append(error)

    thread = threading.Thread(target=connect, daemon=True)
    thread.start()
    thread.join(timeout)
    error = outcome[0] if outcome else TimeoutError()
    if error is not None:
        raise NoNetwork(_no_connection(error, host)) from error


def _no_connection(error: Exception, host: str) -> str:
    if isinstance(error, socket.gaierror):
        return f"no network, for the name {host} is not found"
    if isinstance(error, ConnectionRefusedError):
        return f"{host} refuses the connection"
    return f"no network, or none that lets us reach {host}"


def _first_stop(address: str) -> tuple[str, int]:
    """Host and port that a request goes to first: the proxy's where one is set, as urllib decides it."""
    parts = urlsplit(address)
    proxy = urllib.request.getproxies().get(parts.scheme)
    if proxy and not urllib.request.proxy_bypass(parts.netloc):
        parts = urlsplit(proxy if "//" in proxy else f"http://{proxy}")
    try:
        return parts.hostname or "", parts.port or PORTS.get(parts.scheme, 80)
    except ValueError as error:
        raise NoNetwork(f"the proxy's port in {parts.scheme}_proxy is no number") from error


def _cause(error: Exception, address: str) -> str:
    """What went wrong after a connection stood, in one line with its remedy."""
    scheme, host = urlsplit(address).scheme, urlsplit(address).hostname
    reason = getattr(error, "reason", None)
    error = reason if isinstance(reason, Exception) else error  # urllib wraps what it meets
    code = error.code if isinstance(error, urllib.error.HTTPError) else None
    if code == 407 or str(error).startswith("Tunnel connection failed: 407"):  # the way to https leads through a tunnel
        remedy = f"set {scheme}_proxy to http://name:password@host:port"
        return f"the proxy {_first_stop(address)[0]} asks for a password: {remedy}"
    if code:
        return f"{host} answers {code}: {STATUS.get(code) or STATUS.get(code // 100) or 'it refuses'}"
    if isinstance(error, ssl.SSLCertVerificationError):
        remedy = "set this computer's clock, or name the certificate file of your network in SSL_CERT_FILE"
        return f"the certificate of {host} is not accepted ({error.verify_message}): {remedy}"
    if isinstance(error, TimeoutError):
        return f"{host} is slow, it was silent for {ANSWER_TIMEOUT:g} seconds: run again later"
    if isinstance(error, (http.client.IncompleteRead, ConnectionError)):
        return f"the connection to {host} broke off: run again"
    return f"{host} cannot be used ({' '.join(str(error).split()) or type(error).__name__})"
