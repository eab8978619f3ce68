"""Pictures of a run, and one page that holds them with the verdict."""
