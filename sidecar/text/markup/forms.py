"""How markup looks, whatever engine it was written for: the table that the sidecar and both bindings read by.

`tools/make_vectors.py` writes it out for GDScript and C#, so a pattern here is one that Python's `re`,
PCRE2 and .NET understand alike: classes of ASCII, no flags but `(?i:)`, no `\\Z`; `(?![^\\n])` is a line's
end. All are bounded, and few can begin inside themselves, so that garbage takes no more than linear time.

Sources: the manuals of Godot 4 (BBCode in RichTextLabel), Dialogue Manager 3 and 4, Yarn Spinner 2 and 3,
Ink, Ren'Py 8 (text tags), Fungus, TextMeshPro, Unity's rich text, Text Animator, RPG Maker MV and MZ (control
characters), World of Warcraft (UI escape sequences, quest texts), Minecraft (formatting codes), Quake III
(colour codes), SSML 1.1, HTML 4.01 and CommonMark; the C library's `printf`, Python's and .NET's `format`.
"""

from html.entities import name2codepoint

_HAN = "\u3400-\u9fff"
_OURS = r"\[\[[^\[\]|]{1,200}\|[^\[\]|]{1,200}\]\]"
_TARGET = r"\([^()\s]{1,300}(?:[ ]\"[^\"\n]{0,100}\")?\)"
_END = r"[ \t]{0,9}(?![^\n])"

