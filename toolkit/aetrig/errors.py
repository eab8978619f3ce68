"""The four ways a command ends without its result, each with its exit code."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches


class AetrigError(Exception):
    """An error told to the user as one line; ``exit_code`` is the process's status."""

    exit_code = 1


class UserError(AetrigError):
    """Bad input: what was wrong, where, what was found, what was expected, what to do."""

    exit_code = 2


class CheckFailedError(AetrigError):
    """A check of the chain did not hold: two stages disagree, or a limit was missed."""

    exit_code = 1


class MissingToolError(AetrigError):
    """A program outside Python is needed and was not found."""

    exit_code = 3


def did_you_mean(word: str, known: Iterable[str], count: int = 1) -> str:
    """Return ``"; did you mean 'x'?"`` with the nearest known words, or an empty string."""
    near = get_close_matches(word, list(known), n=count, cutoff=0.5)
    if not near:
        return ""
    return "; did you mean " + " or ".join(f"'{name}'" for name in near) + "?"
