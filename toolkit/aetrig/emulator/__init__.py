"""The fast, bit-exact emulator of a Program: one shared library with a C interface."""
