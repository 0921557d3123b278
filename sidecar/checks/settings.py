"""What the user's home and a policy's name make of a check."""

from collections.abc import Iterable
from pathlib import Path

from sidecar.checks.stages import CheckSettings
from sidecar.home import Home
from sidecar.models.bases import verified_in
from sidecar.models.trust import Policy, TrustList


def settings_for(
    home: Home, policy: str = "any", more_bases: Iterable[Path] = (), runtime: str = "auto"
) -> CheckSettings:
    """A voice pack's base is looked for among verified copies, and then in `more_bases`.

    Raises `BadRequest` for a policy that is none, or a list of publishers that cannot be read.
    """
    bases = tuple(str(folder) for folder in (*verified_in(home), *more_bases))
    trusted = TrustList.load(home.trust).keys
    return CheckSettings(Policy.parsed(policy), trusted, bases=bases, runtime=runtime)
