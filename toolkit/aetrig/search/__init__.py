"""Many trainings at once: a scan along one option of the config."""
