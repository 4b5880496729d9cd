"""Every way in which a server, a proxy or a network fails, played by a server of our own."""

from __future__ import annotations

import hashlib
import shutil
import socket
import ssl
import subprocess
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from gan_helpers.data import downloads
from gan_helpers.data.downloads import DownloadError, NoNetwork, fetch, wait_for_connection

CONTENT = bytes(range(256)) * 1000
MD5 = hashlib.md5(CONTENT).hexdigest()


class Answer(BaseHTTPRequestHandler):
    """Answers each path as the method of that name says."""

    protocol_version = "HTTP/1.1"

    def do_GET(self):
        self.close_connection = True
        getattr(self, self.path.strip("/"))()

    def do_CONNECT(self):
        self.send_error(407)

    def log_message(self, *_):
        pass

    def send(self, body: bytes, length: int | None = None, kind: str = "application/gzip", code: int = 200) -> None:
        self.send_response(code)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body) if length is None else length))
        self.end_headers()
        self.wfile.write(body)

    def whole(self):
        self.send(CONTENT)

    def chunked(self):
        self._chunks(b"0\r\n\r\n")

    def chunked_and_cut_off(self):
        self._chunks(b"")

    def chunked_and_cut_off_inside(self):
        self._chunks(b"ffff\r\nhalf of it")

    def _chunks(self, end: bytes) -> None:
        self.send_response(200)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        for start in range(0, len(CONTENT), 50_000):
            part = CONTENT[start : start + 50_000]
            self.wfile.write(f"{len(part):x}\r\n".encode() + part + b"\r\n")
        self.wfile.write(end)

    def cut_off(self):
        self.send(CONTENT[:1000], len(CONTENT))

    def cut_off_without_a_length(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(CONTENT[:1000])

    def missing(self):
        self.send(b"<html>not here</html>", code=404)

    def forbidden(self):
        self.send(b"", code=403)

    def busy(self):
        self.send(b"", code=503)

    def proxy(self):
        self.send(b"", code=407)

    def page(self):
        self.send(b"  <!DOCTYPE html><title>Please log in</title>", kind="text/html")

    def other(self):
        self.send(CONTENT[::-1])

    def nothing(self):
        self.send(b"")

    def moved(self):
        self.send_response(302)
        self.send_header("Location", "/whole")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def circle(self):
        self.send_response(302)
        self.send_header("Location", "/circle")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def slow(self):
        time.sleep(1.5)

    def stalls(self):
        self.send(CONTENT[:1000], len(CONTENT))
        self.wfile.flush()
        time.sleep(1.5)

    def hangs_up(self):
        self.connection.shutdown(socket.SHUT_RDWR)

    def nonsense(self):
        self.wfile.write(b"SSH-2.0-OpenSSH\r\n\r\n")


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch):
    for name in ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(scope="module")
def server():
    with serving() as address:
        yield address


class serving:
    """A server on a free port of this machine; the address without the last slash."""

    def __init__(self, context: ssl.SSLContext | None = None) -> None:
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Answer)
        self.server.daemon_threads = True
        self.server.handle_error = lambda *_: None
        self.scheme = "https" if context else "http"
        if context:
            self.server.socket = context.wrap_socket(self.server.socket, server_side=True)

    def __enter__(self) -> str:
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()
        return f"{self.scheme}://127.0.0.1:{self.server.server_port}"

    def __exit__(self, *_: object) -> None:
        self.server.shutdown()
        self.server.server_close()


def files(folder) -> list[str]:
    return sorted(path.name for path in folder.rglob("*") if path.is_file())


@pytest.mark.parametrize("path", ["whole", "chunked", "moved"])
def test_a_whole_file_arrives(server, tmp_path, path):
    fetch([f"{server}/{path}"], tmp_path / "new" / "file.gz", MD5)
    assert (tmp_path / "new" / "file.gz").read_bytes() == CONTENT
    assert files(tmp_path) == ["file.gz"]


FAULTS = {
    "missing": r"127\.0\.0\.1 answers 404: the file is not there",
    "forbidden": r"127\.0\.0\.1 answers 403: it refuses",
    "busy": "answers 503: run again later",
    "proxy": "the proxy 127.* asks for a password: set http_proxy to http://name:password@host:port",
    "page": r"sent a web page in place of file\.gz: does this network ask you to log in\?",
    "other": r"sent something else than file\.gz: run again later",
    "nothing": r"sent something else than file\.gz",
    "cut_off": "the connection to 127.* broke off: run again",
    "cut_off_without_a_length": r"sent something else than file\.gz",
    "chunked_and_cut_off": "broke off: run again",
    "chunked_and_cut_off_inside": "broke off: run again",
    "hangs_up": "broke off: run again",
    "circle": "answers 302",
    "slow": r"127\.0\.0\.1 is slow, it was silent for 0\.4 seconds: run again later",
    "stalls": "is slow",
    "nonsense": r"127\.0\.0\.1 cannot be used",
}


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("before", [None, b"an older file"])
def test_each_fault_is_told_truly_in_one_line_and_leaves_no_file(server, tmp_path, monkeypatch, fault, before):
    patience = 0.4 if fault in ("slow", "stalls") else 20  # seconds; a busy machine answers late
    monkeypatch.setattr(downloads, "ANSWER_TIMEOUT", patience)
    if before:
        (tmp_path / "file.gz").write_bytes(before)
    with pytest.raises(DownloadError, match=FAULTS[fault]) as caught:
        fetch([f"{server}/{fault}"], tmp_path / "file.gz", MD5)
    assert "\n" not in str(caught.value)
    assert "no network" not in str(caught.value)
    assert not isinstance(caught.value, NoNetwork)
    assert files(tmp_path) == (["file.gz"] if before else [])
    assert not before or (tmp_path / "file.gz").read_bytes() == before


