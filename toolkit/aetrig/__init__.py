"""aetrig: from events to a checked anomaly trigger.

`aetrig.api` holds each command of the program as one Python call.
"""

import logging
import warnings

# says at import that an optional speed-up of transformers is not installed
warnings.filterwarnings("ignore", module=r"brevitas\.")
# Brevitas takes names from tensors, of which torch says that naming them may change
warnings.filterwarnings("ignore", message="Named tensors and all their associated APIs")
# Brevitas imports torch's compiler of extensions, which tells CUDA toolkits without a GPU
logging.getLogger("torch.utils.cpp_extension").setLevel(logging.ERROR)

__version__ = "0.1.0"
