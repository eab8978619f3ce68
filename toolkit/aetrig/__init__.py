"""aetrig: from events to a checked anomaly trigger.

`aetrig.api` holds each command of the program as one Python call.
"""

__version__ = "0.1.0"
