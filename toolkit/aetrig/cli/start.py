"""The entry point: it listens before anything large is imported."""

from __future__ import annotations

from aetrig.cli import interrupts


def main() -> None:
    """Run the program `aetrig`."""
    interrupts.listen()
    from aetrig.cli.main import main as program

    program()
