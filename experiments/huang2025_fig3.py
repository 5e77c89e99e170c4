"""The same over sample size and SNR, as a phase diagram.

The same as `theorysim reproduce huang2025-fig3`.
"""

from theorysim.reproduce import reproduce

if __name__ == "__main__":
    report = reproduce("huang2025-fig3", progress=True)
    print(report.text)
    for path in report.write("results"):
        print(f"wrote {path}")
