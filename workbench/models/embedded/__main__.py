"""``python -m workbench.models.embedded``: run the embedded server in this process."""

from __future__ import annotations

import argparse
import os
import sys

from workbench.errors import ModelUnavailable


def main(argv: list[str] | None = None) -> int:
    """Serve until idle; returns 0, or 1 with one line on stderr."""
    # Read by the OpenMP runtime when it is loaded, so it must be set before any engine is.
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
    from workbench.models.embedded.process import ServeOptions, serve
    from workbench.models.home import home_directory

    parser = argparse.ArgumentParser(prog="workbench.models.embedded")
    parser.add_argument("--port", type=int, default=0, help="0 takes any free port")
    parser.add_argument("--idle-stop-s", type=float, default=900)
    given = parser.parse_args(argv)
    home = home_directory(os.environ)
    try:
        serve(ServeOptions(home, port=given.port, idle_stop_s=given.idle_stop_s))
    except ModelUnavailable as error:
        print(error, file=sys.stderr)  # noqa: T201
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
