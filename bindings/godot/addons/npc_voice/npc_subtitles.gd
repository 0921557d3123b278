@tool
class_name NpcSubtitles
extends Label
## Shows what speakers say: name them in `speakers`, or `follow` them.

@export var speakers: Array[NodePath] = []

var _shown_by: Node  # whose line is shown


func _ready() -> void:
	text = ""
	for path in speakers:
		follow(get_node(path))


## Show the lines of an NpcSpeaker, of any kind, from now on.
func follow(speaker: Node) -> void:
	speaker.subtitle.connect(_show.bind(speaker))
	speaker.line_finished.connect(_hide.bind(speaker))
	speaker.line_failed.connect(func(_error: RefCounted) -> void: _hide(speaker))
	speaker.tree_exiting.connect(_hide.bind(speaker))


func _show(line: String, _seconds: float, speaker: Node) -> void:
	_shown_by = speaker
	text = "%s: %s" % [speaker.character, line] if speaker.character else line


func _hide(speaker: Node) -> void:
	if _shown_by == speaker:
		_shown_by = null
		text = ""
