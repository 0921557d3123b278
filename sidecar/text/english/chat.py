"""What players type: "u", "gr8", "btw".

Only forms that are no words of the language, in small letters or all capitals; what is usually said letter by
letter ("brb", "gg") is left to the letters.
"""

import re

from .scan import Scan, word_set

_SHORT = {
    "u": "you", "ur": "your", "urs": "yours", "pls": "please", "plz": "please", "thx": "thanks",
    "thnx": "thanks",
    "tnx": "thanks", "b4": "before", "l8r": "later", "l8": "late", "gr8": "great", "m8": "mate",
    "m8s": "mates",
    "w8": "wait", "h8": "hate", "2day": "today", "2nite": "tonight", "2morrow": "tomorrow", "ppl": "people",
    "msg": "message", "msgs": "messages", "tmrw": "tomorrow", "tmr": "tomorrow", "nvm": "never mind",
    "btw": "by the way", "idk": "I don't know", "idc": "I don't care", "tbh": "to be honest",
    "imo": "in my opinion", "imho": "in my humble opinion", "omw": "on my way", "np": "no problem",
    "ofc": "of course", "jk": "just kidding", "ngl": "not gonna lie", "rn": "right now", "tho": "though",
    "bc": "because", "cuz": "because", "ty": "thank you",
    "tysm": "thank you so much",
    "yw": "you're welcome", "gtg": "got to go", "g2g": "got to go", "ttyl": "talk to you later",
    "hbu": "how about you",
    "wyd": "what are you doing", "ily": "I love you", "iirc": "if I recall correctly",
    "afaik": "as far as I know",
    "sry": "sorry", "srsly": "seriously", "prolly": "probably", "b/c": "because",
    "luv": "love",
    "smth": "something", "sth": "something", "sb": "somebody", "txt": "text", "nite": "night",
    "thru": "through",
    "k": "okay", "kk": "okay", "abt": "about", "w/e": "whatever", "atm": "at the moment", "2moro": "tomorrow",
    "str8": "straight", "n00b": "noob", "any1": "anyone", "every1": "everyone",
    "some1": "someone",
    "no1": "no one", "4ever": "forever", "4eva": "forever", "4u": "for you", "sk8": "skate", "4got": "forgot",
}  # fmt: skip
#: Said in full in capitals too: nothing else is written so.
_IN_CAPITALS = word_set(
    "btw idk idc tbh imo imho omw ofc nvm ngl iirc afaik pls plz thx ppl gr8 l8r b4 m8 w8 ttyl g2g gtg"
)
#: Names, units or letters as well: read in full only where a small letter follows or the sentence ends.
_LONE = frozenset(["u", "k", "ur", "ty", "np", "rn", "bc", "sb", "sth"])
_WORD = re.compile(r"(?:b/c|w/e|[a-z0-9]{1,7}|[A-Z0-9]{2,7})(?![\w'/-])")
_CHAT_NEAR = re.compile(r"(?:^| )(?:u|ur|r|pls|plz|thx|lol|omg|brb|gr8|b4)(?![\w'])")


def read(scan: Scan, index: int) -> int | None:
    """Read the shorthand at `index`; the index behind, or None."""
    if scan.before(index).isalnum() or scan.before(index) in "'-/@_#$":
        return None
    found = _WORD.match(scan.text, index)
    if found is None:
        return None
    if found.group().isdigit():
        return _for_you(scan, found)
    word = found.group()
    full = _full(scan, word, found)
    if full is None:
        return None
    scan.say(full.split(), *found.span())
    return found.end()


def _for_you(scan: Scan, found: re.Match[str]) -> int | None:
    """ "4 u"."""
    if (
        found.group() != "4"
        or not scan.text.startswith(" u", found.end())
        or scan.at(found.end() + 2).isalnum()
    ):
        return None
    scan.say("for", *found.span())
    return found.end()


def _full(scan: Scan, word: str, found: re.Match[str]) -> str | None:
    if word in ("r", "R", "y") and _CHAT_NEAR.search(
        scan.text[max(0, found.start() - 5) : found.end() + 5].lower()
    ):
        return {"y": "why"}.get(word, "are")
    if word == "c" and scan.text.startswith(" u", found.end()) and not scan.at(found.end() + 2).isalnum():
        return "see"
    if word.isupper() and word.lower() not in _IN_CAPITALS:
        return None
    if word in _LONE and (scan.before(found.start() - 1).isdecimal() or scan.at(found.end()) in ")=:+"):
        return None
    if word == "k" and scan.before(found.start()) != "\n":
        return None
    return _SHORT.get(word.lower())
