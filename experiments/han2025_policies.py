"""Early stopping and sample selection against training to convergence.

The same as `theorysim reproduce han2025-policies`.
"""

from theorysim.reproduce import reproduce

if __name__ == "__main__":
    report = reproduce("han2025-policies", progress=True)
    print(report.text)
    for path in report.write("results"):
        print(f"wrote {path}")
