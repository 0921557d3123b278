"""Semantic versions in the order of semver.org 2.0.0, section 11."""

import random

import pytest

from sidecar.models.version import Version, is_version

ASCENDING = [
    "0.0.1", "0.9.0", "1.0.0-0", "1.0.0-9", "1.0.0-10", "1.0.0-alpha", "1.0.0-alpha.1", "1.0.0-alpha.beta",
    "1.0.0-beta", "1.0.0-beta.2", "1.0.0-beta.11", "1.0.0-rc.1", "1.0.0", "1.0.1", "1.9.0", "1.10.0", "2.0.0",
]  # fmt: skip


def test_versions_are_put_in_order():
    shuffled = random.Random(0).sample(ASCENDING, len(ASCENDING))
    assert sorted(shuffled, key=Version.parse) == ASCENDING


def test_build_metadata_has_no_rank():
    one, other = Version.parse("1.0.0+linux"), Version.parse("1.0.0+windows.7")
    assert one == other and not one < other


@pytest.mark.parametrize(
    "text", ["", "1", "1.2", "1.2.3.4", "01.2.3", "1.2.3-", "1.2.3-01", "1.2.3-a..b", "1.2.3+", "v1.2.3", 
             "1.2.３", "1.2.3 ", "1.2.3\n", "1" * 70 + ".0.0"],
)  # fmt: skip
def test_text_that_is_no_semantic_version_is_refused(text: str):
    assert not is_version(text)
    with pytest.raises(ValueError, match="semantic"):
        Version.parse(text)
