"""What every part of the configuration is made of."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.+-]*$", max_length=80)]


class Model(BaseModel):
    """Base of all configuration: immutable, no unknown keys, no silent conversions of numbers."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)
