"""Save and load networks and runs: safetensors files that say what they are.

A file is written beside its place and renamed into it, so a half-written file never replaces
a good one. Its header holds the architecture, the training facts and a SHA-256 digest of all
of it, so a damaged file is refused by name. Nothing here unpickles: loading a stranger's
file cannot run a stranger's code. Notebook 04 saves with it, notebook 05 loads.
"""

from __future__ import annotations

import hashlib
import inspect
import json
import os
import tempfile
from pathlib import Path
from typing import Any, ClassVar

import torch
from safetensors import SafetensorError
from safetensors.torch import load as parse_tensors
from safetensors.torch import save as pack_tensors
from torch import Tensor, nn


class Network(nn.Module):
    """An ``nn.Module`` that keeps its constructor's arguments in ``config``, by name."""

    known: ClassVar[dict[str, type[Network]]] = {}
    config: dict[str, Any]

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        Network.known.setdefault(cls.__name__, cls)  # a reader's class of the same name does not replace ours

    def __new__(cls, *args: Any, **kwargs: Any) -> Network:
        network = super().__new__(cls)
        arguments = inspect.signature(cls.__init__).bind_partial(network, *args, **kwargs)
        arguments.apply_defaults()
        network.config = dict(list(arguments.arguments.items())[1:])  # all but self
        return network


PICKLE_STARTS = (b"PK\x03\x04", b"\x80")  # torch.save's zip archive, and a bare pickle
DEFAULT_DEVICE = torch.device("cpu")


class CheckpointError(RuntimeError):
    """A file cannot be written, or is not what it should be; the message names file and remedy."""


def write_atomically(path: Path, content: bytes) -> None:
    """Write ``content`` to ``path``: all of it or, with a CheckpointError, nothing."""
    path = Path(path)
    temporary = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=path.parent, prefix=f".{path.name}.", delete=False) as file:
            temporary = Path(file.name)
            file.write(content)
            file.flush()
            os.fsync(file.fileno())  # on disk before the rename, or a power cut could leave an empty file
        temporary.chmod(0o644)
        os.replace(temporary, path)
    except OSError as error:
        if temporary is not None:
            temporary.unlink(missing_ok=True)
        kept = f"; the earlier {path.name} is untouched" if os.path.exists(path) else ""
        raise CheckpointError(
            f"cannot write {path}: {error.strerror or error}{kept}. "
            f"Choose a folder that you may write to, with {len(content) / 1e6:.1f} MB free"
        ) from error


def save_tensors(path: str | Path, tensors: dict[str, Tensor], facts: dict[str, Any]) -> None:
    """Write named tensors and JSON-able facts to ``path``, atomically, with their digest."""
    tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    text = json.dumps(facts, sort_keys=True)
    header = {"facts": text, "sha256": _digest(tensors, text)}
    write_atomically(Path(path), pack_tensors(tensors, metadata=header))


def load_tensors(path: str | Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """The tensors and facts of a file that ``save_tensors`` wrote; CheckpointError if it is not one."""
    path = Path(path)
    if not path.is_file():
        raise CheckpointError(f"there is no file {path}: train and save first, or check the name")
    content = path.read_bytes()
    if content.startswith(PICKLE_STARTS) and content[8:9] != b"{":  # safetensors begins with a length: any bytes
        raise CheckpointError(
            f"{path} is a pickle (torch.save), which could run any code when loaded: refused. "
            "Load it where you trust it and save it again with gan_helpers.checkpoints.save_network"
        )
    try:
        tensors, header = parse_tensors(content), _header(content)
    except (SafetensorError, ValueError, KeyError, RuntimeError) as error:
        raise _damaged(path, str(error)) from error
    if not {"sha256", "facts"} <= set(header):
        raise CheckpointError(f"{path} was not written by gan_helpers, or its header is damaged: load another file")
    if header.get("sha256") != _digest(tensors, header.get("facts", "")):
        raise _damaged(path, "its content does not match its SHA-256 digest")
    return tensors, json.loads(header["facts"])


def save_network(path: str | Path, network: Network, **facts: Any) -> None:
    """Write a network with its architecture and whatever ``facts`` tell of its training."""
    architecture = {"class": type(network).__name__, "arguments": network.config}
    save_tensors(path, network.state_dict(), {"architecture": architecture, **facts})


def load_network(
    path: str | Path, expect: type[Network] | None = None, device: torch.device = DEFAULT_DEVICE
) -> tuple[Network, dict[str, Any]]:
    """Rebuild the network that a file holds, in evaluation mode, and the facts saved with it.

    ``expect`` is the class that it must be, if you need to be sure: CheckpointError otherwise.
    """
    tensors, facts = load_tensors(path)
    network = _build(path, facts.get("architecture"), expect or Network)
    try:
        network.load_state_dict(tensors)
    except RuntimeError as error:
        raise CheckpointError(f"{path} holds tensors of another architecture than it states: {error}") from error
    return network.to(device).eval(), facts


def _build(path: str | Path, architecture: dict[str, Any] | None, expect: type[Network]) -> Network:
    if architecture is None:
        raise CheckpointError(f"{path} holds no single network: is it a training run? Then use resume=True")
    name, arguments = architecture["class"], dict(architecture["arguments"])
    kind = Network.known.get(name)
    if kind is None:
        known = ", ".join(sorted(Network.known))
        raise CheckpointError(f"{path} holds a {name}, unknown here (known: {known}): define or import it first")
    if not issubclass(kind, expect):
        raise CheckpointError(f"{path} holds a {name}, not a {expect.__name__}: load another file")
    arguments = {key: tuple(value) if isinstance(value, list) else value for key, value in arguments.items()}
    try:
        return kind(**arguments)
    except TypeError as error:
        raise CheckpointError(f"{path} was saved by another version of {name}: {error}") from error


def _header(content: bytes) -> dict[str, str]:
    """The metadata that safetensors keeps in front: eight bytes of length, then JSON."""
    length = int.from_bytes(content[:8], "little")
    return json.loads(content[8 : 8 + length]).get("__metadata__", {})


def _digest(tensors: dict[str, Tensor], text: str) -> str:
    digest = hashlib.sha256(text.encode())
    for name in sorted(tensors):
        tensor = tensors[name]
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}".encode())
        digest.update(tensor.reshape(-1).view(torch.uint8).numpy())
    return digest.hexdigest()


def _damaged(path: Path, reason: str) -> CheckpointError:
    return CheckpointError(f"{path} is damaged ({reason}): restore it from a copy, or train and save again")
