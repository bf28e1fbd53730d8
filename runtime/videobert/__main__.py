"""`python -m videobert` is the `videobert` command."""

from __future__ import annotations

from videobert.cli.entry import main

if __name__ == "__main__":
    main()
