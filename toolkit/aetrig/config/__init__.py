"""The one description of a run, and how it is read from YAML."""

from aetrig.config.load import dump, load, loads, schema
from aetrig.config.model import RunConfig

__all__ = ["RunConfig", "dump", "load", "loads", "schema"]
