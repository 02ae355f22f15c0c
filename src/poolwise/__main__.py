"""`python -m poolwise`."""

from poolwise.app.cli import main

if __name__ == "__main__":
    main()
