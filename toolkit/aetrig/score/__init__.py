"""Scores, accept bits and rates of data sets of any size, in constant memory."""
