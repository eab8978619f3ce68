"""The four ways a command ends without its result, each with its exit code."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches

LONGEST = 2000  # characters of a message


class AetrigError(Exception):
    """An error told to the user as one line; ``exit_code`` is the process's status.

    What a file says is part of many messages: line ends and control characters of it are written
    out, and a long one is cut in its middle.
    """

    exit_code = 1

    def __str__(self) -> str:
        """Return the message as one printable line."""
        text = super().__str__()
        if len(text) > LONGEST:
            text = f"{text[: LONGEST // 2]} ... {text[-LONGEST // 2 :]}"
        if text.isprintable():
            return text
        return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)


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
