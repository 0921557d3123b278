"""How speech differs from the same speaker's neutral speech: what labels and reference clips ask for."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Change:
    """A difference from neutral in even units, so that halves and sums mean what they say; all 0 is none.

    Tune: `f0_st` semitones of F0; `range_oct` octaves of F0 excursion (1: twice as wide); `slope_st`
    semitones gained from a phrase's first to its last phoneme; `final_st` the same from its last stress on;
    `accent_st` semitones on stressed syllables. Rhythm, in octaves: `rate_oct` of tempo (1: twice as
    fast), `pause_oct` of pauses, `vowel_oct` of vowels against consonants, `stress_oct` of stressed
    vowels, `final_oct` of what follows the last stress. Force: `energy` in the model's own unit,
    `level_db`, `accent_db` on stressed syllables. Voice quality: `tilt_db` an octave (more: brighter),
    `tension_db` of 1.5 to 4 kHz against the fundamental (less: lax), `breath` 0..1 share of air,
    `jitter_st` of irregular F0, `tremor_st` of a slow tremble, `formants_oct` of the vocal tract's
    resonances (more: smiling), `whisper` 0..1.
    """

    f0_st: float = 0.0
    range_oct: float = 0.0
    slope_st: float = 0.0
    final_st: float = 0.0
    accent_st: float = 0.0
    rate_oct: float = 0.0
    pause_oct: float = 0.0
    vowel_oct: float = 0.0
    stress_oct: float = 0.0
    final_oct: float = 0.0
    energy: float = 0.0
    level_db: float = 0.0
    accent_db: float = 0.0
    tilt_db: float = 0.0
    tension_db: float = 0.0
    breath: float = 0.0
    jitter_st: float = 0.0
    tremor_st: float = 0.0
    formants_oct: float = 0.0
    whisper: float = 0.0

    def __add__(self, other: "Change") -> "Change":
        return Change(*(a + b for a, b in zip(vars(self).values(), vars(other).values(), strict=True)))

    def __mul__(self, share: float) -> "Change":
        return Change(*(share * a for a in vars(self).values()))

    @property
    def is_none(self) -> bool:
        return self == NONE

    def limited(self) -> "Change":
        """The nearest change that leaves a voice its identity and its words."""
        return Change(
            *(min(max(value, LIMITS[name][0]), LIMITS[name][1]) for name, value in vars(self).items())
        )


NONE = Change()

#: The least and the most of each.
LIMITS: dict[str, tuple[float, float]] = {
    "f0_st": (-6, 9),
    "range_oct": (-2, 1.2),
    "slope_st": (-8, 8),
    "final_st": (-8, 10),
    "accent_st": (-4, 6),
    "rate_oct": (-0.7, 0.6),
    "pause_oct": (-1.5, 1.5),
    "vowel_oct": (-0.5, 0.5),
    "stress_oct": (-0.5, 0.6),
    "final_oct": (-0.5, 0.8),
    "energy": (-3, 3),
    "level_db": (-20, 9),
    "accent_db": (-3, 6),
    "tilt_db": (-4, 4),
    "tension_db": (-9, 9),
    "breath": (0, 1),
    "jitter_st": (0, 1),
    "tremor_st": (0, 1.5),
    "formants_oct": (-0.12, 0.12),
    "whisper": (0, 1),
}
