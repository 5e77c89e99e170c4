"""When all neurons have left the lazy regime: exponents, bound and derived law.

The same as `theorysim reproduce zhang2026-theorem2`.
"""

from theorysim.reproduce import reproduce

if __name__ == "__main__":
    report = reproduce("zhang2026-theorem2", progress=True)
    print(report.text)
    for path in report.write("results"):
        print(f"wrote {path}")
