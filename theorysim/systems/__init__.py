"""The systems there are, and the verbs that find them by their values: simulate, resume, again, load."""

from theorysim.systems.loading import load, load_run
from theorysim.systems.registry import (
    OWN,
    SYSTEMS,
    register_system,
    registered,
    system_named,
    system_of,
    system_of_run,
    systems_of,
)
from theorysim.systems.resuming import again, resume
from theorysim.systems.simulation import register_for_check, simulate

__all__ = [
    "OWN", "SYSTEMS", "again", "load", "load_run", "register_for_check", "register_system", "registered", "resume",
    "simulate", "system_named", "system_of", "system_of_run", "systems_of",
]
