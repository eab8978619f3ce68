"""Trials: each module is one command of `scripts/trust`, with a ``main`` that takes its words."""
