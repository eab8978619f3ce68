"""Pipelined RTL of a Program, checked cycle by cycle in Verilator."""
