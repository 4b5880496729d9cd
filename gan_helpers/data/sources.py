"""Is there a network? Asked before a download, so that a notebook without one goes on after seconds."""

from __future__ import annotations

import threading
import urllib.request

NETWORK_TIMEOUT = 4.0  # seconds to wait for a first answer before we say that there is no network


def wait_for_answer(address: str, timeout: float = NETWORK_TIMEOUT) -> None:
    """Return once the server answers, whatever it says; ConnectionError after ``timeout`` seconds without.

    In a thread, because looking up a name can block far longer than any socket's time limit.
    """
    answers: list[bool] = []

    def ask() -> None:
        try:
            urllib.request.urlopen(urllib.request.Request(address, method="HEAD"), timeout=timeout).close()
            answers.append(True)
        except urllib.error.HTTPError:
            answers.append(True)  # the server is there: let the download say what is wrong
        except OSError:
            answers.append(False)

    thread = threading.Thread(target=ask, daemon=True)
    thread.start()
    thread.join(timeout)
    if not any(answers):
        raise ConnectionError("no network, or the server does not answer")
