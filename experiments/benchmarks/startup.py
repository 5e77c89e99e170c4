"""Start-up and memory, each measured in a fresh process.

    python experiments/benchmarks/startup.py [--memory-steps 200000]

1. Seconds for `import theorysim`; for the first simulate() ever (empty kernel cache, compilation included);
   from import to result in later processes.
2. Peak memory of a long run at n = 700 with label noise (it is drawn in blocks) and of the same at d = 10¹².
"""

import argparse
import os
import subprocess
import sys
import tempfile
from statistics import median

IMPORT = "import time; t = time.perf_counter(); import theorysim; print(time.perf_counter() - t)"
RUN = """
import time; t = time.perf_counter()
import theorysim as ts
problem = ts.SignalNoise(n=20, d=1000, m=5, signal_norm=2.0, noise_std=0.5, init_std=0.01)
ts.simulate(problem, ts.GradientDescent(1.0, ts.Flip(0.1)), steps=200).observables
print(time.perf_counter() - t)
"""
MEMORY = """
import resource
import theorysim as ts
problem = ts.SignalNoise(n=700, d={d}, m=20, signal_norm=2.0, noise_std=0.5, init_std=0.01)
run = ts.simulate(problem, ts.GradientDescent(1000.0 / {d}, ts.Flip(0.1)), steps={steps}, record_at={record})
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
"""


def fresh(code: str, cache: str) -> float:
    """The number that a fresh Python process prints."""
    environment = os.environ | {"NUMBA_CACHE_DIR": cache}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    return float(done.stdout)


def main() -> None:
    """Print all figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--memory-steps", type=int, default=200_000, help="steps of the long run (default %(default)s)")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as cache:
        fresh(IMPORT, cache)
        imports = [fresh(IMPORT, cache) for _ in range(5)]
        print(f"import theorysim: {median(imports):.2f} s [{min(imports):.2f}, {max(imports):.2f}]")
        print(f"first simulate() ever, compilation included: {fresh(RUN, cache):.1f} s")
        later = [fresh(RUN, cache) for _ in range(5)]
        print(f"later processes, import to result: {median(later):.2f} s [{min(later):.2f}, {max(later):.2f}]")
        steps = options.memory_steps
        for d, record in ((2000, None), (10**12, ())):
            peak = fresh(MEMORY.format(d=d, steps=steps, record=record), cache)
            kept = "about 100 records" if record is None else "no records but the ends"
            print(f"peak memory, n=700, d={d:g}, {steps} steps, {kept}: {peak:.0f} MiB")


if __name__ == "__main__":
    main()
