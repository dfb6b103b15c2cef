"""Settings: frozen values, read once at the edges. The only room that reads the environment."""

from spleeter_nb.config.kinds import AlertThresholds
from spleeter_nb.config.origins import Setting
from spleeter_nb.config.settings import SpleeterConfig
from spleeter_nb.config.tables import NOT_YET

__all__ = ["NOT_YET", "AlertThresholds", "Setting", "SpleeterConfig"]
