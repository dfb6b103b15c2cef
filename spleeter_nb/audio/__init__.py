"""Files, bytes and arrays in, files out: the only room that knows soundfile and PyAV."""

from spleeter_nb.audio.codecs import CODECS, Bitrate, Encoding, choose_encoding
from spleeter_nb.audio.pcm import BitDepth
from spleeter_nb.audio.reader import AudioReader, open_audio, probe, read_blocks
from spleeter_nb.audio.writer import AudioWriter, write

__all__ = [
    "CODECS",
    "AudioReader",
    "AudioWriter",
    "BitDepth",
    "Bitrate",
    "Encoding",
    "choose_encoding",
    "open_audio",
    "probe",
    "read_blocks",
    "write",
]
