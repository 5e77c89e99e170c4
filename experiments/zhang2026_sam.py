"""The same under sharpness-aware minimisation, whole and in parts; oscillation alone.

The same as `theorysim reproduce zhang2026-sam`.
"""

from theorysim.reproduce import reproduce

if __name__ == "__main__":
    report = reproduce("zhang2026-sam", progress=True)
    print(report.text)
    for path in report.write("results"):
        print(f"wrote {path}")