#: What may be markup, in the order in which it is tried at each place of a line. The name decides how it is
#: read (`edits.py`).
FORMS = {
    # Dialogue Manager's alternatives; [[word|phonemes]] is ours. No phoneme is a capital such as Hello's.
    "choice": (
        r"\[\[[^\[\]|]{1,200}(?:(?:\|[^\[\]|]{0,200}){2,20}"
        r"|\|[BCDEFGHJKLMNPRUVXZ][a-z'’][^\[\]|]{0,200})\]\]"
    ),
    "override": _OURS,
    "command": r"<<[ ]?[a-z_/][^<>\n]{0,200}(?:[<>]=?[ ][^<>\n]{0,100})?>>",
    "comment": r"<!--[^<]{0,500}?-->",
    "break": r"(?i:<break)(?![A-Za-z0-9_])[^<>]{0,100}>?",
    "image": rf"!\[[^\[\]\n]{{0,200}}\]{_TARGET}",
    "link": rf"\[(?:[^\[\]\n]|{_OURS}){{1,200}}\]{_TARGET}",
    "square": r"\[[^\[\]\n]{1,200}\]",
    "curly": r"\{[^{}\n]{1,400}\}",
    "angle": r"<[^<>\n]{1,300}>",
    "glue": r"<>",
    # RPG Maker: \C[2], \N[1], \n<Harold>, \. \| \! \^ and so on; then what a backslash takes the meaning of.
    "code": r"\\[A-Za-z]{1,20}(?:\[[^\[\]\n]{0,80}\]|<[^<>\n]{0,80}>)",
    "beat": r"\\[.|!]",
    "newline": r"(?<![^A-Za-z\n][A-Z]:)(?<!^[A-Z]:)\\(?:r\\)?n",
    "gap": r"(?<![^A-Za-z\n][A-Z]:)(?<!^[A-Z]:)\\t",
    "sign": r"\\(?:[>^${}]|<|[A-Z]{1,4}(?![A-Za-z]))",
    "escape": r"\\[\[\]\"'#`\\]|%%",
    "escaped_pair": r"\\[*_~]",
    # World of Warcraft.
    "colour": r"\|c(?:[0-9A-Fa-f]{8}|n[A-Z_]{1,40}:)",
    "hyperlink": r"\|H[^|\n]{0,200}\|h",
    "texture": r"\|T[^|\n]{1,200}\|t|\|A[^|\n]{1,200}\|a",
    "pipe": r"\|[rh]",
    "pipe_newline": r"\|n(?![a-z])",
    "plural": r"\|4[^:;|\n]{1,40}:[^:;|\n]{1,40}(?::[^:;|\n]{1,40})?;",
    "quest_newline": r"\$(?:B(?![a-z0-9])|b(?![A-Za-z0-9]))",
    "quest_choice": r"\$[Gg][ ]?[^:;$\n]{1,40}:[^:;$\n]{1,40};",
    "quest": r"(?<![A-Za-z0-9])\$[NnCcRr](?![A-Za-z0-9])",
    "minecraft": rf"§(?:[0-9a-fk-or](?=[A-Za-z{_HAN}§])|[a-fk-or](?![A-Za-z0-9]))",
    "ampersand": rf"(?<![A-Za-z0-9&])&[0-9a-fk-or](?=[A-Z{_HAN}&])",
    # Quake's and its heirs': ^1; "x^2", "km^2" and "2^10" are powers.
    "caret": (
        rf"(?<![0-9A-Za-z)\]])\^[0-9](?=[A-Za-z{_HAN}^])|(?<=[.,!?…{_HAN}，。！？])\^[0-9](?![0-9])"
        r"|(?<=[A-Za-z][A-Za-z])(?<!cm|dm|ft|in|km|mi|mm|yd)\^[0-9](?![0-9])"
    ),
    # What a program fills in before it shows a line, and has not: %s, %1$d, %.2f, %(name)s, %player%, {}.
    "filled_in": (
        r"(?<![0-9A-Za-z%])%(?:[0-9]{1,2}\$)?(?:\([A-Za-z_][A-Za-z0-9_]{0,40}\))?[-+0#]{0,3}[0-9]{0,3}"
        r"(?:\.[0-9]{1,3})?(?:hh|ll|[hlqjzt])?[sdiuoxXfFeEgGcp@](?![A-Za-z0-9])"
        r"|(?<![0-9A-Za-z%])%[A-Za-z_][A-Za-z0-9_.:-]{1,40}%|\{\}"
    ),
    # Ink, Yarn and Dialogue Manager: tags and diverts at the end of a line, options at its beginning.
    "key_tag": r"[ \t]{1,9}#[A-Za-z_][A-Za-z0-9_-]{0,40}[:=][A-Za-z0-9_.:-]{1,60}",
    "tag": (
        r"(?<=[.!?…\"'”’)\]}>*~—。！？」』])[ \t]{0,9}"
        rf"(?:#[ ]{{0,3}}[A-Za-z_{_HAN}][^#\n.!?。！？]{{0,60}}){{1,9}}(?![^\n])"
    ),
    "tunnel": rf"[ \t]{{0,9}}->->{_END}",
    "divert": (
        r"[ \t]{0,9}(?:->|=><?)[ \t]{0,9}"
        rf"(?:DONE|END|[A-Za-z][A-Za-z0-9]{{0,40}}(?:[._][A-Za-z0-9]{{1,40}}){{1,9}}){_END}"
    ),
    "divert_behind": (
        rf"(?<=[.!?…\"'”’)\]。！？」])[ \t]{{0,9}}(?:->|=><?)[ \t]{{0,9}}[A-Za-z_][A-Za-z0-9_]{{0,60}}{_END}"
    ),
    "divert_alone": rf"(?<![^\n])(?:->|=><?)[ \t]{{0,9}}[a-z_][a-z0-9_]{{0,60}}{_END}",
    "option": r"(?<![^\n])->[ \t]{1,9}",
}

