# SPDX-License-Identifier: GPL-3.0-or-later
"""The three panels of a migration on one time axis: what is left; bandwidth and dirty rate; downtime and throttle."""

from __future__ import annotations

from ..units import human_bytes, human_ms, human_rate
from .axis import Point, Scale, decades, ticks
from .markup import tag
from .migration import Decision, Story
from .svg import (
    FIRST_COLUMN,
    LAST_COLUMN,
    area,
    band,
    dot,
    drawing,
    legend,
    line,
    number,
    rule,
    steps,
    time_axis,
    time_scale,
    tooltip,
    value_axis,
    words,
)

# In pixels.
_PANEL, _GAP, _TOP = 150.0, 46.0, 28.0
_LANE, _MARK, _LANES = 20.0, 8.5, 6
_MOST_MARKS = 40  # of those that only waited, none is drawn beyond this
_LABEL_WIDTH = 100.0  # from here on what is shaded is named within it
_LEAST_MS, _MOST_MS = 10.0, 1e7  # of the axis of downtimes
_SHADES = {
    "setup": "set up",
    "postcopy": "post-copy: the guest runs on the destination and fetches the rest",
    "broken": "post-copy is broken: the guest stands still",
    "standstill": "the guest stands still for the switch-over",
    "silence": "silence: not a byte was sent",
    "unseen": "nobody could look",
}
_SHORT = {
    "postcopy": "post-copy",
    "broken": "post-copy broken",
    "standstill": "standstill",
    "silence": "silence",
    "unseen": "not seen",
}


def panels(story: Story) -> str:
    """The drawing and what its lines mean. There has to be a look at the migration."""
    first_s = story.looks[0].at_s
    # What came before it was taken over is in no look.
    low_s = first_s * 0.98 if first_s > 0.2 * story.end_s else 0.0
    scale = time_scale(low_s + (story.end_s - low_s) * 1.02, low_s)
    marks, lanes = _marks(story, scale)
    top = _TOP + lanes * _LANE
    tops = [top + number_ * (_PANEL + _GAP) for number_ in range(3)]
    bottom = tops[-1] + _PANEL
    mark_lines = [rule(x, top - 6, x, bottom, f"mark-line {kind}") for x, kind in _mark_lines(story, scale)]
    drawn = drawing(
        bottom + 34,
        f"Timeline of the migration of {story.record.name}: what is left, bandwidth and dirty rate, throttle and"
        " downtime",
        *_shades(story, scale, tops),
        *mark_lines,
        _left(story, scale, tops[0]),
        _rates(story, scale, tops[1]),
        _downtime(story, scale, tops[2]),
        time_axis(scale, bottom),
        *marks,
    )
    return drawn + _legend(story)


def _shades(story: Story, scale: Scale, tops: list[float]) -> list[str]:
    """Bands over all panels, from a panel's top in ``tops`` downwards; one that is wide enough is named in the last."""
    bands = [
        band(
            scale(one.begin_s),
            scale(one.end_s),
            panel,
            panel + _PANEL,
            f"band-{one.kind}",
            _shade_title(one.kind, one.end_s - one.begin_s),
        )
        for one in story.shades
        for panel in tops
    ]
    labels = [
        words((scale(one.begin_s) + scale(one.end_s)) / 2, tops[-1] + 14, _SHORT[one.kind], "shade-label", "middle")
        for one in story.shades
        if one.kind in _SHORT and scale(one.end_s) - scale(one.begin_s) > _LABEL_WIDTH
    ]
    return bands + labels


def _legend(story: Story) -> str:
    """What the lines and bands mean that are drawn."""
    kinds = dict.fromkeys(one.kind for one in story.shades)
    return legend(
        ("l-left", "left"),
        *([("dot", "a pass begins")] if story.boundaries else []),
        ("l-bandwidth", "bandwidth"),
        *([("l-dirty", "dirty rate")] if any(look.dirty for look in story.looks) else []),
        *([("l-needed", "needed downtime")] if story.needed_ms else []),
        ("l-limit", "downtime limit"),
        ("l-allowed", "allowed by the policy"),
        *([("band-throttle", "throttle")] if _throttled(story) else []),
        *((f"band band-{kind}", _SHORT.get(kind, _SHADES[kind])) for kind in kinds),
    )


