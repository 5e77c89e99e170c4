"""Gradient descent memorises noise, label-noise gradient descent learns the signal.

The same as `theorysim reproduce huang2025-fig2`.
"""

from theorysim.reproduce import reproduce

if __name__ == "__main__":
    report = reproduce("huang2025-fig2", progress=True)
    print(report.text)
    for path in report.write("results"):
        print(f"wrote {path}")
