"""What the user's home and a policy's name make of a check."""

from sidecar.checks.stages import CheckSettings
from sidecar.home import Home
from sidecar.models.trust import TrustList, TrustPolicy
from sidecar.protocol.errors import BadRequest


def settings_for(home: Home, policy: str = TrustPolicy.ANY.value) -> CheckSettings:
    """Raises `BadRequest` for a policy that is none, or a list of publishers that cannot be read."""
    try:
        chosen = TrustPolicy(policy)
    except ValueError as error:
        known = ", ".join(choice.value for choice in TrustPolicy)
        raise BadRequest(f"policy {policy!r}: expected one of {known}", field="policy") from error
    return CheckSettings(chosen, TrustList.load(home.trust).keys)
