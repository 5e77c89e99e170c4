"""The end of the first stage over signal strength and flip rate.

The same as `theorysim reproduce han2025-fig3`.
"""

from theorysim.reproduce import reproduce

if __name__ == "__main__":
    report = reproduce("han2025-fig3", progress=True)
    print(report.text)
    for path in report.write("results"):
        print(f"wrote {path}")
