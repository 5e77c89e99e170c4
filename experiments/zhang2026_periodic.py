"""The same with label noise switched on and off.

The same as `theorysim reproduce zhang2026-periodic`.
"""

from theorysim.reproduce import reproduce

if __name__ == "__main__":
    report = reproduce("zhang2026-periodic", progress=True)
    print(report.text)
    for path in report.write("results"):
        print(f"wrote {path}")
