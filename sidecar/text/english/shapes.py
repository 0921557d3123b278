"""What a written word's shape says: stretched letters, capitals, camel case, single letters.

Pure functions from strings to strings; `words` applies them at a place in a line.
"""

import re
import unicodedata
from itertools import groupby

from . import cries
from .scan import word_set

_STRETCHED = re.compile(r"(.)\1\1", re.IGNORECASE | re.DOTALL)
_MAY_BE_DRAWN = re.compile(r"(.)\1|ar?gh|hrm|tsk|tch|hng|hmph|bzt", re.IGNORECASE)
_DOUBLE = re.compile(r"([bcdfgklmnprstvxz])\1$")
_HUMP = re.compile(r"(?<=[a-zà-öø-ÿ])(?=[A-ZÀ-ÖØ-Þ])|(?<=[A-Z])(?=[A-Z][a-z]{2})")
_SCOTTISH = re.compile(r"(?:Mc|Mac|De|Di|La|Le|Van|Fitz|O)$")

#: Words whose double letter is their own: "goooood" is "good", while "stoooop" is "stop".
_DOUBLED = word_set(
    "good look book took cook hook foot food fool cool pool tool school moon soon noon room doom boom "
    "gloom bloom zoom too zoo shoot boot root hoot loot wood blood flood door floor poor roof proof "
    "hoof goose loose choose see free tree three flee bee knee agree feel need keep sleep sweet meet "
    "greet deep sheep feet street seek week queen green seen been beer cheer deer speed feed bleed seed "
    "creep weep steel wheel sneeze freeze breeze all ball call fall hall wall tall small kill will ill "
    "hill still hell well tell spell fell yell bell full pull bull hello yellow follow silly bully "
    "really totally finally miss kiss boss loss less mess bless dress class pass grass glass off stuff "
    "buff sniff egg add odd happy sorry hurry carry funny daddy mommy mummy puppy kitty pretty little "
    "better letter bitter butter matter shall roll troll doll smell swell shell peek geez jeez whee wee "
    "yippee coffee ooh booty hooray shoo boo woo moo goo boohoo woohoo yahoo bamboo"
)

#: Read letter by letter although they hold a vowel and no dictionary lists them.
_SPELLED = word_set(
    "LMAO FBI CIA USA UK EU UN UI UFO AFK AOE GUI DIY EMP IRC IOU AKA ETA CEO CFO CTO IQ HQ IP ID OS "
    "USB API URL ATK DEX INT AC AP AI POV NBA IRA UAE DOA VIP AOK UV"
)
#: What players type in small letters, said letter by letter.
_CHATTED = word_set("omg afk irl fyi ikr asap aoe ooc lmao glhf ggwp aka eta diy faq ama ign rpg pve")
_VOWELS = frozenset("AEIOUYaeiouy")


def unstretch(word: str) -> str:
    """ "Nooooo" as "No", "Goooood" as "Good", "Aaaargh" as "Aargh"; other words as they are."""
    if _MAY_BE_DRAWN.search(word) is None:
        return word
    lower = word.lower()
    for pattern, said in cries.DRAWN:
        if pattern.fullmatch(lower):
            return _cased_like(word, said)
    if _STRETCHED.search(word) is None:
        return word
    runs = [(char, len(list(group))) for char, group in groupby(lower)]
    if not _VOWELS.intersection(lower):  # a noise: "GRRRK" keeps its roll
        return _cased_like(word, "".join(char * min(count, 2) for char, count in runs))
    return _cased_like(word, _doubled_form(runs) or "".join(c * (2 if n == 2 else 1) for c, n in runs))


def _doubled_form(runs: list[tuple[str, int]]) -> str | None:
    """The known word with a double letter that a few stretched runs can stand for."""
    if len(runs) > 12:
        return None
    forms = [""]
    for char, count in runs:
        choices = (char * 2, char) if count > 2 else (char * count,)
        forms = [form + choice for form in forms for choice in choices]
        if len(forms) > 64:
            return None
    return next((form for form in forms if form in _DOUBLED), None)


def _cased_like(model: str, word: str) -> str:
    if model.isupper() and len(model) > 1:
        return word.upper()
    return word.capitalize() if model[0].isupper() else word


def humps(word: str) -> list[str]:
    """ "DragonSlayer" as its words; "McDonald" stays whole."""
    parts: list[str] = []
    for part in _HUMP.split(word):
        if parts and _SCOTTISH.fullmatch(parts[-1]):
            parts[-1] += part
        else:
            parts.append(part)
    return parts


def is_spelled(word: str) -> bool:
    """Whether a word without points is certainly said letter by letter: no vowel, or a known initialism."""
    base = word[:-2] if word.endswith("'s") else word
    if base[-1:] == "s" and base[:-1].isupper():  # "NPCs"
        base = base[:-1]
    if base in _SPELLED or base in _CHATTED:
        return True
    return (
        base.isascii()
        and base.isalpha()
        and len(base) <= (3 if base.islower() else 5)
        and not _VOWELS.intersection(base)
        and not cries.is_cry(base)
        and (base.isupper() or base.islower())
    )


def bare_stems(without: str, with_e: str) -> list[str]:
    """What "-ed" and "-ing" may have been put on: "stopp" to "stop", "hop" to "hope", "pani(ck)"."""
    stems = [without, with_e]
    if _DOUBLE.search(without):
        stems.append(without[:-1])
    if without.endswith("ck"):
        stems.append(without[:-1])
    return stems + ([without[:-1] + "y"] if without.endswith("i") else [])


def is_latin(char: str) -> bool:
    """Whether `char` is a letter that English spelling can make something of."""
    return char.isalpha() and (char.isascii() or unicodedata.name(char, "").startswith("LATIN"))


def plain(word: str) -> str:
    """Accents stripped where a plain letter is left: "café" as "cafe"."""
    if word.isascii():
        return word
    marks_gone = "".join(
        char for char in unicodedata.normalize("NFD", word) if not unicodedata.combining(char)
    )
    return (
        marks_gone.replace("ß", "ss")
        .replace("æ", "ae")
        .replace("Æ", "Ae")
        .replace("ø", "o")
        .replace("ł", "l")
    )
