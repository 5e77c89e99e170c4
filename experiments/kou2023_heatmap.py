"""Benign overfitting of ReLU networks over dimension and signal norm, 100 000 runs.

The same as `theorysim reproduce kou2023-heatmap`.
"""

from theorysim.reproduce import reproduce

if __name__ == "__main__":
    report = reproduce("kou2023-heatmap", progress=True)
    print(report.text)
    for path in report.write("results"):
        print(f"wrote {path}")
