"""Feature-based reweighting on digits: detection, ablations, and what training gains by it.

The same as `theorysim reproduce zhang2025-fbr`.
"""

from theorysim.reproduce import reproduce

if __name__ == "__main__":
    report = reproduce("zhang2025-fbr", progress=True)
    print(report.text)
    for path in report.write("results"):
        print(f"wrote {path}")
