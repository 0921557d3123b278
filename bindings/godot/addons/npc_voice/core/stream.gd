@tool
class_name NpcVoiceStream
extends RefCounted
## A line that comes chunk by chunk:
##
##     var stream := NpcVoice.stream("A very long speech. It goes on. And on.")
##     while stream.has_more():
##         var chunk := await stream.next()
##
## A failed chunk is the last. Close a stream that is not listened to its end.

const Line := preload("line.gd")

var id: String  ## Of the request.
var _ask: Callable  # the client's
var _end: Callable
var _handle := ""
var _last := false


## For the client, which knows how to ask (`op`, `fields`) and how to end it.
func _init(its_id: String, ask: Callable, end: Callable) -> void:
	id = its_id
	_ask = ask
	_end = end


func has_more() -> bool:
	return not _last


## The next chunk, as soon as it is ready. Wait for one before asking for the next.
func next() -> Line:
	var chunk: Line = await _ask.call(_handle)
	_handle = chunk.stream
	_last = _last or chunk.last or chunk.error != null
	return chunk


## The rest is not wanted: the sidecar stops its work on it.
func close() -> void:
	if not _last:
		_last = true
		_end.call()
