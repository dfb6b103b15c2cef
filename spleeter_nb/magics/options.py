"""What can be said to ``%separate``, in one table: parsing, ``%config``, help and completion all read it.

Letters and names are those of the command line, which has Spleeter's.
"""

from __future__ import annotations

import textwrap
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Literal, TypeAlias, get_args

from spleeter_nb.audio import CODECS, BitDepth
from spleeter_nb.engine.options import Options, parse_preprocess
from spleeter_nb.engine.targets import OnExist
from spleeter_nb.models import CATALOG
from spleeter_nb.net.runtime import Precision
from spleeter_nb.values import MaskExtension, NonFinite, OnCorrupt, Preprocess

if TYPE_CHECKING:
    from collections.abc import Callable

Paths: TypeAlias = Literal["none", "folders", "models"]


def _number(text: str) -> int | float | str | None:
    """Read a number; what is none stays text, and is refused by whoever knows what is allowed."""
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return _text(text)


def _text(text: str) -> str | None:
    return None if text == "none" else text


def _preprocess(text: str) -> Preprocess | None:
    return None if text == "none" else parse_preprocess(text)


@dataclass(frozen=True, slots=True, kw_only=True)
class Option:
    """One option."""

    name: str
    """Of the keyword, or of the setting, that it gives."""
    flags: tuple[str, ...]
    help: str
    """One sentence without its full stop; the default is added."""
    metavar: str = ""
    """What stands for its value in the help; empty: it takes none."""
    choices: tuple[str, ...] = ()
    """Values that are offered; who takes the value knows which are allowed."""
    paths: Paths = "none"
    """Which paths are offered."""
    read: Callable[[str], object] = _text
    """Makes a value of its text; ``none`` is None."""
    means: bool = True
    """What an option says that takes no value."""
    opposite: str = ""
    """The flag that says the contrary."""


DEFAULT_MODEL = "spleeter:2stems"

_INSTRUMENTS = tuple(dict.fromkeys(name for entry in CATALOG.values() for name in entry.spec.instruments))

SEPARATION = (
    Option(
        name="model",
        flags=("-p", "--params_filename"),
        help="A model's name, or the path of a Spleeter configuration",
        metavar="MODEL",
        choices=tuple(CATALOG),
        paths="models",
    ),
    Option(
        name="output_dir",
        flags=("-o", "--output_path"),
        help="Folder of the stems; by default they stay in memory",
        metavar="FOLDER",
        paths="folders",
    ),
    Option(
        name="codec",
        flags=("-c", "--codec"),
        help="One of wav, flac, mp3, ogg, m4a, wma",
        metavar="CODEC",
        choices=tuple(CODECS),
    ),
    Option(
        name="bit_depth",
        flags=("--bit-depth",),
        help="Of wav and flac: 16, 24, 32 or float; by default 16",
        metavar="BITS",
        choices=tuple(map(str, get_args(BitDepth))),
        read=_number,
    ),
    Option(
        name="bitrate",
        flags=("-b", "--bitrate"),
        help="Of the other codecs, as in 128k; by default the codec's own",
        metavar="BITRATE",
        choices=("128k", "192k", "256k", "320k"),
    ),
    Option(
        name="filename_format",
        flags=("-f", "--filename_format"),
        help="Path of a stem below the folder; its fields are no variables",
        metavar="TEMPLATE",
    ),
    Option(
        name="on_exist",
        flags=("--on-exist",),
        help="What happens to files that are there: overwrite, skip or error",
        metavar="WHAT",
        choices=get_args(OnExist),
    ),
    Option(name="offset", flags=("-s", "--offset"), help="Seconds to skip", metavar="SECONDS", read=_number),
    Option(
        name="duration",
        flags=("-d", "--duration"),
        help="Seconds to separate; all by default",
        metavar="SECONDS",
        read=_number,
    ),
    Option(
        name="precision",
        flags=("--precision",),
        help="float32 (exact) or bfloat16 (fast)",
        metavar="TYPE",
        choices=get_args(Precision),
    ),
    Option(
        name="device",
        flags=("--device",),
        help="auto, cpu, gpu or cuda:0",
        metavar="DEVICE",
        choices=("auto", "cpu", "gpu", "cuda:0"),
    ),
    Option(
        name="overlap",
        flags=("--overlap",),
        help="Of neighbouring segments, 0 to 0.5",
        metavar="SHARE",
        read=_number,
    ),
    Option(
        name="wiener",
        flags=("--mwf", "--wiener"),
        opposite="--no-mwf",
        help="Refine with the multichannel Wiener filter",
    ),
    Option(
        name="mask_extension",
        flags=("--mask-extension",),
        help="zeros or average above the model's band; by default the model's own",
        metavar="WHAT",
        choices=get_args(MaskExtension),
    ),
    Option(
        name="residual",
        flags=("--residual",),
        help="Where sound goes that no stem took: 'stem', or a stem's name",
        metavar="STEM",
        choices=("stem", *_INSTRUMENTS),
    ),
    Option(
        name="on_corrupt",
        flags=("--on-corrupt",),
        help="Of a damaged file: error, or salvage what comes before the damage",
        metavar="WHAT",
        choices=get_args(OnCorrupt),
    ),
    Option(
        name="nonfinite",
        flags=("--nonfinite",),
        help="Of values that are no numbers or no sound: zero or error",
        metavar="WHAT",
        choices=get_args(NonFinite),
    ),
    Option(
        name="preprocess",
        flags=("--preprocess",),
        help="Done to songs before, as in remove_dc,high_pass=30,loudness=-23; or nothing",
        metavar="WHAT",
        choices=("nothing", "remove_dc", "high_pass=20", "loudness=-23", "noise_reduction=0.8", "trim_silence=-60"),
        read=_preprocess,
    ),
    Option(
        name="cache",
        flags=("--cache",),
        opposite="--no-cache",
        help="Take stems from the cache, and put new ones there",
    ),
    Option(
        name="progress",
        flags=("--progress",),
        opposite="--no-progress",
        help="Draw a progress bar",
    ),
    Option(
        name="spectrograms",
        flags=("--spectrograms",),
        opposite="--no-spectrograms",
        help="Show spectrograms of mixture and stems below; not with -q",
    ),
)
"""What ``%config`` can set, too."""

