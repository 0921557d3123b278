@tool
extends RefCounted
## What a game gives with a line, as the fields of the protocol's `synthesize`. Names and types are looked at
## here, values by the sidecar, which knows its speakers and ranges.

const EXPECTED := {
	"speaker": "a name, an index, 256 numbers or a map of names to weights",
	"manner": "a name, an index, 256 numbers or a map of names to weights",
	"emotion": "a label or a map of labels to weights",
	"intensity": "a number", "speed": "a number", "pitch": "a number of semitones",
	"reference": "'emotion'", "language": "a text", "model": "a text", "priority": "a text",
	"deadline_ms": "a whole number", "format": "a text", "sample_rate": "a whole number",
	"loudness": "a number of LUFS",
	"timings": "a list of texts", "seed": "a whole number", "prompt": "a text",
	"effect": "a text",
}
## Given beside the fields: the reference's clip and its baseline, and whose line it is.
const BESIDE := {
	"clip": "the bytes of a sound file", "baseline": "the bytes of a sound file", "session": "a text", "id": "a text",
}
const CLIPS: Array[String] = ["clip", "baseline"]  ## In the order in which they are sent.
const SPEAKERS: Array[String] = ["speaker", "manner"]
const TEXTS: Array[String] = ["reference", "language", "model", "priority", "format", "prompt", "effect"]
const NUMBERS: Array[String] = ["intensity", "speed", "pitch", "loudness"]
const WHOLE: Array[String] = ["deadline_ms", "sample_rate", "seed"]
const Failure := preload("error.gd")
const Names := preload("names.gd")

var header := {}
var bodies: Array[PackedByteArray] = []
var session := ""  ## Empty: the client's.
var id := ""  ## Empty: a new one.
var error: Failure  ## Null when all is well.


func _init(text: String, options: Dictionary) -> void:
	header["text"] = text
	if options.has("clip") and not options.has("reference"):
		header["reference"] = {"use": "emotion"}
	for key: Variant in options:
		_take(str(key), options[key])
	for name in CLIPS:
		if options.get(name) is PackedByteArray:
			bodies.append(options[name])


func _take(name: String, value: Variant) -> void:
	if value == null:
		return
	if name in EXPECTED:
		header[name] = _field(name, value)
		if header[name] == null:
			_refuse(name, EXPECTED[name], value)
	elif name in CLIPS and value is PackedByteArray:
		if name == "baseline":
			header["baseline"] = true
	elif name in BESIDE and not name in CLIPS and _is_text(value):
		set(name, str(value))
	elif name in BESIDE:
		_refuse(name, BESIDE[name], value)
	else:
		var near := Names.did_you_mean(name, EXPECTED.keys() + BESIDE.keys())
		error = Failure.new(Failure.BAD_REQUEST, "a line has no field '%s'%s" % [name, near], name)


func _refuse(name: String, expected: String, value: Variant) -> void:
	var message := "%s must be %s, got %s" % [name, expected, var_to_str(value).left(60)]
	error = Failure.new(Failure.BAD_REQUEST, message, name)


## As it is sent; null when it is of another type.
func _field(name: String, value: Variant) -> Variant:
	if name in NUMBERS:
		return float(value) if _is_number(value) else null
	if name in WHOLE:
		return int(value) if _is_number(value) and value == floor(value) else null
	if name == "reference":
		return {"use": str(value)} if _is_text(value) else null
	if name in TEXTS:
		return str(value) if _is_text(value) else null
	if name == "timings":
		return Array(value) if Names.are_texts(value) else null
	if value is Dictionary:
		return _weights(value)
	if name in SPEAKERS and _is_number(value) and value == floor(value):
		return int(value)
	if name in SPEAKERS and (value is Array or value is PackedFloat32Array or value is PackedFloat64Array):
		return _floats(value)
	return str(value) if _is_text(value) else null


## Whether something is asked for that only a whole line can have, not a stream.
static func are_whole(fields: Dictionary) -> bool:
	return fields.has("loudness") or fields.has("effect")


static func _weights(map: Dictionary) -> Variant:
	var weights := {}
	for key: Variant in map:
		if not _is_text(key) or not _is_number(map[key]):
			return null
		weights[str(key)] = float(map[key])
	return weights


static func _floats(list: Variant) -> Variant:
	var floats: Array[float] = []
	for item: Variant in list:
		if not _is_number(item):
			return null
		floats.append(float(item))
	return floats


static func _is_text(value: Variant) -> bool:
	return value is String or value is StringName


static func _is_number(value: Variant) -> bool:
	return value is int or value is float
