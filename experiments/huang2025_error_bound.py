"""The test error of label-noise gradient descent, down to 10⁻¹⁰⁰⁰, over n and d.

The same as `theorysim reproduce huang2025-error-bound`.
"""

from theorysim.reproduce import reproduce

if __name__ == "__main__":
    report = reproduce("huang2025-error-bound", progress=True)
    print(report.text)
    for path in report.write("results"):
        print(f"wrote {path}")
