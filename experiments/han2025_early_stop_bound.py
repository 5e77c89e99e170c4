"""The test error at T1, down to 10⁻¹⁰⁰⁰, over n and d.

The same as `theorysim reproduce han2025-early-stop-bound`.
"""

from theorysim.reproduce import reproduce

if __name__ == "__main__":
    report = reproduce("han2025-early-stop-bound", progress=True)
    print(report.text)
    for path in report.write("results"):
        print(f"wrote {path}")
