"""Exponents of T1, error of early stopping over d/n, a verdict for every statement.

The same as `theorysim reproduce han2025-bounds`.
"""

from theorysim.reproduce import reproduce

if __name__ == "__main__":
    report = reproduce("han2025-bounds", progress=True)
    print(report.text)
    for path in report.write("results"):
        print(f"wrote {path}")
