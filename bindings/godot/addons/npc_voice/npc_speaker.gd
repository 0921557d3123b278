@tool
@icon("icons/speaker.svg")
class_name NpcSpeaker
extends AudioStreamPlayer
## An audio player that is a character's mouth: `say` something and it is spoken.
##
##     $Guard.say("Halt! Who goes there?")
##
## NpcSpeaker, NpcSpeaker2D and NpcSpeaker3D are the same but for where they are heard.

## The line begins to sound, or to be shown where there is no voice.
signal line_started(text: String)
## Show this for so long; `line_finished` says when it is really over.
signal subtitle(text: String, seconds: float)
## A word begins.
signal word(text: String)
## The mouth takes a shape: one of Oculus Lipsync's 15, with its weight. Shapes told in one go belong together.
signal viseme(id: int, weight: float)
signal line_finished()
## The line could not be spoken for a reason that is not that no sidecar is there.
signal line_failed(error: Failure)

const Cast := preload("cast.gd")
const Failure := preload("core/error.gd")
const Speaking := preload("speaking.gd")

## Who speaks: a name in the cast.
@export var character := "":
	set(value):
		character = value
		update_configuration_warnings()
@export var cast: Cast:
	set(value):
		cast = value
		update_configuration_warnings()

@export_group("Manner")
## A voice by its name; empty: the cast's, or the model's own.
@export var speaker := "":
	set(value):
		speaker = value
		update_configuration_warnings()
## Empty: the cast's, or neutral.
@export var emotion := ""
## How strong the emotion is, where one is given here.
@export_range(0.0, 1.0) var intensity := 0.5
@export_range(0.5, 2.0) var speed := 1.0
## In semitones.
@export_range(-12.0, 12.0) var pitch := 0.0

@export_group("Lines")
## What happens to a line while another is spoken.
@export var policy := Speaking.Policy.QUEUE
@export_enum("bark", "dialogue", "ambient") var priority := "dialogue"
## A line that has not come by then is shown as text, in seconds.
@export_range(0.5, 60.0) var patience_s := 8.0
## Lines of so many characters are played while the rest of them is still being spoken; 0: none.
@export var stream_from := 120

@export_group("Mouth")
## A MeshInstance3D whose blend shapes follow the line.
@export_node_path("MeshInstance3D") var mesh: NodePath:
	set(value):
		mesh = value
		update_configuration_warnings()
## Viseme (sil, PP, FF, TH, DD, kk, CH, SS, nn, RR, aa, E, ih, oh, ou) -> blend shape, where it is not called
## `viseme_PP` and so on.
@export var blend_shapes: Dictionary[String, String] = {}

## What speaks: the autoload NpcVoice unless something else, such as an NpcVoiceClient, is set here.
var voice: Object
## How far the mouth is in each shape now, by viseme id; empty while nothing is spoken.
var viseme_weights: PackedFloat32Array:
	get:
		return _speaking.weights()
var _speaking := Speaking.new(self)


func _ready() -> void:
	set_process(false)


func _process(_delta: float) -> void:
	_speaking.step()


func _exit_tree() -> void:
	_speaking.stop()


## Speak `text`. `fields` are those of NpcVoiceClient.say and win over the node's and the cast's. Returns when the
## line is over, with what went wrong, or null.
func say(text: String, fields := {}) -> Failure:
	var utterance := _speaking.say(text, fields)
	if not utterance.is_over:
		await utterance.over
	return utterance.error


## End the line that is spoken and those that wait.
func stop_speaking() -> void:
	_speaking.stop()


func is_speaking() -> bool:
	return _speaking.is_busy()


## Have lines spoken ahead that will be said here soon, with the same `fields`.
func prefetch(texts: Array, fields := {}) -> void:
	_speaking.prefetch(texts, fields)


## For the shared logic.
func stop_player() -> void:
	stop()


func voice_or_default() -> Object:
	if voice:
		return voice
	return get_node_or_null(^"/root/NpcVoice") if is_inside_tree() else null


func _get_configuration_warnings() -> PackedStringArray:
	return Speaking.warnings(self)