def _shade_title(kind: str, length_s: float) -> str:
    return f"{_SHADES[kind]} ({human_ms(length_s * 1000)})"


def _left(story: Story, scale: Scale, top: float) -> str:
    most = max([look.left_bytes for look in story.looks] + [left for _pass, left, _at in story.boundaries])
    values = Scale(0.0, most or 1.0, top + _PANEL, top)
    parts = [
        words(FIRST_COLUMN, top - 10, "What is left", "panel"),
        value_axis(values, _byte_marks(most), human_bytes),
        _expected_end(story, scale, top),
        line(
            [(scale(look.at_s), values(look.left_bytes)) for look in story.looks if look.sent_bytes or look.left_bytes],
            "l-left",
            "What is left",
        ),
    ]
    for pass_number, left, at_s in story.boundaries[-400:]:
        title = f"pass {pass_number} begins after {human_ms(at_s * 1000)} with {human_bytes(left)} left"
        parts.append(dot(scale(at_s), values(left), "dot", title))
    return "".join(parts)


def _byte_marks(most: float) -> list[float]:
    """Round in MiB and GiB."""
    unit = 1024.0 ** max(0, min(5, int(_power(most))))
    return [mark * unit for mark in ticks(0, most / unit, 4)]


def _power(value: float) -> float:
    power = 0
    while value >= 1024 and power < 5:
        value, power = value / 1024, power + 1
    return power


def _expected_end(story: Story, scale: Scale, top: float) -> str:
    forecast = story.record.forecast
    expected = forecast.expected if forecast else None
    if expected is None or not expected.total_s or story.set_up_s + expected.total_s > scale.high:
        return ""
    x = scale(story.set_up_s + expected.total_s)
    shown = f"expected end, {human_ms(expected.total_s * 1000)} after its set-up"
    left = x > LAST_COLUMN - 240
    return rule(x, top, x, top + _PANEL, "expected") + words(
        x - 6 if left else x + 6, top + 14, shown, "shade-label", "end" if left else "start"
    )


def _rates(story: Story, scale: Scale, top: float) -> str:
    sent = [(look.at_s, look.bandwidth) for look in story.looks if look.bandwidth is not None and look.sent_bytes]
    dirty = [(look.at_s, look.dirty) for look in story.looks if look.dirty and look.phase != "postcopy"]
    most = max([value for _at, value in [*sent, *dirty]], default=0.0)
    values = Scale(0.0, most or 1.0, top + _PANEL, top)
    parts = [
        words(FIRST_COLUMN, top - 10, "Bandwidth against dirty rate", "panel"),
        value_axis(values, _byte_marks(most) if most else [], human_rate),
        line([(scale(at_s), values(value)) for at_s, value in sent], "l-bandwidth", "Bandwidth"),
        line(
            [(scale(at_s), values(value)) for at_s, value in dirty],
            "l-dirty",
            "Dirty rate, as QEMU counts it: once a pass",
        ),
    ]
    basis = story.record.forecast.basis if story.record.forecast else None
    for value, told in (
        (basis and basis.bandwidth_bytes_per_s, "bandwidth"),
        (basis and basis.dirty_bytes_per_s, "dirty rate"),
    ):
        if value and value <= most:
            y = values(value)
            parts += [
                rule(FIRST_COLUMN, y, LAST_COLUMN, y, "expected"),
                words(LAST_COLUMN - 6, y - 5, f"{told} measured before", "expected-text", "end"),
            ]
    return "".join(parts)


def _throttled(story: Story) -> bool:
    return any(look.throttle > 0 for look in story.looks)


