"""Read a pickle as data: nothing that it names is ever imported, called or built.

A pickle is a program for a small stack machine that may call any function of any module. Here it is
scanned first: every name that it refers to must stand on a list, and instructions that no data
frame needs are refused. Then it runs with each of those names replaced by a `Record`, a class made
for this one reading that only keeps what it was given. The result is a tree of records, which other
code interprets; pandas and numpy take no part.
"""

from __future__ import annotations

import io
import pickle
import pickletools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from aetrig.errors import UserError

Name = tuple[str, str]

REFUSED = {"PERSID", "BINPERSID", "EXT1", "EXT2", "EXT4", "INST", "OBJ", "NEXT_BUFFER"}
STRINGS = {"SHORT_BINUNICODE", "BINUNICODE", "BINUNICODE8", "UNICODE"}
STORES = {"PUT", "BINPUT", "LONG_BINPUT"}
FETCHES = {"GET", "BINGET", "LONG_BINGET"}


class Record:
    """What a pickle would have built: the name it called, its arguments, and the state it set."""

    name: Name = ("", "")
    args: tuple[Any, ...] = ()
    state: Any = None

    def __new__(cls, *args: Any) -> Record:  # noqa: PYI034 - REDUCE and NEWOBJ both come here
        """Keep the arguments."""
        made = object.__new__(cls)
        made.args = args
        return made

    def __setstate__(self, state: Any) -> None:
        """Keep the state."""
        self.state = state


def read(path: Path, allowed: frozenset[Name]) -> Any:
    """Return the tree of records, lists, dicts, strings, bytes and numbers in a pickle.

    ``allowed``: pairs of module and name that may occur. Raises UserError, before anything is
    built, for every other name, and for a file that is truncated or no pickle.
    """
    content = path.read_bytes()
    for module, name in _names(path, content):
        if (module, name) not in allowed:
            raise UserError(
                f"{path}: refused: this pickle refers to {_shown(module, name)}, which a plain "
                "data frame of numbers does not need; nothing of it was run; "
                "write the table as Parquet"
            )
    try:
        return _InertUnpickler(io.BytesIO(content), allowed).load()
    except Exception as error:
        # whatever a hostile pickle makes the stack machine raise
        raise UserError(f"{path}: not a valid pickle ({type(error).__name__}: {error})") from error


class _InertUnpickler(pickle.Unpickler):
    """Replaces every allowed name by a Record class that lives as long as this reading."""

    def __init__(self, file: io.BytesIO, allowed: frozenset[Name]) -> None:
        super().__init__(file)
        self._records = {name: type("Record", (Record,), {"name": name}) for name in allowed}

    def find_class(self, module: str, name: str) -> Any:
        """Look nothing up: return the Record class, or raise where the scan was deceived."""
        return self._records[module, name]


def _names(path: Path, content: bytes) -> Iterator[Name]:
    """Yield each (module, name) that a pickle refers to, without running it.

    From protocol 4 on a name is two strings on the stack. Python's own pickler puts them there
    directly before, as strings or from its memo; a pickle that does otherwise is refused.
    """
    memo: dict[int, str | None] = {}
    recent: list[str | None] = [None, None]  # the two topmost values, where they are strings
    for operation, argument, _ in _operations(path, content):
        code = operation.name
        if code in REFUSED:
            raise UserError(f"{path}: refused: the instruction {code} has no place in a data frame")
        if code == "GLOBAL":
            module, _, name = str(argument).partition(" ")
            yield module, name
        elif code == "STACK_GLOBAL":
            if None in recent:
                raise UserError(f"{path}: refused: this pickle computes a name that it refers to")
            yield str(recent[0]), str(recent[1])
        if code in STORES or code == "MEMOIZE":
            slot = len(memo) if code == "MEMOIZE" else int(argument)
            if slot > len(content):  # the unpickler would reserve that much memory
                raise UserError(f"{path}: not a valid pickle (memo slot {slot})")
            memo[slot] = recent[1]
        elif code in STRINGS:
            recent = [recent[1], str(argument)]
        elif code in FETCHES:
            recent = [recent[1], memo.get(int(argument))]
        elif code not in {"FRAME", "PROTO"}:
            recent = [None, None]


def _operations(path: Path, content: bytes) -> Iterator[tuple[pickletools.OpcodeInfo, Any, Any]]:
    operations = pickletools.genops(content)
    while True:
        try:
            operation = next(operations, None)
        except (ValueError, EOFError, IndexError) as error:
            raise UserError(
                f"{path}: truncated or not a pickle ({error}); copy or download it again"
            ) from error
        if operation is None:
            return
        yield operation


def _shown(module: str, name: str) -> str:
    return repr(f"{module}.{name}"[:120])
