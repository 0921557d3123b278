@tool
@icon("icons/cast.svg")
class_name NpcVoiceCast
extends Resource
## Who speaks how: each character's voice and manner, and how names are pronounced.

## Character -> the fields of a line that are theirs: {"Mara": {"speaker": "bf_emma", "emotion": "happy"}}.
@export var characters: Dictionary[String, Dictionary] = {}
## Word -> its phonemes: {"Drizzt": "dɹˈɪst"}. Case matters.
@export var lexicon: Dictionary[String, String] = {}

const LineFields := preload("core/line_fields.gd")
const Names := preload("core/names.gd")


## The fields of a character's lines; none for one who is not in the cast.
func fields_of(character: String) -> Dictionary:
	return characters.get(character, {})


## `text` with the words of the lexicon marked, as the sidecar reads them.
func pronounced(text: String) -> String:
	if lexicon.is_empty():
		return text
	var words := RegEx.create_from_string("\\[\\[.*?\\]\\]|[\\p{L}\\p{N}'’]+")
	var out := ""
	var at := 0
	for found in words.search_all(text):
		var word := found.get_string()
		out += text.substr(at, found.get_start() - at)
		out += "[[%s|%s]]" % [word, lexicon[word]] if lexicon.has(word) else word
		at = found.get_end()
	return out + text.substr(at)


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
