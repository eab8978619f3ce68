"""What scripts/bench measures: a group a file, each row beside what one would otherwise use."""
