"""What was fuzzed so far: one line a session and target, added up into a table."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path


@dataclass(frozen=True)
class Session:
    """One target's search.

    ``coverage``: branches of Python code reached; ``features``: those, with how often.
    ``finds``: kinds of failures seen. ``commit``: of the code that was searched.
    """

    target: str
    seconds: int
    executions: int
    coverage: int
    features: int
    finds: tuple[str, ...]
    commit: str
    machine: str
    date: str


def add(path: Path, session: Session) -> None:
    """Append a session."""
    with path.open("a", encoding="utf-8") as file:
        file.write(json.dumps(asdict(session)) + "\n")


def read(path: Path) -> list[Session]:
    """Return the sessions."""
    if not path.exists():
        return []
    contents = map(json.loads, path.read_text(encoding="utf-8").splitlines())
    return [Session(**{**content, "finds": tuple(content["finds"])}) for content in contents]


def table(sessions: list[Session], what: dict[str, str]) -> str:
    """Return a row a target: seconds, executions, the best coverage, kinds of failures found.

    ``what``: by target, what it reads.
    """
    rows = ["| target | reads | seconds | executions | branches | features | finds |",
            "|---|---|---:|---:|---:|---:|---:|"]  # fmt: skip
    kinds: set[tuple[str, str]] = set()
    for target, text in what.items():
        own = [session for session in sessions if session.target == target]
        if not own:
            continue
        found = {(target, kind) for session in own for kind in session.finds}
        kinds |= found
        rows.append(
            f"| {target} | {text} | {sum(one.seconds for one in own):,} "
            f"| {sum(one.executions for one in own):,} | {max(one.coverage for one in own):,} "
            f"| {max(one.features for one in own):,} | {len(found)} |"
        )
    rows.append(
        f"| **all** | | {sum(one.seconds for one in sessions):,} "
        f"| {sum(one.executions for one in sessions):,} | | | {len(kinds)} |"
    )
    return "\n".join(rows)
