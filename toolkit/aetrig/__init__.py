"""aetrig: from events to a checked anomaly trigger.

`aetrig.api` holds each command of the program as one Python call.
"""

import warnings

# says at import that an optional speed-up of transformers is not installed
warnings.filterwarnings("ignore", module=r"brevitas\.")

__version__ = "0.1.0"
