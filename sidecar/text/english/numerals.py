"""Roman numerals, by what they count.

Behind a ruler's name they are a rank ("Henry VIII" is "Henry the eighth"); behind chapters, wars, games and
spells a number; before a legion or a century an ordinal. Where nothing tells, two letters and fewer stay as
they are written, since they are as likely an abbreviation.
"""

import re

from . import numbers
from .scan import LETTER, Scan, word_set

_NUMERAL = re.compile(r"[IVXLC]+")
_SMALL = re.compile(r"[ivxlc]+")
_MORE = re.compile(
    rf"(, and | and |, or | or | & | to | through |, ?|[-–]| [-–] )([IVXLC]{{1,7}})(?!{LETTER}|\.?\d|')"
)
_MORE_SMALL = re.compile(_MORE.pattern.replace("IVXLC", "ivxlc"))
_WORLD_WAR = re.compile(r"WW ?(I{1,3}|[123])(?!\w)")
_WORDS_BETWEEN = {"&": "and", "-": "to", "–": "to"}

_COUNTED = word_set(
    "chapter part act scene book volume war type mark mk level phase tier rank section episode class "
    "title article division grade stage round page canto appendix figure table fantasy ii apollo bowl "
    "floor area zone block model series version unit age wave quest mission tome scroll vol step ultima "
    "verse line column item paragraph clause entry log note day night week lesson psalm plate cycle era "
    "generation gen season map room cell vault sector wing ward gate hall deck bay arm factor world "
    "option rule law chamber lap trial test exhibit case number formula theorem protocol plan operation "
    "project district rocky rambo matrix alien jaws saw godfather terminator predator hamlet superman "
    "batman"
)
#: Games, and spells and skills that come in strengths: also counted, with a capital or without.
_GAMES_AND_SPELLS = word_set(
    "spike skill clone tutorial year vatican trap turret tower drone golem bomb grenade rocket missile "
    "arrow shot volley barrage slam stomp kick throw dash dive roll leap mine mill forge workshop "
    "temple shrine library academy market upgrade research tech perk talent trait buff stance form "
    "spirit soul essence oath prayer hymn song chant rite ritual wish dream nightmare seal circle key "
    "ring staff wand blade dagger axe mace hammer spear bow crossbow rifle pistol cannon laser plasma "
    "reactor engine core module drill farm barracks robot android ship station outpost planet moon "
    "mechanic test sample trick combo cast spell magic missiles flare frostbite venom cloud web net "
    "cage shackle bind root thorn vine bark claw fang bite howl roar scream shout battle siege raid "
    "heist race tournament cup trophy medal wound scar fever plague blight decay rot ruin doom omen "
    "vision sight scry detect reveal cloak shadow mist fog diablo quake fallout portal witcher skyrim "
    "oblivion morrowind warcraft starcraft craft souls effect dragon gate gates gear evil tekken "
    "civilization fortress tycoon wars raider hitman bioshock borderlands dishonored gothic risen fable "
    "halo theft auto creed duty mario zelda kombat fighter metal strike trine fireball fire fira firaga "
    "ice icebolt blizzard thunder lightning bolt heal healing cure cura haste slow shield barrier "
    "protect shell regen regeneration meteor storm slash blast nova ray beam poison stun curse bless "
    "blessing armor weapon sword focus rage stealth sneak lockpicking alchemy smithing enchanting "
    "conjuration illusion destruction restoration archery potion elixir rune sigil charm hex ember "
    "frost inferno quicken blink teleport summon drain leech light darkness smite sanctuary resist "
    "resistance strength agility stamina vigor endurance intellect vitality dexterity wisdom charisma "
    "luck speed power defense attack guard parry dodge cleave charge sprint jump aegis torrent spark "
    "shock flame flames burn freeze chill wall aura mastery sharpshooter marksmanship efficiency "
    "fortune unbreaking sharpness protection thorns looting punch infinity riptide loyalty"
)
#: Endings of things and deeds rather than of names.
_MAKE_THINGS = (
    "ing", "tion", "sion", "ment", "ness", "ship", "ball", "bolt", "storm", "shot", "strike", "craft",
    "shield", "blade",
    "fire", "ity", "ance", "ence", "touch", "walk", "step", "bane", "burst", "wave", "blast", "spell",
)  # fmt: skip
_REGNAL = word_set(
    "henry louis elizabeth george charles james edward richard william mary catherine peter paul pius "
    "gregory clement benedict napoleon wilhelm frederick philip ivan nicholas alexander friedrich otto "
    "leo innocent urban john robert david carlos ferdinand francis joseph leopold gustav christian "
    "harald olaf haakon ptolemy ramses ramesses thutmose darius xerxes uriel tiber"
)
_RULERS = word_set(
    "king queen emperor empress pope prince princess tsar czar tsarina kaiser duke duchess archduke "
    "sultan shah khan caliph pharaoh lord lady baron count earl regent sire majesty pontiff king's "
    "saint high jarl thane patriarch overlord don captain admiral dom"
)
#: Behind these a capital I is the pronoun's.
_I_SAYS = word_set(
    "am was will would shall should can could must may might have had do did think know mean guess "
    "believe say said see saw want need hope wish love hate fear trust serve swear met found heard "
    "remember like"
)
_RANKED_BEHIND = word_set(
    "legion century centuries dynasty army corps olympiad olympics reich regiment battalion brigade "
    "division arrondissement republic congress amendment crusade age millennium fleet cohort company "
    "hussars"
)
_COUNT_ANYWAY = word_set("chapter war act scene volume type level part book section")
_BEHIND = re.compile(rf" ({LETTER}{{1,20}})")


