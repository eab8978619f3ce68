"""What a search is to judge by, made sure of before anything is trained."""

from __future__ import annotations

from dataclasses import replace

from aetrig.config.model import RunConfig, TriggerOptions
from aetrig.errors import UserError
from aetrig.physics.trigger_rate import hertz
from aetrig.search.budget import Goal
from aetrig.search.quality import POINT, reach, signals
from aetrig.search.sample import sample
from aetrig.trigger.events import rated_events

LEAST_SHARE, LEAST_EVENTS = 1e-3, 10  # of background, for a threshold where there is no rate


def aimed(config: RunConfig, goal: Goal) -> tuple[Goal, RunConfig, list[str]]:
    """Return the goal, the config with its working point, and what the user should know.

    A rate that the validation events do not support gives way to the AUC. Raises UserError for
    data without signals or without a rate, and for a rate that all events together do not have.
    """
    events = sample(config)
    vectors, said = events.vectors, list[str]()
    names = ", ".join(signals(vectors))
    if goal.rate_hz is not None:
        at_rate = _at(config.trigger, {"working_points": {POINT: goal.rate_hz}})
        rated = rated_events(vectors, at_rate)
        try:
            reach(vectors, at_rate)
        except UserError as error:
            if goal.rate_hz >= float(rated.weight_hz.sum()):
                raise
            said.append(f"{error}. Networks are judged by their AUC instead")
            goal = replace(goal, rate_hz=None)
    if goal.rate_hz is None:
        background = int(vectors.rows("background").sum())
        share = max(LEAST_SHARE, LEAST_EVENTS / background)
        at_rate = _at(config.trigger, {"shares": {POINT: {"of": "background", "share": share}}})
        said.append(f"quality: AUC against the background, mean over {names}")
    else:
        said.append(
            f"quality: signal efficiency at {hertz(goal.rate_hz)}, mean over {names}; rates from "
            f"{rated.origin}"
        )
    return goal, config.model_copy(update={"trigger": at_rate}), said


def _at(options: TriggerOptions, point: dict[str, object]) -> TriggerOptions:
    """Return the options with one working point alone."""
    content = options.model_dump(mode="json") | {
        "working_points": {}, "thresholds": None, "shares": None, **point
    }  # fmt: skip
    return TriggerOptions.model_validate(content)
