"""Where this package tells what it does."""

import logging

logger = logging.getLogger("spleeter_nb")
"""Its level is what scripts change: ``logger.setLevel("ERROR")``."""
