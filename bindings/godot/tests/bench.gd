extends "harness.gd"
## Figures, as lines `name value…`. `file=` is the connection file, `text=` a line that is cached, `times=` how often.

const Client := preload("res://addons/npc_voice/core/client.gd")
const LineFields := preload("res://addons/npc_voice/core/line_fields.gd")
const Link := preload("res://addons/npc_voice/core/link.gd")
const Replies := preload("res://addons/npc_voice/core/replies.gd")
const Request := preload("res://addons/npc_voice/core/request.gd")
const SidecarFile := preload("res://addons/npc_voice/core/sidecar_file.gd")
const Speaker3D := preload("res://addons/npc_voice/npc_speaker_3d.gd")
const NAP_USEC := 50
const NPCS := 8
const TALK_S := 20.0
const LINES := [
	"Come in, come in, and mind the step!", "Who goes there?", "Closer, child.", "That'll be three gold.",
	"Keep your voice down!", "Look, I made you a sword!", "Papers. Name. Purpose of visit.", "Eat something, love.",
]

var _frame_usec := PackedInt64Array()
var _began_usec := 0


## The last of a frame's nodes: notes what the frame's work took, with all that was deferred before.
class Last:
	extends Node
	var note: Callable

	func _ready() -> void:
		process_priority = 1000

	func _process(_delta: float) -> void:
		note.call_deferred()


func test_a_short_nap() -> void:
	var found := SidecarFile.look(arguments.file)
	var link := Link.new("REQ", 1 << 22, 1 << 24)
	link.open(found, found.host, found.port)
	while not link.is_open():
		link.step()
		OS.delay_usec(NAP_USEC)
	var times := PackedInt64Array()
	for number in int(arguments.times):
		var began := Time.get_ticks_usec()
		var request := Request.new("nap-%d" % number, "synthesize", "bench", LineFields.new(arguments.text, {}).header)
		link.send(request.message(found.token))
		var parts := []
		while parts.is_empty() and not link.is_over():
			OS.delay_usec(NAP_USEC)
			while link.step():
				pass
			parts = link.take_message()
		var line := Replies.read(request, parts)
		times.append(Time.get_ticks_usec() - began)
		check(line.error == null and line.cached, "no cached line")
	link.close()
	_print("nap_ms", times)


func test_once_a_frame() -> void:
	var client := Client.new({"connection_file": arguments.file})
	for fps: int in [60, 0]:
		Engine.max_fps = fps
		await process_frame
		var times := PackedInt64Array()
		for number in int(arguments.times):
			var began := Time.get_ticks_usec()
			var line := await client.say(arguments.text)
			times.append(Time.get_ticks_usec() - began)
			check(line.error == null and line.cached, "no cached line")
		_print("frame_%s_ms" % (fps if fps else "free"), times)
	Engine.max_fps = 60
	client.close()


func test_frames_while_eight_talk() -> void:
	root.get_node("NpcVoice").open({"connection_file": arguments.file})
	var speakers := range(NPCS).map(func(_n: int) -> Node: return _speaker())
	for text: String in LINES:
		await root.get_node("NpcVoice").say(text, {"timings": ["words", "visemes"]})
	var last := Last.new()
	last.note = _note
	root.add_child(last)
	process_frame.connect(_begin_frame)
	await _measure("frame_idle_ms")
	for number in NPCS:
		_talk(speakers[number], number)
	await _measure("frame_talking_ms")
	for speaker: Node in speakers:
		speaker.queue_free()
	last.free()


func _speaker() -> Node:
	var speaker := Speaker3D.new()
	var face := preload("face.gd").make()
	speaker.add_child(face)
	speaker.mesh = ^"Face"
	root.add_child(speaker)
	return speaker


func _talk(speaker: Node, number: int) -> void:
	while is_instance_valid(speaker):
		speaker.stream_from = number % 2
		var error: RefCounted = await speaker.say(LINES[number % LINES.size()])
		check(error == null or error.code == "cancelled", str(error))
		number += 1


func _begin_frame() -> void:
	_began_usec = Time.get_ticks_usec()


func _note() -> void:
	_frame_usec.append(Time.get_ticks_usec() - _began_usec)


func _measure(name: String) -> void:
	await sleep(0.5)
	_frame_usec.clear()
	await sleep(TALK_S)
	_print(name, _frame_usec.duplicate())


## p50, p99, the worst, and how many.
func _print(name: String, usec: PackedInt64Array) -> void:
	usec.sort()
	var at := func(part: float) -> float: return usec[mini(usec.size() - 1, int(part * usec.size()))] / 1000.0
	print("%s %.3f %.3f %.3f %d" % [name, at.call(0.5), at.call(0.99), at.call(1.0), usec.size()])
