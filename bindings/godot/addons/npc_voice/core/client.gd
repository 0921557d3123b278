@tool
class_name NpcVoiceClient
extends RefCounted
## Speaks lines through a sidecar. `close` it at the end. For the main thread, which it never blocks: the work
## is done on a thread of its own.
##
##     var client := NpcVoiceClient.new()
##     var line := await client.say("Halt! Who goes there?", {"speaker": "am_michael"})
##     if line.error:
##         push_warning(line.error)
##
## No call fails by silence: every reply carries `error`, null when all went well.

## Told when a request notices it first and when it changes: whether there is a sidecar.
signal reached(is_there: bool)
## What the sidecar tells everybody, after `subscribe`: see docs/PROTOCOL.md for topics and their fields.
signal event(topic: String, data: Dictionary)

const Failure := preload("error.gd")
const Line := preload("line.gd")
const LineFields := preload("line_fields.gd")
const Listener := preload("listener.gd")
const Options := preload("options.gd")
const Reply := preload("reply.gd")
const Request := preload("request.gd")
const Stream := preload("stream.gd")
const Worker := preload("worker.gd")

var options: Options
var _worker: Worker
var _listener: Listener
var _ids := Crypto.new().generate_random_bytes(8).hex_encode()
var _asked := 0


## Options as `core/options.gd` describes them. A wrong one fails every request, by its name.
func _init(given := {}) -> void:
	options = Options.new(given)
	if options.error == null:
		_worker = Worker.new(options)
		_worker.reached.connect(reached.emit)
		_worker.start()


func _notification(what: int) -> void:
	if what == NOTIFICATION_PREDELETE:  # too late for methods of our own
		if _listener:
			_listener.close()
		if _worker:
			_worker.close()


## One line, whole. `fields` are those of the protocol's `synthesize`: speaker, manner, emotion, intensity, speed,
## pitch, language, model, priority, deadline_ms, format, sample_rate, loudness, timings, seed, prompt, effect; `clip`
## (bytes of a sound file) with `reference`, and `baseline` (the same, of the same person, neutral); and `session`
## and `id`, where the client's own will not do.
func say(text: String, fields := {}) -> Line:
	return await _answer_of(_line_request(text, fields))


## One line chunk by chunk. The first is asked for by the first `next`.
func stream(text: String, fields := {}) -> Stream:
	var first := _line_request(text, fields)
	if first is Request:
		first.fields["stream"] = true
	var id: String = first.id if first is Request else ""
	var session: String = first.session if first is Request else ""
	var ask := func(handle: String) -> Line:
		return await _answer_of(_next(handle, first) if handle else first)
	return Stream.new(id, ask, func() -> void: cancel(id, session))


## End a line of ours, by its id: it fails with `cancelled`, and the sidecar stops its work on it. The reply's
## `cancelled` is false when it was over or never there.
func cancel(target: String, session := "") -> Reply:
	if _worker:
		_worker.abandon(target)
	return await _answer_of(_request("cancel", {"target": target}, session))


func hello() -> Reply:
	return await _ask("hello")


func ping() -> Reply:
	return await _ask("ping")


func speakers() -> Reply:
	return await _ask("speakers")


func emotions() -> Reply:
	return await _ask("emotions")


func models() -> Reply:
	return await _ask("models")


func activate(model: String) -> Reply:
	return await _ask("activate", {"model": model})


func rollback(model: String) -> Reply:
	return await _ask("rollback", {"model": model})


func remove(model: String) -> Reply:
	return await _ask("remove", {"model": model})


func canary(model: String, share: float) -> Reply:
	return await _ask("canary", {"model": model, "share": share})


func rescan() -> Reply:
	return await _ask("rescan")


func stats() -> Reply:
	return await _ask("stats")


func shutdown() -> Reply:
	return await _ask("shutdown")


## Hear events whose topic starts so, by the signal `event`; "" for all.
func subscribe(topic := "") -> void:
	if options.error or _worker == null:
		return
	if _listener == null:
		_listener = Listener.new(options)
		_listener.heard.connect(event.emit)
	_listener.subscribe(topic)


## An id that no other request has.
func new_id() -> String:
	_asked += 1
	return "%s-%d" % [_ids, _asked]


## Drop the connections and stop the sidecar if it is ours: waits for that, some tenths of a second.
func close() -> void:
	if _listener:
		_listener.close()
	if _worker:
		_worker.close()
	_listener = null
	_worker = null


func _ask(op: String, fields := {}) -> Reply:
	return await _answer_of(_request(op, fields, ""))


func _request(op: String, fields: Dictionary, session: String) -> Request:
	return Request.new(new_id(), op, session if session else options.session, fields)


## A request, or the reply that says what is wrong with its fields.
func _line_request(text: String, fields: Dictionary) -> RefCounted:
	var given := LineFields.new(text, fields)
	if given.error:
		var failed := Line.new()
		failed.error = given.error
		return failed
	var request := _request("synthesize", given.header, given.session)
	request.bodies = given.bodies
	if given.id:
		request.id = given.id
	return request


func _next(handle: String, first: Request) -> Request:
	var request := _request("next", {"stream": handle}, first.session)
	request.rank = first.rank
	return request


func _answer_of(what: RefCounted) -> Reply:
	if not what is Request:
		return what
	var request: Request = what
	if options.error:
		return request.failed(options.error)
	if _worker == null:
		return request.failed(Failure.new(Failure.CANCELLED, "the client is closed"))
	_worker.submit(request)
	await request.answered
	return request.reply
