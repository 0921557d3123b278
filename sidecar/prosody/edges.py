"""The silence that a model puts around a phrase, cut to what its place in the line needs."""

from dataclasses import replace

from sidecar.prosody.plan import Plan


def with_edges(plan: Plan, lead_s: float, tail_s: float) -> Plan:
    """The plan with at most so much silence before its first and after its last phoneme.

    Never lengthens; a plan whose edges are short enough is returned as it is.
    """
    durations = plan.durations_frames
    lead = max(0, int(durations[0]) - max(1, round(lead_s / plan.frame_s)))
    tail = max(0, int(durations[-1]) - max(1, round(tail_s / plan.frame_s)))
    if lead == tail == 0:
        return plan
    shorter = durations.copy()
    shorter[0] -= lead
    shorter[-1] -= tail
    kept = slice(2 * lead, 2 * (plan.frames - tail))
    return replace(
        plan, durations_frames=shorter, f0_hz=plan.f0_hz[kept].copy(), energy=plan.energy[kept].copy()
    )
