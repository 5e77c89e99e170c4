"""Small loss, early stopping, oracle and learned weights on one signal-noise problem.

The same as `theorysim reproduce selection-methods`.
"""

from theorysim.reproduce import reproduce

if __name__ == "__main__":
    report = reproduce("selection-methods", progress=True)
    print(report.text)
    for path in report.write("results"):
        print(f"wrote {path}")
