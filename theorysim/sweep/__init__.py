"""Phase diagrams: many runs over a grid, stored as they finish, on one core or on a cluster.

``plan`` says what is to be run, ``measures`` what is kept of a run, ``work`` runs a batch wherever it is sent,
``execution`` sends batches out, ``store`` keeps what comes back, ``sweep`` ties them together, ``summary`` averages
over seeds.
"""

from theorysim.sweep.summary import summarise
from theorysim.sweep.sweep import load_sweep, sweep

__all__ = ["load_sweep", "summarise", "sweep"]
