"""Names for what adapters take and give."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

AudioDescriptor: TypeAlias = Any
"""What describes a song to an adapter: for files, a path."""

Signal: TypeAlias = tuple[npt.NDArray[np.generic], float]
"""Samples ``(samples, channels)`` and their rate in Hz."""
