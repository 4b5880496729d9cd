"""Functions of a notebook, run in several processes of this machine: what ``torchrun`` does for a file, for a cell.

A child process knows nothing of the notebook. So a function travels as its source, with the source of the functions
and classes of the same notebook that it uses, and the values; results come back. In between the processes wait.
"""

from __future__ import annotations

import ast
import builtins
import contextlib
import inspect
import io
import linecache
import os
import pickle
import subprocess
import sys
import tempfile
import textwrap
import traceback
from collections.abc import Callable
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from types import FunctionType, ModuleType
from typing import Any

import torch
import torch.distributed as dist

from gan_helpers.environment import COURSE_ROOT

HEAD = "from __future__ import annotations\n"  # the types in a function's first line need not travel


class Processes:
    """So many processes that share a group of ``torch.distributed`` and run what they are given, all at once.

    Args:
        count: of processes.
        seconds: after which a call is given up.
    """

    def __init__(self, count: int = 2, seconds: float = 600.0) -> None:
        self.count, self.seconds = count, seconds
        self._children: list[subprocess.Popen[bytes]] = []

    def run(self, function: Callable[..., Any], *arguments: Any) -> list[Any]:
        """What ``function(*arguments)`` returns in each process, by rank; what it prints is printed with the rank.

        Raises:
            RuntimeError: it failed in one of them, or took too long; the message holds that process's own.
        """
        if not self._children:
            self._start()
        named = [Named(x.__name__) if _of_notebook(x, function) else x for x in arguments]
        own = (x for x in arguments if _of_notebook(x, function))
        task = pickle.dumps((*_luggage(function, *own), function.__name__, named))
        with ThreadPoolExecutor(self.count) as pool:
            asked = [pool.submit(_ask, child, task) for child in self._children]
            try:
                done, late = wait(asked, self.seconds, FIRST_EXCEPTION)
            except KeyboardInterrupt:  # the stop button; what they are at is lost
                self._close()
                raise
            failed = [future for future in done if future.exception()]
            if failed or late:
                why = str(failed[0].exception()) if failed else f"no answer within {self.seconds:g} seconds"
                raise RuntimeError(f"{function.__name__} in {self.count} processes: {why}{self._close()}")
        answers = [future.result() for future in asked]
        for rank, (_, printed) in enumerate(answers):
            for line in printed.splitlines():
                print(f"process {rank}: {line}")
        return [result for result, _ in answers]

    def _start(self) -> None:
        self._log = tempfile.TemporaryFile()  # noqa: SIM115, it lives as long as the processes
        self._folder = tempfile.TemporaryDirectory()
        paths = os.pathsep.join([str(COURSE_ROOT), *filter(None, [os.environ.get("PYTHONPATH")])])
        environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": paths}
        meeting = str(Path(self._folder.name) / "meeting")
        for rank in range(self.count):
            command = [sys.executable, "-m", __name__, str(rank), str(self.count), meeting]
            pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": self._log}
            self._children.append(subprocess.Popen(command, env=environment, **pipes))

    def _close(self) -> str:
        """End the processes; the last of what they have written to their error stream."""
        for child in self._children:
            child.kill()
            child.wait()
        self._children = []
        self._log.seek(0)
        last = self._log.read().decode(errors="replace").strip().splitlines()[-5:]
        return "\n".join(["", *last]) if last else ""


def _ask(child: subprocess.Popen[bytes], task: bytes) -> tuple[Any, str]:
    """Send a task to a process and wait for its answer: the result, and what was printed."""
    try:
        pickle.dump(task, child.stdin)  # once more: what cannot be unpacked there must not spoil the stream
        child.stdin.flush()
        failure, *answer = pickle.load(child.stdout)
    except (EOFError, OSError) as error:
        raise RuntimeError("a process has ended: can two processes of this machine talk to each other?") from error
    if failure:
        raise RuntimeError(failure)
    return answer


def _of_notebook(value: Any, function: FunctionType) -> bool:
    """Is it a function, or a class with one at least, that was defined where ``function`` was?"""
    return (found := _first_function(value)) is not None and found.__globals__ is function.__globals__


def _first_function(value: Any) -> FunctionType | None:
    """The function itself, without what decorates it, or the first one of a class."""
    inside = vars(value).values() if isinstance(value, type) else [value]
    return next((inspect.unwrap(x) for x in inside if isinstance(x, FunctionType)), None)


def _source(value: Any) -> str:
    if not isinstance(value, type):
        return textwrap.dedent(inspect.getsource(value))
    cell = "".join(linecache.getlines(_first_function(value).__code__.co_filename))  # a notebook's classes have no file
    return next(ast.unparse(node) for node in ast.parse(cell).body if getattr(node, "name", "") == value.__name__)


@dataclass(frozen=True)
class Named:
    """Stands for a function of the notebook among the arguments."""

    name: str


def _luggage(*functions: FunctionType) -> tuple[list[str], dict[str, str], dict[str, Any]]:
    """What functions of one notebook need elsewhere: sources, modules by the name they go by, and values."""
    scope, sources, modules, values = functions[0].__globals__, {}, {}, {}
    waiting = [*functions]
    while waiting:
        current = waiting.pop()
        sources[current.__name__] = _source(current)
        names = {
            node.id for node in ast.walk(ast.parse(sources[current.__name__])) if isinstance(node, ast.Name)
        } - set(dir(builtins))
        for name in names & set(scope) - set(sources):
            value = scope[name]
            if isinstance(value, ModuleType):
                modules[name] = value.__name__
            elif _of_notebook(value, functions[0]):
                waiting.append(value)
            else:
                values[name] = value
    return list(sources.values())[::-1], modules, values  # what was found last may be needed first


# --- in the child ---------------------------------------------------------------------------------------


def _unpacked(sources: list[str], modules: dict[str, str], values: dict[str, Any]) -> dict[str, Any]:
    scope = {"__name__": "notebook", **values, **{name: _module(module) for name, module in modules.items()}}
    for source in sources:
        exec(compile(HEAD + source, "<notebook>", "exec"), scope)
    return scope


def _module(name: str) -> ModuleType:
    __import__(name)
    return sys.modules[name]


def _answer(task: bytes) -> tuple[str, Any, str]:
    """Failure, if any, the result, and what was printed."""
    printed = io.StringIO()
    try:
        *luggage, name, arguments = pickle.loads(task)
        with contextlib.redirect_stdout(printed):
            scope = _unpacked(*luggage)
            result = scope[name](*(scope[x.name] if isinstance(x, Named) else x for x in arguments))
        return "", result, printed.getvalue()
    except Exception as error:
        place = traceback.extract_tb(error.__traceback__)[-1]
        return f"{type(error).__name__}: {error} (line {place.lineno} of {Path(place.filename).name})", None, ""


def serve(rank: int, count: int, meeting: str) -> None:
    """Answer tasks from standard input until it ends."""
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # whatever else writes to standard output would damage the answers
    torch.set_num_threads(1)
    torch.set_flush_denormal(True)
    dist.init_process_group("gloo", f"file://{meeting}", timedelta(minutes=5), rank=rank, world_size=count)
    with contextlib.suppress(EOFError):
        while True:
            pickle.dump(_answer(pickle.load(sys.stdin.buffer)), answers)
            answers.flush()


if __name__ == "__main__":
    sys.modules["gan_helpers.training.processes"] = sys.modules["__main__"]  # one ``Named`` for both
    serve(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3])
