"""How tight the bounds are: exponents of T1 and T2 with intervals, test error, verdicts.

The same as `theorysim reproduce huang2025-bounds`.
"""

from theorysim.reproduce import reproduce

if __name__ == "__main__":
    report = reproduce("huang2025-bounds", progress=True)
    print(report.text)
    for path in report.write("results"):
        print(f"wrote {path}")