#: Tags that close others, whole; then what stands between a tag's brackets.
CLOSERS = r"\[/[^\[\]\n]{0,60}\]|\{/[^{}\n]{0,60}\}|</[^<>\n]{0,60}>"
CLOSING = r"^/[ ]*=?([A-Za-z_][A-Za-z0-9_.:-]*)?[ ]*$"
OPENING = r"^([A-Za-z_][A-Za-z0-9_.-]*(?::[A-Za-z][A-Za-z0-9_.-]*)?)"
#: Behind the name: an argument, or a slash that closes the tag at once, or brackets of a call.
ARGUED = r"^(?:=[^ =]|[ ]+[A-Za-z0-9_.:-]+(?:=[^ =]|[ ]?=[ ]?[\"'])|[ ]*/$|\(\)$)"
#: What is markup without a name, by the bracket that opens it.
NAMELESS = {
    "[": r"^(?:#[A-Za-z_].*|\$>{1,2}.*|ID:.*|do!? .*\(.*\).*|set [A-Za-z_.]+ [-+*/]?= .*)$",
    "{": r"^(?:#[^0-9].*|=[A-Za-z_].*|[0-9]{1,2}(?:[,:].{1,40})?)$",
    "<": r"^(?:#[0-9A-Fa-f]{3,8}|[?!][A-Za-z].*)$",
}
#: Ink: {a|b}, {&a|b}, {~a|b}, {condition: a|b}.
BAR = rf"{_OURS}|\|"
ALTERNATIVES = (
    r"^[&!~]?(?:(?:not[ ]|!)?[A-Za-z_][A-Za-z0-9_.()]{0,60}"
    r"(?:[ ]?(?:[<>=!]=?|&&|and|or)[ ]?[A-Za-z0-9_.()]{1,60}){0,9}[ ]?:[ ]?)?"
)
DURATION = r"^[ ]*=?[ ]*[\"']?([0-9]{0,4}\.?[0-9]{1,6})[ ]*(ms|s|sec|seconds)?[\"']?[ ]*/?$"

#: Names of tags that say so much alone, without an argument or a partner that closes them.
LONE = frozenset(
    (
        "b", "i", "u", "s", "p", "br", "hr", "em", "strong", "color", "colour", "font", "font_size", "size",
        "sprite", "link", "material", "align", "alpha", "mark", "sub", "sup", "style", "wave", "shake",
        "rainbow", "center", "url", "lb", "rb", "wait", "waitinput", "pause", "page", "nobr", "tab",
    )
)  # fmt: skip
LONE_CURLY = frozenset(
    ("w", "p", "nw", "fast", "done", "clear", "wi", "wc", "wvo", "c", "x", "b", "i", "u", "s")
)
#: Those that make a pause: of so many seconds, or until somebody presses a key.
WAITS = frozenset(("wait", "waitfor", "wait_for", "waitinput", "pause", "delay", "sleep"))
WAITS_CURLY = frozenset(("w", "p", "wi", "wc"))
#: Those at which a line ends, those in whose place something is shown, those whose content is not said.
BREAKING = frozenset(
    ("br", "hr", "p", "par", "page", "cr", "newline", "cell", "div", "li", "td", "th", "tr", "h1", "h2", "h3")
)
SHOWING = frozenset(("sprite", "img", "image", "icon", "space", "tab", "nbsp", "quad", "emoji"))
SILENT = frozenset(("img", "image", "rt", "rp"))
#: Those from which on, up to what closes an `if`, nothing is said.
ELSE = frozenset(("else", "elif", "elseif"))
STRESSING = frozenset(("b", "i", "u", "em", "strong", "bold", "italic", "emphasis"))
WRITTEN = {"lb": "[", "rb": "]"}

#: HTML 4.01's names of characters, and XML's apostrophe.
ENTITY = r"&(?:#[0-9]{1,7}|#[xX][0-9A-Fa-f]{1,6}|[A-Za-z][A-Za-z0-9]{1,31});"
ENTITIES = {name: chr(code) for name, code in sorted(name2codepoint.items())} | {"apos": "'"}

NO_CHARACTER = "\ufffd"  #: what a number stands for that is none's

#: *So*, **so**, ***so***, _so_, __so__ and ~~so~~.
PAIRED = (
    r"(?<![*0-9])(\*{1,3})(?![*\s])[^*\n]{0,199}[^*\s]\1(?!\*)"
    r"|(?<![A-Za-z0-9_\\])(_{1,3})(?![_\s])[^_\n]{0,199}[^_\s]\2(?![A-Za-z0-9_])"
    r"|(?<!~)(~~)(?![~\s])[^~\n]{0,199}[^~\s]~~(?!~)"
)

#: A number without a unit is of seconds up to here, else of milliseconds.
MOST_SECONDS = 60.0
ASKED_S = 0.5  #: a pause until a key is pressed
BEAT_S = {".": 0.25, "|": 1.0, "!": ASKED_S}
FRAMES_PER_S = 60.0  #: in which RPG Maker's \wait[30] counts