def test_a_certificate_that_nobody_vouches_for_is_told(tmp_path):
    if shutil.which("openssl") is None:
        pytest.skip("needs openssl to make a certificate")
    command = "openssl req -x509 -newkey rsa:2048 -nodes -days 1 -keyout key -out cert -subj /CN=localhost"
    subprocess.run(
        [*command.split(), "-addext", "subjectAltName=IP:127.0.0.1"], cwd=tmp_path, check=True, capture_output=True
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "cert", tmp_path / "key")
    with (
        serving(context) as address,
        pytest.raises(DownloadError, match=r"the certificate of 127\.0\.0\.1 is not accepted \(self.signed.*SSL_CERT"),
    ):
        fetch([f"{address}/whole"], tmp_path / "data" / "file.gz", MD5)
    assert files(tmp_path) == ["cert", "key"]


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_proxy_that_wants_a_password_is_told_without_telling_ours(server, tmp_path, monkeypatch, scheme):
    port = server.rsplit(":", 1)[1]
    monkeypatch.setattr(Answer, "do_GET", Answer.proxy)
    monkeypatch.setenv(f"{scheme}_proxy", f"http://me:secret@127.0.0.1:{port}")
    with pytest.raises(
        DownloadError, match=rf"the proxy 127\.0\.0\.1 asks for a password: set {scheme}_proxy"
    ) as caught:
        fetch([f"{scheme}://data.invalid/whole"], tmp_path / "file.gz", MD5)
    assert "secret" not in str(caught.value)


def test_a_proxy_that_is_not_there_is_told_and_no_name_is_looked_up_before_it(tmp_path, monkeypatch):
    monkeypatch.setenv("http_proxy", f"127.0.0.1:{closed_port()}")
    with pytest.raises(DownloadError, match=r"127\.0\.0\.1 refuses the connection"):
        fetch(["http://data.invalid/whole"], tmp_path / "file.gz", MD5)
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:port")
    with pytest.raises(DownloadError, match="the proxy's port in http_proxy is no number"):
        fetch(["http://data.invalid/whole"], tmp_path / "file.gz", MD5)


def closed_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


def test_no_network_is_told(tmp_path, monkeypatch):
    def unknown(*_, **__):
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    with pytest.raises(DownloadError, match=r"127\.0\.0\.1 refuses the connection"):
        fetch([f"http://127.0.0.1:{closed_port()}/whole"], tmp_path / "file.gz", MD5)
    monkeypatch.setattr(socket, "create_connection", unknown)
    with pytest.raises(DownloadError, match=r"no network, for the name data\.invalid is not found"):
        fetch(["https://data.invalid/whole"], tmp_path / "file.gz", MD5)
    assert files(tmp_path) == []


def test_a_network_that_never_answers_is_given_up_in_time(tmp_path, monkeypatch):
    silent = threading.Event()

    def silence(*_):
        silent.wait(20)
        raise TimeoutError

    monkeypatch.setattr(socket, "create_connection", silence)
    monkeypatch.setattr(downloads, "CONNECT_TIMEOUT", 0.3)
    start = time.perf_counter()
    with pytest.raises(NoNetwork, match=r"no network, or none that lets us reach data\.invalid"):
        wait_for_connection("https://data.invalid", 0.3)
    with pytest.raises(DownloadError, match="no network"):
        fetch(["http://data.invalid/a", "http://data.invalid/b"], tmp_path / "a", MD5)
    assert time.perf_counter() - start < 2
    silent.set()


def test_the_next_mirror_is_asked_and_their_causes_are_all_told(server, tmp_path):
    dead = f"http://127.0.0.1:{closed_port()}/whole"
    fetch([dead, f"{server}/missing", f"{server}/cut_off", f"{server}/whole"], tmp_path / "file.gz", MD5)
    assert (tmp_path / "file.gz").read_bytes() == CONTENT
    with pytest.raises(DownloadError) as caught:
        fetch([dead, f"{server}/missing", f"{server}/missing", f"{server}/busy"], tmp_path / "other.gz", MD5)
    assert str(caught.value) == "127.0.0.1 answers 404: the file is not there; 127.0.0.1 answers 503: run again later"


def test_a_place_that_takes_no_file_is_told(server, tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(DownloadError, match=r"cannot write .*file.* set GAN_DATA to a folder that you may write to"):
        fetch([f"{server}/whole"], tmp_path / "file" / "raw" / "file.gz", MD5)


def test_an_interrupt_leaves_no_half_file(server, tmp_path, monkeypatch):
    def interrupted(address):
        yield CONTENT[:1000]
        raise KeyboardInterrupt

    monkeypatch.setattr(downloads, "_chunks", interrupted)
    with pytest.raises(KeyboardInterrupt):
        fetch([f"{server}/whole"], tmp_path / "file.gz", MD5)
    assert files(tmp_path) == []
