"""Huang et al. 2025, Figure 3, inside the regime: the same as `theorysim reproduce huang2025-fig3-inside`."""

from theorysim.reproductions import reproduce

if __name__ == "__main__":
    # Ctrl-C, and run it again: it goes on.
    report = reproduce("huang2025-fig3-inside", progress=True, store="huang2025-fig3-inside.db")
    print(report.text)
    for path in report.write("results"):
        print(f"wrote {path}")
