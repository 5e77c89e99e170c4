"""Hypothesis strategies for whatever a run is made of: problems, algorithms, draws, label multipliers, seeds::

    @given(problems(), algorithms(), seeds())                  # anything valid
    @given(problems(q=2, d=st.integers(100, 200)))             # a field fixed, a field narrowed
    @given(problems(**PLAIN))                                  # Gaussian initial weights and no bias, as in papers
    @given(problems(inside="huang2025"))                       # in the regime that a paper assumes
    @given(problems(inside="huang2025").flatmap(good_draws))   # draws on which its lemmas are deterministic
    @given(cases(max_steps=100))                               # everything given as arrays, dynamics within bounds
    @given(problems(), policies(steps=100))                    # stopping early and selecting samples, or neither
    @given(patch_models(patches=[...]), seeds())               # data by law, all laws or those given
    @given(settings("linear"), seeds())                        # problem and algorithm of another system, or of any

They are for property tests of your own lemmas, and need Hypothesis: ``pip install hypothesis``.

Unless a paper asks for more dimensions, all of it is small (at most 12 samples, 2·4 filters, 60 dimensions): what
goes wrong in the signal-noise model goes wrong there, and fails there with a short example. Numbers with a scale
are drawn evenly in their logarithm and shrink towards 1; sizes shrink towards the smallest, laws towards none.
"""

try:
    import hypothesis  # noqa: F401
except ImportError as missing:
    raise ImportError("theorysim.strategies needs Hypothesis: pip install hypothesis") from missing

from theorysim.core.strategies import as_strategy, scales, seeds  # noqa: E402
from theorysim.patch.model_strategies import biases, flip_rates, laws, patch_models, powers  # noqa: E402
from theorysim.patch.strategies import (  # noqa: E402
    PLAIN,
    algorithms,
    comparable_steps,
    label_noise_laws,
    label_noises,
    largest_multiplier,
    largest_patch_norm,
    largest_small_lr,
    largest_stable_lr,
    lively_problems,
    policies,
    stable_algorithms,
    thousandths,
    triggers,
)
from theorysim.strategies.data import (  # noqa: E402
    Array,
    Case,
    EDGES,
    Edges,
    INSIDE,
    arrays,
    cases,
    evidence_of,
    good_draws,
    problem_of,
    signs,
    tied_arrays,
    tied_cases,
)
from theorysim.strategies.settings import algorithms_for, problems, recipes_for, runs, settings, trainings  # noqa: E402

__all__ = [
    "Array",
    "Case",
    "EDGES",
    "Edges",
    "INSIDE",
    "PLAIN",
    "algorithms",
    "algorithms_for",
    "arrays",
    "as_strategy",
    "biases",
    "cases",
    "comparable_steps",
    "evidence_of",
    "flip_rates",
    "good_draws",
    "label_noise_laws",
    "label_noises",
    "largest_multiplier",
    "largest_patch_norm",
    "largest_small_lr",
    "largest_stable_lr",
    "laws",
    "lively_problems",
    "patch_models",
    "policies",
    "powers",
    "problem_of",
    "problems",
    "recipes_for",
    "runs",
    "scales",
    "seeds",
    "settings",
    "signs",
    "stable_algorithms",
    "thousandths",
    "tied_arrays",
    "tied_cases",
    "trainings",
    "triggers",
]
