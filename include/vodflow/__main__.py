"""``python -m vodflow``: the same as the command ``vodflow``."""

from vodflow.cli import main

if __name__ == "__main__":
    main()
