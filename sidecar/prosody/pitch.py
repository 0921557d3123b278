"""Bending a plan's F0."""

from dataclasses import replace

import numpy as np

from sidecar.prosody.plan import Plan

VOICED_ABOVE_HZ = 10.0


def transposed(plan: Plan, semitones: float) -> Plan:
    """The plan with its voiced F0 moved by `semitones`; 0 returns the very same plan."""
    if semitones == 0:
        return plan
    factor = np.float32(2 ** (semitones / 12))
    return replace(plan, f0_hz=np.where(plan.f0_hz > VOICED_ABOVE_HZ, plan.f0_hz * factor, plan.f0_hz))


def flattened(plan: Plan, share: float) -> Plan:
    """The plan with a `share` (0..1) of its tune taken away, around its median; 0 returns the very same."""
    voiced = plan.f0_hz > VOICED_ABOVE_HZ
    if share == 0 or not voiced.any():
        return plan
    middle = np.float32(np.median(plan.f0_hz[voiced]))
    flat = middle * (np.where(voiced, plan.f0_hz, middle) / middle) ** np.float32(1 - share)
    return replace(plan, f0_hz=np.where(voiced, flat, plan.f0_hz))
