"""Save and load networks and runs: safetensors files that say what they are.

A file is written beside its place and renamed into it, so a half-written file never replaces
a good one. Its header holds the architecture, the training facts and a SHA-256 digest of all
of it, so a damaged file is refused by name. Nothing here unpickles, and a file can name no code
but classes of ``gan_helpers.models`` and those that you have defined yourself: loading a stranger's
file cannot run a stranger's code. Notebook 04 saves with it, notebook 05 loads.
"""

from __future__ import annotations

import hashlib
import importlib
import inspect
import json
import os
import tempfile
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any, ClassVar, TypeVar

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load as parse_tensors
from safetensors.torch import save as pack_tensors
from torch import Tensor, nn

from gan_helpers.environment import ASSETS

OURS = "gan_helpers.models"  # the wing whose networks any file may name
PICKLE_STARTS = (b"PK\x03\x04", b"\x80")  # torch.save's zip archive, and a bare pickle
DEFAULT_DEVICE = torch.device("cpu")

N = TypeVar("N", bound="Network")


class CheckpointError(RuntimeError):
    """A file cannot be written, or is not what it should be; the message names file and remedy."""


# --- networks that can be built again -----------------------------------------------------------------


class Network(nn.Module):
    """An ``nn.Module`` that keeps its constructor's arguments in ``config``, by name, so that a file can rebuild it."""

    defined: ClassVar[dict[str, type[Network]]] = {}  # by module and name; a cell that is run again replaces its class
    config: dict[str, Any]
    changes: tuple[str, ...] = ()  # names of the ``rebuildable`` functions that have changed it since it was built

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        name = f"{cls.__module__}.{cls.__qualname__}"
        Network.defined.pop(name, None)  # so that the newest stands last
        Network.defined[name] = cls

    def __new__(cls, *args: Any, **kwargs: Any) -> Network:
        network = super().__new__(cls)
        signature = inspect.signature(cls.__init__)
        bound = signature.bind_partial(network, *args, **kwargs)
        bound.apply_defaults()
        network.config = dict(list(bound.arguments.items())[1:])  # all but self
        for name, parameter in signature.parameters.items():
            if parameter.kind is inspect.Parameter.VAR_KEYWORD:
                network.config |= network.config.pop(name)
        return network


CHANGES: dict[str, Callable[[Any], Any]] = {}


def rebuildable(change: Callable[[N], N]) -> Callable[[N], N]:
    """Register a function that changes a network's layers in place, so that a file can repeat the change."""

    @wraps(change)
    def noted(network: N) -> N:
        changed = change(network)
        changed.changes = (*network.changes, change.__name__)
        return changed

    CHANGES[change.__name__] = noted
    return noted


# --- files --------------------------------------------------------------------------------------------


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
    # cloned: tied weights share their memory, which the format refuses
    tensors = {name: tensor.detach().cpu().clone().contiguous() for name, tensor in tensors.items()}
    text = json.dumps({str(key): _plain(value, f"the fact {key!r}") for key, value in facts.items()}, sort_keys=True)
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
    """Write a network with its architecture and whatever ``facts`` tell of its training.

    Raises:
        CheckpointError: it could not be built again from its constructor's arguments, or cannot be written.
    """
    kind = type(network)
    name = f"{OURS}.{kind.__name__}" if kind.__module__.startswith(f"{OURS}.") else _full_name(kind)
    arguments = {key: _plain(value, f"{kind.__name__}'s argument {key}") for key, value in network.config.items()}
    architecture = {"class": name, "arguments": arguments, "changes": list(network.changes)}
    _check_rebuilds(network, arguments)
    save_tensors(path, network.state_dict(), {"architecture": architecture, **facts})


def load_network(
    path: str | Path, expect: type[Network] | None = None, device: torch.device = DEFAULT_DEVICE
) -> tuple[Network, dict[str, Any]]:
    """Rebuild the network that a file holds, in evaluation mode, and the facts saved with it.

    ``expect`` is the class that it must be, if you need to be sure: CheckpointError otherwise. A class of your own
    is the one that you defined last under that name.
    """
    tensors, facts = load_tensors(path)
    network = _build(path, facts.get("architecture"), expect or Network)
    try:
        network.load_state_dict(tensors)
    except RuntimeError as error:
        raise CheckpointError(f"{path} holds tensors of another architecture than it states: {error}") from error
    return network.to(device).eval(), facts


