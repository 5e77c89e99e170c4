"""Make a figure of a paper again: ``python experiments/reproduce.py huang2025-fig2 --seeds 3 --out results``.

The same as ``theorysim reproduce``, spelled out. Figures come with papers, ours and those of other packages: each is a
function of the public library that returns a report, which is a picture, tables, and sentences that say what was
measured. Without a name this lists them.
"""

import argparse
from pathlib import Path

from theorysim.reproduce import figures, reproduce


def main() -> None:
    """Run one figure and write what it shows."""
    parser = argparse.ArgumentParser(description="Make a figure of a paper again.")
    parser.add_argument("name", nargs="?", help="which; without it they are listed")
    parser.add_argument("--seeds", type=int, help="independent runs per setting (default: the figure's own)")
    parser.add_argument("--out", type=Path, default=Path("results"), help="folder to write to (default %(default)s)")
    options = parser.parse_args()
    if options.name is None:
        for name, figure in figures().items():
            print(f"{name:26}{figure.text}")
        return
    report = reproduce(options.name, seeds=options.seeds, progress=True)
    for path in report.write(options.out):
        print(f"wrote {path}")
    print(f"\n{report.title}\n\n{report.text}")


if __name__ == "__main__":
    main()
