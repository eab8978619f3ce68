"""The ladder of stages, bit accuracy, physics limits, latency."""