def load_shipped(
    name: str, expect: type[Network] | None = None, device: torch.device = DEFAULT_DEVICE
) -> tuple[Network, dict[str, Any]]:
    """A network that comes with the course, such as "mnist_generator", in evaluation mode, and its facts.

    Raises:
        CheckpointError: there is none of that name; the message lists those that there are.
    """
    path = ASSETS / "weights" / f"{name}.safetensors"
    if not path.is_file():
        names = ", ".join(sorted(file.stem for file in path.parent.glob("*.safetensors")))
        raise CheckpointError(f"no network called {name!r} comes with the course: choose one of {names}")
    return load_network(path, expect, device)


def _build(path: str | Path, architecture: dict[str, Any] | None, expect: type[Network]) -> Network:
    if architecture is None:
        raise CheckpointError(f"{path} holds no single network: is it a training run? Then use resume=True")
    kind, name = _find_class(architecture["class"]), architecture["class"].removeprefix(f"{OURS}.")
    if kind is None:
        raise CheckpointError(
            f"{path} holds a {name}, which is not defined here: run the cell or import the module that defines it first"
        )
    if not issubclass(kind, expect):
        raise CheckpointError(f"{path} holds a {name}, not a {expect.__name__}: load another file")
    try:
        return _rebuild(kind, architecture["arguments"], architecture.get("changes", []))
    except (TypeError, KeyError) as error:
        raise CheckpointError(f"{path} was saved by another version of {name}: {error}") from error


def _find_class(name: str) -> type[Network] | None:
    """The class of that full name: ours by import, a reader's own as it was last defined, wherever it is now.

    Older files give ours without a module.
    """
    module, _, short = name.rpartition(".")
    if module in (OURS, ""):
        kind = getattr(importlib.import_module(OURS), short, None)
        if isinstance(kind, type) and issubclass(kind, Network):
            return kind
    own = {full: kind for full, kind in Network.defined.items() if not full.startswith("gan_helpers.")}
    namesakes = [kind for full, kind in own.items() if full.rpartition(".")[2] == short]
    return own.get(name) or (namesakes[-1] if namesakes else None)


def _rebuild(kind: type[Network], arguments: dict[str, Any], changes: list[str] | tuple[str, ...]) -> Network:
    network = kind(**{key: tuple(value) if isinstance(value, list) else value for key, value in arguments.items()})
    for change in changes:
        network = CHANGES[change](network)
    return network


def _check_rebuilds(network: Network, arguments: dict[str, Any]) -> None:
    """CheckpointError if a file of this network could never be loaded; the random numbers stay as they are."""
    name, shapes = type(network).__name__, _shapes(network)
    try:
        with torch.random.fork_rng([]):
            again = _shapes(_rebuild(type(network), arguments, network.changes))
    except Exception as error:  # a constructor of the reader's own may raise anything
        raise CheckpointError(
            f"a file of this {name} could not be loaded: {name}({', '.join(arguments)}) fails with "
            f"{type(error).__name__}: {error}. Let its constructor take the saved arguments, by name"
        ) from error
    if again != shapes:
        odd = sorted(set(shapes.items()) ^ set(again.items()))[0][0]
        raise CheckpointError(
            f"a file of this {name} could not be loaded: {name}(...) with the same arguments has another {odd}. Change "
            "layers in the constructor, or in a function decorated with gan_helpers.checkpoints.rebuildable"
        )


def _shapes(network: nn.Module) -> dict[str, tuple[int, ...]]:
    return {key: tuple(value.shape) for key, value in network.state_dict().items()}


def _full_name(kind: type) -> str:
    return f"{kind.__module__}.{kind.__qualname__}"


def _plain(value: Any, what: str) -> Any:
    """The same as JSON can hold it, tensors and NumPy numbers as lists and numbers; CheckpointError names ``what``."""
    if isinstance(value, (Tensor, np.ndarray, np.generic)):
        return value.tolist()
    if isinstance(value, dict):
        return {str(key): _plain(item, what) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item, what) for item in value]
    if isinstance(value, Path):
        return str(value)
    if value is None or isinstance(value, (str, int, float)):
        return value
    raise CheckpointError(f"{what} is a {type(value).__name__}, which a file cannot hold: give numbers, text or lists")


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
