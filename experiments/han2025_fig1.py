"""Fixed noisy labels: signal first, noise later, in four settings.

The same as `theorysim reproduce han2025-fig1`.
"""

from theorysim.reproduce import reproduce

if __name__ == "__main__":
    report = reproduce("han2025-fig1", progress=True)
    print(report.text)
    for path in report.write("results"):
        print(f"wrote {path}")
