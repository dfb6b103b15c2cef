"""Write the demo song as the elements that src/afm/standalone.ts reads, for the page in dev/.

``python dev/song.py > elements.html``; needs the package's environment.
"""

import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from spleeter_nb import StemPlayer, demo_song

song = demo_song()
stems = {name: song.references[name] for name in ("vocals", "drums", "bass", "other")}
player = StemPlayer(stems, sample_rate=song.sample_rate, mixture=sum(stems.values()), title="The demo song")
with TemporaryDirectory() as folder:
    page = player.save_html(Path(folder) / "song.html").read_text("utf-8")
sys.stdout.writelines(line for line in page.splitlines(keepends=True) if line.startswith('<script type="application/'))
