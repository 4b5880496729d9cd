"""Calling a reader's code: with a limit of time, and with words for whatever it raises."""

from __future__ import annotations

import ctypes
import dis
import functools
import inspect
import os
import sys
import sysconfig
import threading
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
import torch

TIME_LIMIT = 8.0  # seconds for one call; the slowest sensible answer, a loop over numbers, takes less than one
PACKAGES = (Path(__file__).parents[1], Path(torch.__file__).parent, Path(np.__file__).parent)
NOT_THE_READERS = tuple(
    f"{path}{os.sep}" for path in {*map(str, PACKAGES), *sysconfig.get_paths().values()} if Path(path).is_dir()
)
PLACEHOLDER_OPERATIONS = {
    "RESUME", "NOP", "CACHE", "LOAD_CONST", "RETURN_CONST", "RETURN_VALUE", "POP_TOP", "COPY_FREE_VARS", "MAKE_CELL",
    "LOAD_COMMON_CONSTANT",
}  # fmt: skip


class Hint(Exception):
    """What the reader is told about an answer that is not right yet."""


class NotAnswered(Exception):
    """The answer is still ``...``, or a function whose body is only a placeholder."""


class OutOfTime(BaseException):
    """Raised inside code that runs too long; not an ``Exception``, so that ``except Exception`` lets it pass."""


class Watchdog:
    """Raises OutOfTime in the thread that starts it, unless it is stopped within ``seconds``.

    It works in every thread and on every system, but only between two steps of Python: a single call into C that
    never returns cannot be ended.
    """

    def __init__(self, seconds: float) -> None:
        self.seconds, self.thread = seconds, ctypes.c_ulong(threading.get_ident())
        self.done, self.lock = threading.Event(), threading.Lock()

    def start(self) -> None:
        threading.Thread(target=self._wait, daemon=True).start()

    def stop(self) -> None:
        """No more is raised afterwards. OutOfTime may strike in here as well: then stop again."""
        with self.lock:
            self.done.set()
        for _ in range(2):  # what was sent before strikes here at the latest: the interpreter looks at each jump back
            pass

    def _wait(self) -> None:
        pause = self.seconds
        while not self.done.wait(pause):
            with self.lock:
                if not self.done.is_set():
                    self._raise(OutOfTime)
            pause = 0.5  # again, if a bare except has swallowed it

    def _raise(self, error: type[BaseException]) -> None:
        # Never None, which takes an exception back: CPython 3.11 then looks for one for ever, and hangs when traced.
        ctypes.pythonapi.PyThreadState_SetAsyncExc(self.thread, ctypes.py_object(error))


def within_limit(action: Callable[..., Any], *arguments: Any) -> Any:
    """``action(*arguments)``, or OutOfTime after TIME_LIMIT seconds."""
    watchdog = Watchdog(TIME_LIMIT)
    try:
        watchdog.start()
        try:
            return action(*arguments)
        finally:
            watchdog.stop()
    except OutOfTime:
        watchdog.stop()  # it may have struck before the other one was through
        raise


def _leave(*_: Any) -> None:
    raise SystemExit


@contextmanager
def no_leaving() -> Iterator[None]:
    """In a notebook exit() is IPython's: it raises nothing and ends the kernel later. Let it raise as Python's does."""
    shell = getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)()
    with nullcontext() if shell is None else patch.object(shell, "ask_exit", _leave):
        yield


def run(action: Callable[..., Any], *arguments: Any) -> Any:
    """``action(*arguments)`` as the reader's code: whatever goes wrong becomes a Hint that says where."""
    try:
        with no_leaving():
            return within_limit(action, *arguments)
    except OutOfTime:
        raise Hint(f"your code was still running after {TIME_LIMIT:g} seconds: does a loop never end?") from None
    except SystemExit as error:
        raise Hint(f"your code asks Python to stop{_place(error)}: leave out exit() and quit()") from None
    except KeyboardInterrupt as error:
        raise Hint(f"your code was interrupted{_place(error)}") from None
    except BaseException as error:
        raise Hint(f"your code stopped{_place(error)} with {type(error).__name__}{_message(error)}") from None


def _place(error: BaseException) -> str:
    """The reader's own line nearest to the error, if one can be found."""
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if _is_readers(frame.filename)]
    if not frames:
        return ""
    return f" in line {frames[-1].lineno}" + (f" (`{frames[-1].line}`)" if frames[-1].line else "")


def _is_readers(filename: str) -> bool:
    return not filename.startswith((*NOT_THE_READERS, "<frozen", "<__array_function__"))


def _message(error: BaseException) -> str:
    lines = str(error).strip().splitlines()
    return f": {lines[0][:300]}" if lines else ""


def call(function: Any, *arguments: Any, names: tuple[str, ...] = ()) -> Any:
    """What the reader's function gives for the arguments.

    Raises:
        NotAnswered: it is, or returns, ``...``, or its body is only a placeholder.
        Hint: it cannot be called so, stops, runs too long, or returns nothing.
    """
    if function is None or function is ...:
        raise NotAnswered
    if not callable(function):
        raise Hint(f"the answer should be a function, not of type {type(function).__name__}.")
    _check_parameters(function, arguments, names)
    value = run(_value, function, arguments)
    if value is ... or (value is None and is_placeholder(function)):
        raise NotAnswered
    if value is None:
        raise Hint("your function has code but gives nothing back: it ends without `return` and a value.")
    return value


def _value(function: Callable[..., Any], arguments: tuple[Any, ...]) -> Any:
    value = function(*arguments)
    return list(value) if isinstance(value, Iterator) else value  # a generator runs only when it is read


def _check_parameters(function: Callable[..., Any], arguments: tuple[Any, ...], names: tuple[str, ...]) -> None:
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError):  # some functions of torch's have none
        return
    try:
        signature.bind(*arguments)
    except TypeError:
        listed = f" ({', '.join(names)})" if names else ""
        raise Hint(
            f"the check calls your function with {len(arguments)} argument{'s' * (len(arguments) != 1)}{listed}, and "
            f"yours takes {signature}: keep the parameters of the cell."
        ) from None


def is_placeholder(function: Any) -> bool:
    """Is the body nothing but ``...``, ``pass``, ``return None`` or a docstring?"""
    code = getattr(_innermost(function), "__code__", None)
    return code is not None and {step.opname for step in dis.get_instructions(code)} <= PLACEHOLDER_OPERATIONS


def _innermost(function: Any) -> Any:
    """The function inside partials, methods and decorators."""
    while isinstance(function, functools.partial):
        function = function.func
    return inspect.unwrap(getattr(function, "__func__", function))


def names_in(function: Any) -> set[str]:
    """The names of globals and attributes that a function's code uses, inner functions included."""
    found: set[str] = set()
    codes = [getattr(_innermost(function), "__code__", None)]
    while codes:
        if (code := codes.pop()) is not None:
            found |= set(code.co_names)
            codes += [inner for inner in code.co_consts if inspect.iscode(inner)]
    return found
