extends Node3D
## Somebody in the tavern, who reads one speaker's lines of the dialogue, over and over.

const NpcSpeaker3D := preload("res://addons/npc_voice/npc_speaker_3d.gd")
const ANGRY := {"emotion": "angry", "intensity": 0.9}
const SWAY_S := 3.0

@export var character := ""
@export var color := Color.BROWN

var is_angry := false:
	set(value):
		is_angry = value
		_paint()
var lines: Array[Dictionary] = []  ## Of the dialogue: mood and text.
var _next := 0
var _time_s := 0.0

@onready var voice: NpcSpeaker3D = $Voice


func _ready() -> void:
	voice.character = character
	_paint()


func _process(delta: float) -> void:
	_time_s += delta * (3.0 if is_angry else 1.0)
	$Head.rotation.z = 0.06 * sin(TAU * _time_s / SWAY_S)


## Speak the next line. Returns when it is over.
func speak() -> void:
	var line := lines[_next]
	_next = (_next + 1) % lines.size()
	await voice.say(line.text, _manner(line))


## Have the next line ready.
func prepare() -> void:
	voice.prefetch([lines[_next].text], _manner(lines[_next]))


func _manner(line: Dictionary) -> Dictionary:
	return ANGRY if is_angry else {"emotion": line.mood}


func _paint() -> void:
	if not is_node_ready():
		return
	var material := StandardMaterial3D.new()
	material.albedo_color = Color.CRIMSON if is_angry else color
	$Body.material_override = material
	$Head/Hat.material_override = material
