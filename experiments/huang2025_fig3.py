"""Huang et al. 2025, Figure 3, over seeds: the same as `theorysim reproduce huang2025-fig3`."""

from theorysim.reproductions import reproduce

if __name__ == "__main__":
    # Ctrl-C, and run it again: it goes on.
    report = reproduce("huang2025-fig3", progress=True, store="huang2025-fig3.db")
    print(report.text)
    for path in report.write("results"):
        print(f"wrote {path}")
