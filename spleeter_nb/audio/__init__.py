"""Files, bytes and arrays in, files out: the only room that knows soundfile and PyAV."""

from spleeter_nb.audio.codecs import CODECS, Bitrate, Encoding, choose_encoding, fitting_bitrate
from spleeter_nb.audio.limits import NO_LIMITS, Limits
from spleeter_nb.audio.opening import open_audio, probe, read_blocks
from spleeter_nb.audio.pcm import BitDepth
from spleeter_nb.audio.reader import AudioReader
from spleeter_nb.audio.sniff import ENDINGS
from spleeter_nb.audio.stem_mp4 import STEM_PLACES, read_stem_names, stem_encoding
from spleeter_nb.audio.tags import read_tags
from spleeter_nb.audio.writer import AudioWriter, write

__all__ = [
    "CODECS",
    "ENDINGS",
    "NO_LIMITS",
    "STEM_PLACES",
    "AudioReader",
    "AudioWriter",
    "BitDepth",
    "Bitrate",
    "Encoding",
    "Limits",
    "choose_encoding",
    "fitting_bitrate",
    "open_audio",
    "probe",
    "read_blocks",
    "read_stem_names",
    "read_tags",
    "stem_encoding",
    "write",
]
