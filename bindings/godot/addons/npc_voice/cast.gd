@tool
@icon("icons/cast.svg")
class_name NpcVoiceCast
extends Resource
## Who speaks how: each character's voice and manner, and how names are pronounced.

## Character -> the fields of a line that are theirs: {"Mara": {"speaker": "bf_emma", "emotion": "happy"}}.
@export var characters: Dictionary[String, Dictionary] = {}
## Word -> its phonemes: {"Drizzt": "dɹˈɪst"}, in any case.
@export var lexicon: Dictionary[String, String] = {}

const LineFields := preload("core/line_fields.gd")
const Markup := preload("markup.gd")
const Names := preload("core/names.gd")
const SubtitleText := preload("subtitle_text.gd")


## The fields of a character's lines; none for one who is not in the cast.
func fields_of(character: String) -> Dictionary:
	return characters.get(character, {})


## `text` with the words of the lexicon marked, as the sidecar reads them. Markup stays, and words that are marked.
func pronounced(text: String) -> String:
	var phonemes_of := {}
	var words := PackedStringArray()
	for word in lexicon:
		if word and lexicon[word]:
			phonemes_of[word.to_lower()] = lexicon[word]
			words.append(_whole(word))
	if phonemes_of.is_empty():
		return text
	var pattern := RegEx.create_from_string("(?i)" + "|".join(words))
	var out := ""
	var at := 0
	for place in Markup.places(text) + [[text.length(), text.length()]]:
		out += _marked(text, at, place[0], pattern, phonemes_of) + text.substr(place[0], place[1] - place[0])
		at = place[1]
	return out


## The same of [at, end), where no markup is.
static func _marked(text: String, at: int, end: int, pattern: RegEx, phonemes_of: Dictionary) -> String:
	var out := ""
	for found in pattern.search_all(text, at, end):
		var word := found.get_string()
		out += text.substr(at, found.get_start() - at) + "[[%s|%s]]" % [word, phonemes_of[word.to_lower()]]
		at = found.get_end()
	return out + text.substr(at, end - at)


## The pattern of a word: not inside another, except where words are written without spaces.
static func _whole(word: String) -> String:
	var letter := "[\\p{L}\\p{N}]"
	var before := "(?<!%s)" % letter if word.unicode_at(0) < SubtitleText.FIRST_IDEOGRAPH else ""
	var after := "(?!%s)" % letter if word.unicode_at(word.length() - 1) < SubtitleText.FIRST_IDEOGRAPH else ""
	return before + "\\Q" + word.replace("\\E", "") + "\\E" + after


## What is wrong with the cast, a line each.
func problems() -> PackedStringArray:
	var all := PackedStringArray()
	for character in characters:
		var given := LineFields.new("", characters[character])
		if given.error:
			all.append("%s: %s" % [character, given.error.message])
		elif not given.header.has("speaker"):
			all.append("%s has no speaker" % character)
	return all


## The warning for a node whose character is not here; empty when it is.
func problem_of(character: String) -> String:
	if not character or characters.has(character):
		return ""
	return "The cast has no '%s'%s." % [character, Names.did_you_mean(character, characters.keys())]
