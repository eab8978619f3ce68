"""The hand-over to a firmware engineer: one reproducible zip."""
