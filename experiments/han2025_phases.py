"""Where the first stage exists, over n·SNR² and flip rate.

The same as `theorysim reproduce han2025-phases`.
"""

from theorysim.reproduce import reproduce

if __name__ == "__main__":
    report = reproduce("han2025-phases", progress=True)
    print(report.text)
    for path in report.write("results"):
        print(f"wrote {path}")