def read(scan: Scan, start: int, end: int) -> int | None:
    """Read the numeral ``scan.text[start:end]`` and those it is listed with; the index behind, or None."""
    if scan.before(start).isalnum():
        return None
    written = scan.text[start:end]
    text = written.removesuffix("'s")
    capital = _NUMERAL.fullmatch(text) is not None
    if not capital and not (_SMALL.fullmatch(text) and _small_counts(scan, text, start, end)):
        return None
    value = numbers.roman(text.upper())
    if value is None:
        return None
    said = _words(scan, value, text, start, end) if capital else numbers.cardinal(str(value))
    if said is None:
        return None
    said[-1] += "'s" if written != text else ""
    scan.say(said, start, end)
    return _rest_of_list(scan, end, _MORE if capital else _MORE_SMALL) if said[0] != "the" else end


def has_head(scan: Scan, text: str, end: int) -> bool:
    """Whether the word before is one that the capital numeral `text` belongs to: "Henry V." is no initial."""
    before = scan.last_words(2)
    if not before:
        return False
    return _singular(before[0].lower()) in _COUNTED | _GAMES_AND_SPELLS | _REGNAL or (
        len(before) > 1 and before[1].lower() in _RULERS
    )


def world_war(scan: Scan, index: int) -> int | None:
    """ "WWII", "WW1"."""
    found = _WORLD_WAR.match(scan.text, index)
    if found is None or scan.before(index).isalnum():
        return None
    value = numbers.roman(found.group(1)) or int(found.group(1))
    scan.say(["World", "War", *numbers.cardinal(str(value))], *found.span())
    return found.end()


def _is_bracketed(scan: Scan, start: int, end: int) -> bool:
    return scan.before(start) == "(" and scan.at(end) == ")"


def _small_counts(scan: Scan, text: str, start: int, end: int) -> bool:
    """ "section iv", but "part i love"."""
    before = _singular(scan.last_word().lower())
    if len(text) > 1 and (
        (scan.before(start) == "\n" and scan.at(end) in ".)") or _is_bracketed(scan, start, end)
    ):
        return True
    clear = (
        len(text) > 1
        or text in ("v", "x")
        or scan.at(end) in ".,;:!?)\n"
        or scan.text.startswith((" of ", " and "), end)
    )
    return before in _COUNTED and clear and text not in ("c", "l")


def _words(scan: Scan, value: int, text: str, start: int, end: int) -> list[str] | None:
    before = scan.last_words(2)
    if _leads_line(scan, text, start, end):
        return numbers.cardinal(str(value))
    behind = _BEHIND.match(scan.text, end)
    if (
        behind
        and behind.group(1).lower() in _RANKED_BEHIND
        and (len(text) > 1 or behind.group(1)[0].isupper())
    ):
        return numbers.ordinal(str(value))
    rank = _rank(scan, before, text, end) if before and text not in ("C", "L") else None
    if rank is None and len(text) > 2 and set(text) <= set("IVX"):
        rank = "count"
    if rank is None:
        return None
    return numbers.cardinal(str(value)) if rank == "count" else ["the", *numbers.ordinal(str(value))]


