"""Settings from the environment: ``SPLEETER_*``, and variables of Spleeter's own."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING, Any

import pydantic
from pydantic_settings import EnvSettingsSource

from spleeter_nb.config.origins import Given, Layer, Origin
from spleeter_nb.exceptions import UnknownOptionError, nearest

if TYPE_CHECKING:
    from pydantic.fields import FieldInfo
    from pydantic_settings import BaseSettings

# What names the file, what the project's own tools use, and what Kubernetes sets in every container beside a service
# whose name begins with "spleeter".
_NO_SETTINGS = re.compile(
    r"CONFIG=.*|NB_.*|(\w+_)?(SERVICE_(HOST|PORT(_\w+)?)|PORT_\d+_(TCP|UDP|SCTP)(_\w+)?)=.*"
    r"|(\w+_)?PORT=(tcp|udp|sctp)://.*",
    re.DOTALL,
)


class _Variables(EnvSettingsSource):
    """Texts become what their field holds, and never by way of JSON: a folder may be called 5 or null."""

    def prepare_field_value(self, field_name: str, field: FieldInfo, value: Any, value_is_complex: bool) -> Any:  # noqa: ARG002, FBT001 - as the library calls it
        kind: Any = field.annotation
        if value is None:
            return None
        try:
            return pydantic.TypeAdapter(kind).validate_strings(value)
        except pydantic.ValidationError:
            return value


def variable_of(name: str) -> str | None:
    """Tell the variable of a setting, None if it has none."""
    if name == "alert_thresholds":
        return None
    return name.upper() if name.startswith("github_") else f"SPLEETER_{name.upper()}"


def read_model_path() -> str | None:
    """Read ``MODEL_PATH``, where Spleeter has its models; its name is too common to hold for all that is done here."""
    return os.environ.get("MODEL_PATH") or None


def read_environment(settings: type[BaseSettings]) -> tuple[Layer, str | None]:
    """Read the variables of `settings`, in upper or lower case; empty ones are left out.

    Returns
    -------
    layer : mapping of str to Given
        Values by the name of the setting. A text that can be no value of it stays, to be refused where it is used.
    file : str or None
        What ``SPLEETER_CONFIG`` says.

    Raises
    ------
    UnknownOptionError
        If a variable begins with ``SPLEETER_`` and is none of ours.
    """
    source = _Variables(settings)
    known = {variable: name for name in settings.model_fields if (variable := variable_of(name))}
    for variable, text in source.env_vars.items():
        _check_known(variable.upper(), text or "", known)
    texts = source()
    given = {
        name: Given(texts[name], Origin("environment", variable)) for variable, name in known.items() if name in texts
    }
    return given, source.env_vars.get("spleeter_config")


def _check_known(variable: str, text: str, known: dict[str, str]) -> None:
    prefix, _, rest = variable.partition("_")
    if prefix == "SPLEETER" and variable not in known and not _NO_SETTINGS.fullmatch(f"{rest}={text}"):
        raise UnknownOptionError(
            f"The environment sets {variable}, and there is no such setting.{nearest(variable, known)} Rename or unset "
            f"it. The variables are {', '.join(known)}.",
            variable=variable,
            allowed=tuple(known),
        )
