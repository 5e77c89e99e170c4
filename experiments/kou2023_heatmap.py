"""Kou et al. 2023, the diagram over dimension and signal norm: the same as `theorysim reproduce kou2023-heatmap`."""

from theorysim.reproductions import reproduce

if __name__ == "__main__":
    # Ctrl-C, and run it again: it goes on.
    report = reproduce("kou2023-heatmap", progress=True, store="kou2023-heatmap.db")
    print(report.text)
    for path in report.write("results"):
        print(f"wrote {path}")
