"""Sources of events, each as integers on a declared grid; splitting and scaling them."""
