@tool
class_name NpcDialogueManagerHook
extends Node
## Speaks the lines of the addon Dialogue Manager (played with 4.0.3). A line's character decides who speaks; tags
## of the line say how: `[#emotion=angry, #intensity=0.8]`.

## Who speaks what: the character's name in the dialogue -> an NpcSpeaker of any kind.
@export var speakers: Dictionary[String, NodePath] = {}

## The manager: the singleton `DialogueManager` unless something else is set before the node is ready.
var manager: Object
const TEXT_TAGS: Array[String] = ["emotion", "language", "priority"]
const NUMBER_TAGS: Array[String] = ["intensity", "speed", "pitch"]


func _ready() -> void:
	if manager == null:
		manager = get_node_or_null(^"/root/DialogueManager")
	if manager == null or not manager.has_signal("got_dialogue"):
		push_error("NpcDialogueManagerHook: the addon Dialogue Manager is not enabled")
		return
	manager.connect("got_dialogue", _on_got_dialogue)


func _on_got_dialogue(line: Object) -> void:
	var speaker := get_node_or_null(speakers.get(line.character, ^"")) if speakers.has(line.character) else null
	if speaker:
		speaker.say(line.text.strip_edges(), fields_of(line.tags))


## The fields of a line in tags such as `emotion=angry`.
static func fields_of(tags: PackedStringArray) -> Dictionary:
	var fields := {}
	for tag in tags:
		var name := tag.get_slice("=", 0).strip_edges()
		var value := tag.get_slice("=", 1).strip_edges()
		if name in TEXT_TAGS:
			fields[name] = value
		elif name in NUMBER_TAGS and value.is_valid_float():
			fields[name] = value.to_float()
	return fields
