@tool
extends RefCounted
## A line's markup, of whatever engine, read as the sidecar reads it (`sidecar/text/markup/edits.py`). The vectors
## of `markup.json` hold both to the same.

const Forms := preload("markup_forms.gd")

static var _markup := RegEx.create_from_string("|".join(Forms.FORMS.keys().map(_group)))
static var _closers := RegEx.create_from_string(Forms.CLOSERS)
static var _closing := RegEx.create_from_string(Forms.CLOSING)
static var _opening := RegEx.create_from_string(Forms.OPENING)
static var _argued := RegEx.create_from_string(Forms.ARGUED)
static var _duration := RegEx.create_from_string(Forms.DURATION)
static var _bar := RegEx.create_from_string(Forms.BAR)
static var _alternatives := RegEx.create_from_string(Forms.ALTERNATIVES)
static var _entity := RegEx.create_from_string(Forms.ENTITY)
static var _paired := RegEx.create_from_string(Forms.PAIRED)
static var _spaces := RegEx.create_from_string(" {2,}")
static var _nameless := {
	"[": RegEx.create_from_string(Forms.NAMELESS["["]),
	"{": RegEx.create_from_string(Forms.NAMELESS["{"]),
	"<": RegEx.create_from_string(Forms.NAMELESS["<"]),
}

## What stands in place of what: [start, end, text], in order and apart from each other.
var edits: Array[Array] = []
var _text: String
## A bracket and a name -> the [start, end] of all tags that close it.
var _partners := {}


func _init(text: String) -> void:
	_text = text
	for found in _closers.search_all(text):
		var closing := _closing.search(_inner(found))
		if closing:
			var key := text[found.get_start()] + closing.get_string(1).to_lower()
			_partners[key] = _partners.get(key, []) + [[found.get_start(), found.get_end()]]
	_read(0, text.length())


## A line as a subtitle shows it.
static func plain(line: String) -> String:
	var text := _replaced(line, _characters(line))
	text = _replaced(text, new(text).edits)
	for time in 2:  # **so _or_ so**
		text = _replaced(text, _marks_of_pairs(text))
	return _spaces.sub(text, " ", true).strip_edges()


## Where a line has markup or names of characters: the [start, end, …] of each, in order.
static func places(line: String) -> Array[Array]:
	var result := new(line).edits
	for edit in _characters(line):
		if not result.any(func(other: Array) -> bool: return other[0] < edit[1] and edit[0] < other[1]):
			result.append(edit)
	result.sort_custom(func(one: Array, other: Array) -> bool: return one[0] < other[0])
	return result


static func _group(name: String) -> String:
	return "(?<%s>%s)" % [name, Forms.FORMS[name]]


static func _replaced(text: String, edits: Array[Array]) -> String:
	var out := ""
	var at := 0
	for edit in edits:
		out += text.substr(at, edit[0] - at) + edit[2]
		at = edit[1]
	return out + text.substr(at)


## `&amp;` and the like.
static func _characters(text: String) -> Array[Array]:
	var result: Array[Array] = []
	for found in _entity.search_all(text):
		var character := _character(found.get_string().substr(1, found.get_string().length() - 2))
		if character:
			result.append([found.get_start(), found.get_end(), character])
	return result


static func _character(name: String) -> String:
	if not name.begins_with("#"):
		return Forms.ENTITIES.get(name, "")
	var code := name.substr(2).hex_to_int() if name[1] in "xX" else name.substr(1).to_int()
	var exists := code > 0 and code < 0x110000 and not (code >= 0xd800 and code < 0xe000)
	return String.chr(code) if exists else Forms.NO_CHARACTER


## The stars of *so* and the like.
static func _marks_of_pairs(text: String) -> Array[Array]:
	var result: Array[Array] = []
	for found in _paired.search_all(text):
		var width := (found.get_string(1) + found.get_string(2) + found.get_string(3)).length()
		result.append([found.get_start(), found.get_start() + width, ""])
		result.append([found.get_end() - width, found.get_end(), ""])
	return result


func _read(at: int, end: int) -> void:
	while true:
		var found := _markup.search(_text, at)
		if found == null or found.get_start() >= end:
			return
		var known := edits.size()
		if found.get_end() <= end:
			_edit(found)
		at = found.get_start() + 1 if edits.size() == known else edits[-1][1]


