"""That diagram where d = n² log n, inside the regime of the theorems.

The same as `theorysim reproduce huang2025-fig3-inside`.
"""

from theorysim.reproduce import reproduce

if __name__ == "__main__":
    report = reproduce("huang2025-fig3-inside", progress=True)
    print(report.text)
    for path in report.write("results"):
        print(f"wrote {path}")
