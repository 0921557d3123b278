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
const Names := preload("core/names.gd")
const SubtitleText := preload("subtitle_text.gd")


## The fields of a character's lines; none for one who is not in the cast.
func fields_of(character: String) -> Dictionary:
	return characters.get(character, {})


## `text` with the words of the lexicon marked, as the sidecar reads them. Words that are marked already stay.
func pronounced(text: String) -> String:
	var phonemes_of := {}
	var pattern := "(?i)\\[\\[.*?\\]\\]|<[^<>]*>"
	for word in lexicon:
		if word and lexicon[word]:
			phonemes_of[word.to_lower()] = lexicon[word]
			pattern += "|" + _whole(word)
	if phonemes_of.is_empty():
		return text
	var out := ""
	var at := 0
	for found in RegEx.create_from_string(pattern).search_all(text):
		var word := found.get_string()
		out += text.substr(at, found.get_start() - at)
		out += "[[%s|%s]]" % [word, phonemes_of[word.to_lower()]] if phonemes_of.has(word.to_lower()) else word
		at = found.get_end()
	return out + text.substr(at)


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
