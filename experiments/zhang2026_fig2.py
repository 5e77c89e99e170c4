"""Linear networks under label-noise SGD: neurons shrink, then align.

The same as `theorysim reproduce zhang2026-fig2`.
"""

from theorysim.reproduce import reproduce

if __name__ == "__main__":
    report = reproduce("zhang2026-fig2", progress=True)
    print(report.text)
    for path in report.write("results"):
        print(f"wrote {path}")