OF_ONE_CALL = (
    Option(
        name="sample_rate",
        flags=("--sample-rate",),
        help="Of arrays, which do not know their own",
        metavar="HZ",
        read=_number,
    ),
    Option(
        name="stem_mp4",
        flags=("--stem-mp4",),
        help="Write mixture and stems to one .stem.mp4, too, beside the files of -o",
    ),
    Option(name="recursive", flags=("-r", "--recursive"), help="Look into the sub-folders of a folder, too"),
    Option(name="var", flags=("--var",), help="Store the result in this variable", metavar="NAME"),
    Option(name="quiet", flags=("-q", "--quiet"), help="No progress, and nothing is displayed; name it by = or --var"),
    Option(
        name="models_dir",
        flags=("--models-dir",),
        help="Folder of the models",
        metavar="FOLDER",
        paths="folders",
    ),
    Option(name="auto_download", flags=("--offline",), means=False, help="Never fetch a model"),
)

_DEFAULTS = {"model": DEFAULT_MODEL} | {field.name: field.default for field in fields(Options)}

OPTIONS = (*SEPARATION, *OF_ONE_CALL)


def normal(flag: str) -> str:
    """Write a flag in one way: people take ``-`` for ``_`` and the other way round."""
    return flag.replace("_", "-")


FLAGS = {flag: option for option in OPTIONS for flag in (*option.flags, *filter(None, [option.opposite]))}
"""The option of each flag."""

NORMAL_FLAGS = {normal(flag): option for flag, option in FLAGS.items()}
"""The option of each flag, in the one way to write it."""

_INTRODUCTION = """Separate songs into stems.

Examples::

    %separate song.mp3
    %separate "My Song.mp3" -p spleeter:4stems -o stems -c flac
    %separate samples --sample-rate 44100 --var result -q
    stems = %separate ~/music/song.ogg --duration 30 --mwf
    %separate album/*.mp3 -o stems --on-exist skip
    %separate album -r -o stems
    %separate song.mp3 --spectrograms

    %%separate -o stems
    # one source a line, without quotes
    My Song.mp3
    album/*.flac
    a_variable

A source is a path, a pattern, a folder, or a variable that holds a path, an
array, bytes, an open file, or a list of these. Of a name that is both, the
variable is taken: write ./name for the file. Quotes keep blanks together, and a
backslash is only a backslash. {expressions} and $variables are filled in.

One song gives its SeparationResult. Several songs, a pattern, a folder, a list,
and %%separate give a list of results in their order; in the place of a song that
failed stands its error, which is shown, too.

Options::

"""

_SESSION = """

Defaults of the session::

    %config SeparateMagics                          show them all
    %config SeparateMagics.precision = 'bfloat16'   set one; None unsets it

What a call says goes before %config, which goes before the environment
(SPLEETER_*), the configuration file, and the defaults.
"""


def help_text() -> str:
    """Explain the magic with examples, and each option."""
    return _INTRODUCTION + "\n".join(map(_row, OPTIONS)) + _SESSION


def explained(option: Option) -> str:
    """Explain one option, with its default."""
    return with_default(option.help, _DEFAULTS.get(option.name))


def with_default(text: str, default: object) -> str:
    """Add a default to what explains an option or a setting; None is none."""
    return f"{text}." if default is None else f"{text} (default: {default})."


def _row(option: Option) -> str:
    flags = ", ".join(filter(None, [*option.flags, option.opposite]))
    text = f"{f'{flags} {option.metavar}'.rstrip():33} {explained(option)}"
    return textwrap.fill(text, 88, initial_indent=" " * 4, subsequent_indent=" " * 38, break_on_hyphens=False)
