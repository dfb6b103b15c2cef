"""``python -m spleeter_nb`` is ``spleeter-nb``."""

from spleeter_nb.cli import main

if __name__ == "__main__":
    main()
