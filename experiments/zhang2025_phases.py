"""Sample weights learned from a few clean samples: alignment, filtering, post-filtering.

The same as `theorysim reproduce zhang2025-phases`.
"""

from theorysim.reproduce import reproduce

if __name__ == "__main__":
    report = reproduce("zhang2025-phases", progress=True)
    print(report.text)
    for path in report.write("results"):
        print(f"wrote {path}")