def _leads_line(scan: Scan, text: str, start: int, end: int) -> bool:
    """ "VIII. The Oath" as a heading; "I. Newton" and "V. Hugo" are initials."""
    if scan.before(start) != "\n" or scan.at(end) not in ".:)\n" or set(text) - set("IVX"):
        return False
    return (
        len(text) > 1
        or re.match(r"[.:)] (?:The|An?|Of|In|On|To|How|Where) ", scan.text[end : end + 9]) is not None
    )


def _rank(scan: Scan, before: list[str], text: str, end: int) -> str | None:
    """ "count" for "Chapter IV", "name" for "Henry VIII", None where the capitals are something else."""
    name = before[0]
    head = _singular(name.lower())
    clear = (
        text != "I"
        or scan.before(end) == "s"
        or scan.at(end) in ".,;:!?)\n'\"”"
        or scan.text.startswith((" of", " and"), end)
    )
    if head in _COUNTED and (name[0].isupper() or len(text) > 1):
        return "count" if clear or head in _COUNT_ANYWAY else None
    if len(text) > 1 and (
        head in _GAMES_AND_SPELLS or head.endswith(_MAKE_THINGS) or (name.islower() and len(text) > 2)
    ):
        return "count"
    if set(text) - set("IVX") or not name[0].isupper() or (name.isupper() and len(name) < 3):
        return None
    ruler = len(before) > 1 and before[1].lower() in _RULERS
    rules = clear or ((ruler or head in _REGNAL) and _is_ruled(scan, before, end))
    if not rules or (name.isupper() and text == "I"):
        return None
    named = len(text) > 1 and len(name) > 2 and (not name.isupper() or ruler)
    return "name" if ruler or name.lower() in _REGNAL or named else None


def _is_ruled(scan: Scan, before: list[str], end: int) -> bool:
    """Whether what follows "Queen Maren I" is said of her, not by me."""
    behind = _BEHIND.match(scan.text, end)
    verb = behind.group(1) if behind else ""
    ruler = len(before) > 1 and before[1].lower() in _RULERS
    if len(before) == 1 and before[0].lower() in _REGNAL and verb:
        return True
    if ruler and verb in ("was", "had", "said", "saw", "met", "found", "heard"):
        return True
    return verb not in _I_SAYS and (
        ruler or verb.endswith(("ed", "s")) or verb in ("sat", "became", "was", "fell")
    )


def _singular(word: str) -> str:
    """ "chapters" as "chapter"."""
    return word[:-1] if word.endswith("s") and word[:-1] in _COUNTED else word


def _rest_of_list(scan: Scan, end: int, more: re.Pattern[str]) -> int:
    """ "IX and XI", "II, III or IV", "I-III": behind the first, which is said."""
    while True:
        found = more.match(scan.text, end)
        value = numbers.roman(found.group(2).upper()) if found else None
        if (
            found is None
            or value is None
            or found.group(2) in ("C", "L", "c", "l", "i")
            or _is_pronoun(scan, found)
        ):
            return end
        _say_link(scan, found)
        scan.say(numbers.cardinal(str(value)), *found.span(2))
        end = found.end()


def _is_pronoun(scan: Scan, found: re.Match[str]) -> bool:
    """ "Chapter IV, I think"."""
    return found.group(2) == "I" and scan.at(found.end()) == " " and scan.at(found.end() + 1).islower()


def _say_link(scan: Scan, found: re.Match[str]) -> None:
    link = found.group(1).strip()
    start = found.start(1) + (found.group(1)[0] == " ")
    if link.startswith(","):
        scan.mark(",", found.start(1), found.start(1) + 1)
        link, start = link[1:].strip(), found.start(1) + 1 + (len(link) > 1)
    if link:
        scan.say(_WORDS_BETWEEN.get(link, link), start, start + len(link))
