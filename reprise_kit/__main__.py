"""`python -m reprise_kit` is the command `reprise`."""

from reprise_kit.cli import main

if __name__ == "__main__":
    main()
