@tool
extends RefCounted
## One line of a speaker: what it is to say, and what has come of it.

signal over(error: Failure)

const Failure := preload("core/error.gd")
const Line := preload("core/line.gd")
const Mouth := preload("mouth.gd")
const Stream := preload("core/stream.gd")

var text: String
var fields: Dictionary
var is_streamed: bool
var is_asked := false
var is_over := false
var asked_msec := 0
var id := ""  ## Of the request.
var stream: Stream
var chunks: Array[Line] = []  ## What has come.
var is_whole := false  ## Whether all has come.
var error: Failure
var mouth := Mouth.new()
var words: Array = []
var duration_s := 0.0  ## Of what has come.


func _init(its_text: String, its_fields: Dictionary, streamed: bool) -> void:
	text = its_text
	fields = its_fields
	is_streamed = streamed


func add(chunk: Line) -> void:
	if chunk.error:
		error = chunk.error
		return
	duration_s += chunk.duration_s
	chunks.append(chunk)
	words.append_array(chunk.words)
	mouth.add(chunk.visemes, duration_s)
	is_whole = chunk.last


func end(its_error: Failure) -> void:
	if not is_over:
		is_over = true
		error = its_error
		over.emit(error)
