"""Training rules that leave the span of the data: named, so that asking for one says why there is none."""

from typing import Any

REASON = ("{name} divides or signs the gradient coordinate by coordinate, which takes the weights out of w(0) + the "
          "span of the data: what happens then depends on the basis, and no engine here follows it. Rules that stay: "
          "GradientDescent with momentum, nesterov, weight_decay, clip_norm, normalised, sam_radius, batch_size, "
          "dropout, weight_noise")


class Adam:
    """Adam, AdamW, RMSProp, Adagrad: not to be had.

    Raises
    ------
    ValueError
        Always, with the reason.
    """

    def __init__(self, *_: Any, **__: Any) -> None:
        raise ValueError(REASON.format(name=type(self).__name__))


class SignSGD(Adam):
    """Sign descent and other rules that look at one coordinate at a time: not to be had."""