func _edit(found: RegExMatch) -> void:
	var start := found.get_start()
	match found.names.keys()[0]:
		"override":
			_put(found, found.get_string().substr(2).get_slice("|", 0))
		"choice":
			_keep(found, start + 2, _text.find("|", start))
		"plural":
			var forms := found.get_string().substr(2).split(":")
			var second := start + 3 + forms[0].length()
			_keep(found, second, second + forms[1].trim_suffix(";").length())
		"quest_choice":
			_keep(found, start + 2 + int(_text[start + 2] == " "), _text.find(":", start))
		"image", "link":
			_keep(found, _text.find("[", start) + 1, start + found.get_string().rfind("]("))
		"square", "curly", "angle":
			_tag(found)
		"newline", "pipe_newline", "quest_newline":
			_put(found, "\n")
		"texture", "gap":
			_put(found, " ")
		"escape":
			_put(found, found.get_string()[1])
		"pipe":
			if _text.substr(0, start).contains("|c" if found.get_string() == "|r" else "|H"):
				_put(found, "")
		_:
			_put(found, "")


func _put(found: RegExMatch, text: String) -> void:
	edits.append([found.get_start(), found.get_end(), text])


## Nothing of it but what stands at [start, end), which may have markup of its own.
func _keep(found: RegExMatch, start: int, end: int) -> void:
	edits.append([found.get_start(), start, ""])
	_read(start, end)
	edits.append([end, found.get_end(), ""])


static func _inner(found: RegExMatch) -> String:
	return found.get_string().substr(1, found.get_string().length() - 2)


func _tag(found: RegExMatch) -> void:
	var bracket := _text[found.get_start()]
	var inner := _inner(found)
	var closing := _closing.search(inner)
	var bar := _bar_in(found) if bracket == "{" else -1
	var opening := _opening.search(inner)
	if closing:
		_put(found, "\n" if closing.get_string(1).to_lower() in Forms.BREAKING else "")
	elif bar >= 0:
		var condition := _alternatives.search(inner.substr(0, bar - found.get_start() - 1))
		_keep(found, found.get_start() + 1 + (condition.get_end() if condition else 0), bar)
	elif _nameless[bracket].search(inner):
		_put(found, "")
	elif opening:
		_named(found, opening.get_string(1).to_lower(), inner.substr(opening.get_end()))


## Where the first alternative ends; the bar in `[[word|phonemes]]` parts none.
func _bar_in(found: RegExMatch) -> int:
	for bar in _bar.search_all(_text, found.get_start(), found.get_end()):
		if bar.get_string() == "|":
			return bar.get_start()
	return -1


func _named(found: RegExMatch, name: String, rest: String) -> void:
	var is_curly := found.get_string()[0] == "{"
	var waits := name in Forms.WAITS or (is_curly and name in Forms.WAITS_CURLY)
	if waits and (rest.is_empty() or _duration.search(rest) or _argued.search(rest)):
		_put(found, "\n" if name in Forms.BREAKING else "")
		return
	var ending := _partner(found.get_string()[0] + "if", found.get_end()) if name in Forms.ELSE else []
	if ending:
		edits.append([found.get_start(), ending[0], ""])
		return
	var partner := _partner(found.get_string()[0] + name, found.get_end())
	var lone := rest.is_empty() and name in (Forms.LONE_CURLY if is_curly else Forms.LONE)
	if partner and _is_silent(name, found.get_end(), partner[0]):
		edits.append([found.get_start(), partner[1], " " if name in Forms.SHOWING else ""])
	elif name in Forms.BREAKING and (partner or lone or _argued.search(rest)):
		_put(found, "\n")
	elif partner or lone or _argued.search(rest):
		_put(found, Forms.WRITTEN.get(name, " " if name in Forms.SHOWING else ""))


## Yarn's `[character name="Mara"]Mara: [/character]` says who speaks.
func _is_silent(name: String, start: int, end: int) -> bool:
	var named := name == "character" and _text.substr(start, end - start).strip_edges().ends_with(":")
	return named or name in Forms.SILENT


## The [start, end] of the first tag behind a place that closes `name` (with its bracket), or all; [] for none.
func _partner(name: String, behind: int) -> Array:
	var first := []
	for key: String in [name, name[0]]:
		var spans: Array = _partners.get(key, [])
		var at := spans.bsearch([behind, 0])
		if at < spans.size() and (first.is_empty() or spans[at][0] < first[0]):
			first = spans[at]
	return first
