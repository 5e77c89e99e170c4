"""How tight are the bounds of Huang et al. 2025? The same as `theorysim reproduce huang2025-bounds`."""

from theorysim.reproductions import reproduce

if __name__ == "__main__":
    report = reproduce("huang2025-bounds", progress=True)
    print(report.text)
    for path in report.write("results"):
        print(f"wrote {path}")
