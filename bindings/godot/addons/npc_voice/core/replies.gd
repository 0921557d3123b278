@tool
extends RefCounted
## What a sidecar answers, looked at before anything believes it.

const MODEL := {"name": "str", "version": "str", "sha256": "str"}
const MODELS := {"models": [{
	"name": "str", "version": "str", "state": "str", "sha256?": "str", "pinned": "bool", "share?": "num",
	"reason?": "str", "detail?": "str", "dropped?": "bool",
}]}
const SPOKEN := {
	"audio": {"format": "str", "sample_rate": "int", "channels": "int", "frames": "int"}, "model": MODEL,
	"timing": {
		"queue_ms": "num", "text_ms": "num", "infer_ms": "num", "encode_ms": "num", "total_ms": "num",
	},
	"cached": "bool", "seed": "int", "words?": "list", "phonemes?": "list", "visemes?": "list",
	"stream?": "str", "chunk?": {"index": "int", "last": "bool"},
}
## Op -> what its reply must hold. A list of one thing is any number of such; `?` ends what may be absent.
const SHAPES := {
	"hello": {
		"server": "str", "protocol": "int", "ops": ["str"], "limits": "map", "models": [MODEL],
		"device": {"name": "str", "precision": "str"}, "languages": ["str"], "formats": ["str"],
		"timings": ["str"], "emotions": ["str"], "priorities": ["str"], "fields?": ["str"],
	},
	"synthesize": SPOKEN, "next": SPOKEN, "cancel": {"cancelled": "bool"},
	"speakers": {
		"speakers": [{"name": "str", "display": "str", "language": "str", "model": "str"}], "default": "str",
	},
	"emotions": {"emotions": [{"name": "str", "display": "map", "aliases": ["str"]}]},
	"models": MODELS, "activate": MODELS, "rollback": MODELS, "remove": MODELS, "canary": MODELS, "rescan": MODELS,
	"stats": {
		"uptime_s": "num", "requests": "map", "errors": "map", "lines_waiting": "int", "lines_running": "int",
		"streams": "int", "audio_s": "num", "real_time_factor": "num", "latency": "map",
		"cache": {"hits": "int", "misses": "int", "entries": "int", "bytes": "int"}, "memory_bytes": "int",
		"device_memory_bytes?": "int",
		"fits?": {"waiting": "int", "running": "int", "ready": "int", "failed": "int"},
	},
	"ping": {}, "shutdown": {"lines": "int"},
}
const ERROR := {
	"code": "str", "message": "str", "field?": "str", "retryable?": "bool", "retry_after_ms?": "int",
}
const SAMPLE_BYTES := {"pcm_s16le": 2, "pcm_f32le": 4}
const VISEMES := 15
const NESTING := 8
const Failure := preload("error.gd")
const Line := preload("line.gd")
const MsgPack := preload("msgpack.gd")
const Reply := preload("reply.gd")
const Request := preload("request.gd")


## The answer to `request` in the parts of a message; null when it is another's.
static func read(request: Request, parts: Array) -> Reply:
	var decoded := MsgPack.decode(parts[0], NESTING)
	var header := decoded.header
	var problem := decoded.error if decoded.error else _envelope_problem(header)
	if problem:
		return _bad(request, problem)
	if header.id != request.id:
		return null
	if not header.ok:
		return _refusal(request, header.get("error"))
	problem = shape_problem(header, SHAPES[request.op], "")
	if problem:
		return _bad(request, problem)
	if request.is_spoken():
		return _line(request, header, parts[1] if parts.size() > 1 else PackedByteArray())
	var reply := Reply.new()
	reply.data = header
	return reply


static func _envelope_problem(header: Dictionary) -> String:
	if header.get("v") != 1:
		return "version %s, expected 1" % header.get("v")
	if not header.get("id") is String:
		return "id must be str"
	return "" if header.get("ok") is bool else "ok must be bool"


static func _bad(request: Request, problem: String) -> Reply:
	return request.failed(Failure.new(Failure.BAD_REPLY, "the sidecar's reply makes no sense: " + problem))


