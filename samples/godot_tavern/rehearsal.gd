extends Node
## Plays the sample by itself and looks at what comes of it.

const LONGEST_S := 120.0
const ANGRY_AT_S := 6.0
const SWAP_AT_S := 10.0
const OPEN := 0.3  ## A mouth that opens so far has moved.

var _time_s := 0.0
var _pressed := 0
var _lines := {}  # NPC -> how many are over
var _opened := {}  # NPC -> how far
var _failures: Array[String] = []
var _live := ""


func _ready() -> void:
	for npc: Node in get_parent().npcs:
		_lines[npc.character] = 0
		_opened[npc.character] = 0.0
		npc.voice.line_finished.connect(func() -> void: _lines[npc.character] += 1)
		npc.voice.line_failed.connect(func(error: RefCounted) -> void: _failures.append(str(error)))
	NpcVoice.event.connect(_on_event)


func _on_event(topic: String, data: Dictionary) -> void:
	if topic == "model.live":
		_live = data.to


func _process(delta: float) -> void:
	_time_s += delta
	if _pressed == 0 and _time_s > ANGRY_AT_S:
		_press(KEY_A)
	elif _pressed == 1 and _time_s > SWAP_AT_S:
		_press(KEY_S)
	for npc: Node in get_parent().npcs:
		var weights: PackedFloat32Array = npc.voice.viseme_weights
		for id in range(1, weights.size()):
			_opened[npc.character] = maxf(_opened[npc.character], weights[id])
	if _all_is_seen() or _time_s > LONGEST_S:
		_judge()


func _press(key: Key) -> void:
	_pressed += 1
	var event := InputEventKey.new()
	event.keycode = key
	event.pressed = true
	Input.parse_input_event(event)


func _all_is_seen() -> bool:
	return _live != "" and get_parent().npcs.all(
		func(npc: Node) -> bool:
			return _lines[npc.character] > 0 and _opened[npc.character] > OPEN and npc.is_angry
	)


func _judge() -> void:
	set_process(false)
	for npc: Node in get_parent().npcs:
		_require(_lines[npc.character] > 0, npc.character + " has finished no line")
		_require(_opened[npc.character] > OPEN, npc.character + " has not opened the mouth")
		_require(npc.is_angry, npc.character + " is not angry")
	_require(_live != "", "the voice was not swapped")
	print("lines %s, mouths %s, voice %s" % [_lines, _opened, _live])
	print("rehearsal: ", "good" if _failures.is_empty() else "; ".join(PackedStringArray(_failures)))
	get_tree().quit(1 if _failures else 0)


func _require(holds: bool, otherwise: String) -> void:
	if not holds:
		_failures.append(otherwise)
