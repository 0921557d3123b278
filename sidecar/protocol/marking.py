"""How everything that speaks says that nobody did: in words of IPTC's, for machines to read.

A reply, a row of a manifest, a program's JSON and a page have both; a file has the term in its header
(`audio/encode.py`).
"""

from typing import Any

#: IPTC's term for media that a trained model made: http://cv.iptc.org/newscodes/digitalsourcetype
DIGITAL_SOURCE_TYPE = "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia"


def marked(said: dict[str, Any]) -> dict[str, Any]:
    """What is said of a line, with what it is."""
    return {**said, "synthetic": True, "digital_source_type": DIGITAL_SOURCE_TYPE}


def page_mark() -> str:
    """For the head of a page of HTML."""
    return f'<meta name="digital-source-type" content="{DIGITAL_SOURCE_TYPE}">'