static func _refusal(request: Request, value: Variant) -> Reply:
	var problem := shape_problem(value, ERROR, "error")
	if problem:
		return _bad(request, problem)
	var error := Failure.new(value.code, value.message, _text_or_empty(value.get("field")))
	error.retryable = value.get("retryable") == true
	if value.get("retry_after_ms") != null:
		error.retry_after_ms = value.retry_after_ms
	return request.failed(error)


static func _text_or_empty(value: Variant) -> String:
	return "" if value == null else str(value)


static func _line(request: Request, header: Dictionary, body: PackedByteArray) -> Reply:
	var audio: Dictionary = header.audio
	var problem := _audio_problem(audio, body)
	for list: String in ["words", "phonemes"]:
		problem = problem if problem else _rows_problem(header, list, TYPE_STRING)
	problem = problem if problem else _rows_problem(header, "visemes", TYPE_INT)
	if problem:
		return _bad(request, problem)
	var line := Line.new()
	line.data = header
	line.id = request.id
	line.audio = body
	line.format = audio.format
	line.sample_rate_hz = audio.sample_rate
	line.channels = audio.channels
	line.frames = audio.frames
	line.model = header.model
	line.timing = header.timing
	line.cached = header.cached
	line.seed_used = header.seed
	for list: String in ["words", "phonemes", "visemes"]:
		line.set(list, header.get(list) if header.get(list) != null else [])
	_mark_chunk(line, header)
	line.prepare()
	return line


static func _mark_chunk(line: Line, header: Dictionary) -> void:
	if header.get("chunk") == null:
		return
	line.stream = _text_or_empty(header.get("stream"))
	line.index = header.chunk.index
	line.last = header.chunk.last


static func _audio_problem(audio: Dictionary, body: PackedByteArray) -> String:
	if audio.sample_rate <= 0 or audio.channels <= 0 or audio.channels > 2 or audio.frames < 0:
		return "audio of %d channels and %d frames at %d Hz" % [audio.channels, audio.frames, audio.sample_rate]
	var sample_bytes: int = SAMPLE_BYTES.get(audio.format, 0)
	if sample_bytes and body.size() != sample_bytes * audio.channels * audio.frames:
		return "%d frames of audio in %d bytes" % [audio.frames, body.size()]
	return ""


## Rows of words and phonemes are [text, start_s, end_s], of visemes [start_s, id, weight].
static func _rows_problem(header: Dictionary, list: String, kind: int) -> String:
	if header.get(list) == null:
		return ""
	for row: Variant in header[list]:
		if not row is Array or row.size() != 3 or not _is_number(row[2]):
			return list + ": a row is not a list of three"
		if kind == TYPE_STRING and not (row[0] is String and _is_number(row[1])):
			return list + ": a row is not text, start and end"
		if kind == TYPE_INT and not (_is_number(row[0]) and row[1] is int and row[1] >= 0 and row[1] < VISEMES):
			return list + ": a row is no start, id and weight"
	return ""


## Where a value is not of this shape, and what was expected there; empty when it is.
static func shape_problem(value: Variant, shape: Variant, path: String) -> String:
	if shape is Array:
		return _list_problem(value, shape[0], path)
	if shape is Dictionary:
		return _map_problem(value, shape, path)
	return "" if _is(value, shape) else "%s must be %s" % [path, shape]


static func _list_problem(value: Variant, shape: Variant, path: String) -> String:
	if not value is Array:
		return path + " must be list"
	for item: Variant in value:
		var problem := shape_problem(item, shape, path + "[]")
		if problem:
			return problem
	return ""


static func _map_problem(value: Variant, shape: Dictionary, path: String) -> String:
	if not value is Dictionary:
		return path + " must be map"
	for key: String in shape:
		var name := key.trim_suffix("?")
		if key.ends_with("?") and value.get(name) == null:
			continue
		var problem := shape_problem(value.get(name), shape[key], path + "." + name if path else name)
		if problem:
			return problem
	return ""


static func _is(value: Variant, kind: String) -> bool:
	match kind:
		"str":
			return value is String
		"int":
			return value is int
		"num":
			return _is_number(value)
		"bool":
			return value is bool
		"list":
			return value is Array
	return value is Dictionary


static func _is_number(value: Variant) -> bool:
	return value is int or value is float
