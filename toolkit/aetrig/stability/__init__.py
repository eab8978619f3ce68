"""How rate and efficiency of a trigger move under conditions that drift."""