def _downtime(story: Story, scale: Scale, top: float) -> str:
    allowed = story.record.contract.max_downtime_ms
    limits = [(look.at_s, look.limit_ms) for look in story.looks if look.limit_ms]
    shown = [value for _at, value in [*story.needed_ms, *limits]] + ([allowed] if allowed else [])
    seen = [min(max(value, _LEAST_MS), _MOST_MS) for value in shown] or [100.0]
    values = Scale(_down(min(seen)), _up(max(seen)), top + _PANEL, top, log=True)
    bottom, end_x = top + _PANEL, scale(story.end_s)
    throttle = Scale(0.0, 100.0, bottom, top)
    parts = [words(FIRST_COLUMN, top - 10, "Needed against allowed downtime, and throttle", "panel")]
    if _throttled(story):
        points = [(scale(look.at_s), throttle(look.throttle)) for look in story.looks]
        parts.append(area(steps(points, end_x), bottom, "band-throttle", "How much processor time is taken from it"))
        parts += [words(LAST_COLUMN + 8, throttle(mark) + 4, f"{mark:.0f} %", "tick") for mark in (0.0, 50.0, 100.0)]
    else:
        parts.append(words(LAST_COLUMN - 6, top - 10, "It was not throttled.", "tick", "end"))
    parts.append(value_axis(values, decades(values.low, values.high), human_ms))
    if allowed:
        y = values(allowed)
        parts.append(
            tag(
                "line",
                tooltip(f"The policy allows {human_ms(allowed)}"),
                x1=number(FIRST_COLUMN),
                x2=number(LAST_COLUMN),
                y1=number(y),
                y2=number(y),
                class_="line l-allowed",
            )
        )
    in_force = [(scale(at_s), values(value)) for at_s, value in limits]
    needed: list[Point] = [(scale(at_s), values(value)) for at_s, value in story.needed_ms]
    last_x = scale(max([at_s for at_s, _value in limits], default=story.end_s))
    parts += [
        line(steps(in_force, last_x), "l-limit", "The limit that QEMU had"),
        line(steps(needed, last_x if limits else end_x), "l-needed", "What would have been needed"),
        *(
            dot(scale(at_s), values(value), "dot-needed", f"{human_ms(value)} needed after {human_ms(at_s * 1000)}", 3)
            for at_s, value in story.needed_ms[-400:]
        ),
    ]
    return "".join(parts)


def _down(value: float) -> float:
    power = _LEAST_MS
    while power * 10 <= value:
        power *= 10
    return power


def _up(value: float) -> float:
    power = _LEAST_MS * 10
    while power < value:
        power *= 10
    return power


# --- marks of decisions


def numbered(story: Story) -> list[tuple[int, float, Decision]]:
    """The decisions with their numbers, and when each was taken."""
    return [(number_ + 1, at_s, one) for number_, (at_s, one) in enumerate(story.decisions)]


def _to_mark(story: Story) -> list[tuple[int, float, Decision]]:
    every = numbered(story)
    if len(every) <= _MOST_MARKS:
        return every
    return [one for one in every if not one[2].waits][:_MOST_MARKS]


def _mark_lines(story: Story, scale: Scale) -> list[tuple[float, str]]:
    return [(scale(at_s), "waits" if one.waits else "acts") for _number, at_s, one in _to_mark(story)]


def _marks(story: Story, scale: Scale) -> tuple[list[str], int]:
    """Above the first panel, in as many lanes as they need not to cover each other."""
    ends: list[float] = []
    parts = []
    for number_, at_s, one in _to_mark(story):
        x = min(scale(at_s), LAST_COLUMN)
        lane = next((lane for lane, end in enumerate(ends) if end < x - 2 * _MARK - 1), len(ends))
        lane = min(lane, _LANES - 1)
        ends[lane : lane + 1] = [x]
        y = _MARK + 2 + lane * _LANE
        title = f"{number_}: {one.action} after {human_ms(at_s * 1000)} ({one.reason}): {one.because}"
        parts.append(
            tag(
                "g",
                tooltip(title),
                dot(x, y, "mark", "", _MARK),
                words(x, y + 4, str(number_), "mark-text", "middle"),
                class_="waits" if one.waits else "acts",
            )
        )
    return parts, min(len(ends), _LANES)
