"""What makes the weights of noisy samples come back late, and freezing them as a remedy.

The same as `theorysim reproduce zhang2025-drift`.
"""

from theorysim.reproduce import reproduce

if __name__ == "__main__":
    report = reproduce("zhang2025-drift", progress=True)
    print(report.text)
    for path in report.write("results"):
        print(f"wrote {path}")
