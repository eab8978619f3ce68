"""The commands: parse, one library call, print. Heavy imports stay inside the functions."""
