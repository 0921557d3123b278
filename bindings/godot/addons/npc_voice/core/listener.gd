@tool
extends RefCounted
## Hears the sidecar's events on a thread of its own, and finds a sidecar that was started again.

signal heard(topic: String, data: Dictionary)

const NAP_MSEC := 20
const LOOK_EVERY := 25  ## So many naps lie between two looks for a sidecar.
const MOST_READS := 64  ## in a row.
const NESTING := 8
const Link := preload("link.gd")
const MsgPack := preload("msgpack.gd")
const Options := preload("options.gd")
const SidecarFile := preload("sidecar_file.gd")
const Zmtp := preload("zmtp.gd")

var _options: Options
var _thread := Thread.new()
var _mutex := Mutex.new()
var _topics: Array[String] = []  # under the mutex
var _closing := false  # under the mutex

# The thread's own.
var _link: Link
var _subscribed := 0  # how many topics the other side knows


func _init(options: Options) -> void:
	_options = options


func subscribe(topic: String) -> void:
	_mutex.lock()
	if not topic in _topics:
		_topics.append(topic)
	_mutex.unlock()
	if not _thread.is_started():
		_thread.start(_run)


func close() -> void:
	if not _thread.is_started():
		return
	_mutex.lock()
	_closing = true
	_mutex.unlock()
	_thread.wait_to_finish()


func _run() -> void:
	var naps := 0
	while not _is_closing():
		if _link:
			_listen()
		elif naps % LOOK_EVERY == 0:
			_connect()
		naps += 1
		OS.delay_msec(NAP_MSEC)
	if _link:
		_link.close()


func _is_closing() -> bool:
	_mutex.lock()
	var closing := _closing
	_mutex.unlock()
	return closing


func _connect() -> void:
	var found := SidecarFile.look(_options.connection_file)
	if found.problem:
		return
	_link = Link.new("SUB", _options.header_bytes, 0)
	_link.open(found, found.events_host, found.events_port)
	_subscribed = 0


func _listen() -> void:
	for _read in MOST_READS:
		if not _link.step():
			break
	if _link.is_open():
		_tell_topics()
	var parts := _link.take_message()
	while not parts.is_empty():
		_hear(parts)
		parts = _link.take_message()
	if _link.is_over():
		_link = null


func _tell_topics() -> void:
	_mutex.lock()
	var fresh := _topics.slice(_subscribed)
	_mutex.unlock()
	for topic in fresh:
		_link.send(Zmtp.frame(PackedByteArray([1]) + topic.to_utf8_buffer()))
	_subscribed += fresh.size()


## What makes no sense is not passed on.
func _hear(parts: Array) -> void:
	var decoded := MsgPack.decode(parts[1], NESTING)
	if not decoded.error and MsgPack.Decoder.is_text(parts[0]):
		heard.emit.call_deferred(parts[0].get_string_from_utf8(), decoded.header)
