@tool
extends RefCounted
## One connection to the sidecar's commands (as a REQ socket) or events (as a SUB socket). Never waits:
## `step` does what can be done now. For one thread at a time.

enum State {
	CONNECTING,
	GREETING,  ## Ours is sent, the other side's has not come.
	READY,  ## The same of the READY command.
	OPEN,
	LOST,  ## The other side is not there, or has gone.
	WRONG,  ## The other side breaks the protocol.
}

const Zmtp := preload("zmtp.gd")
const READ_BYTES := 262144  ## At most so much is read at once.
const COMMAND_BYTES := 512  ## A READY of a real ZeroMQ has about 40.
const TOPIC_BYTES := 255
const KINDS := {"REQ": ["ROUTER", "REP"], "SUB": ["PUB", "XPUB"]}

var state := State.CONNECTING
var problem := ""  ## What is wrong, in the states `LOST` and `WRONG`.
var was_connected := false
var sidecar: RefCounted  ## The connection file that led here.
var _kind: String
var _most_bytes: Array[int]  # of each frame of a message, the delimiter included
var _tcp := StreamPeerTCP.new()
var _reader := Zmtp.Reader.new()
var _out := PackedByteArray()
var _parts: Array[PackedByteArray] = []
var _messages: Array[Array] = []


## `kind` is REQ or SUB.
func _init(kind: String, header_bytes: int, body_bytes: int) -> void:
	_kind = kind
	_most_bytes.assign([0, header_bytes, body_bytes] if kind == "REQ" else [TOPIC_BYTES, header_bytes])


func open(its_sidecar: RefCounted, host: String, port: int) -> void:
	sidecar = its_sidecar
	if _tcp.connect_to_host(host, port) != OK:
		_lose("nobody listens at %s:%d" % [host, port])


func close() -> void:
	_tcp.disconnect_from_host()
	if state < State.LOST:
		_lose("closed")


func is_open() -> bool:
	return state == State.OPEN


func is_over() -> bool:
	return state >= State.LOST


## Whether nothing has come that nobody asked for.
func is_clean() -> bool:
	return _messages.is_empty() and _parts.is_empty() and _reader.left_bytes() == 0


func send(bytes: PackedByteArray) -> void:
	_out.append_array(bytes)
	_write()


## The parts after the delimiter; empty while no whole message has come.
func take_message() -> Array:
	return [] if _messages.is_empty() else _messages.pop_front()


## True when something has come.
func step() -> bool:
	if is_over():
		return false
	_tcp.poll()
	match _tcp.get_status():
		StreamPeerTCP.STATUS_CONNECTING:
			return false
		StreamPeerTCP.STATUS_CONNECTED:
			if state == State.CONNECTING:
				_greet()
			_write()
			return _read()
	_lose("the connection was lost" if was_connected else "nobody listens there")
	return false


func _greet() -> void:
	_tcp.set_no_delay(true)
	was_connected = true
	state = State.GREETING
	_out = Zmtp.greeting()


func _write() -> void:
	if _out.is_empty():
		return
	var sent := _tcp.put_partial_data(_out)
	if sent[0] != OK:
		_lose("the connection was lost")
	elif sent[1] == _out.size():
		_out = PackedByteArray()
	else:
		_out = _out.slice(sent[1])


func _read() -> bool:
	var available := _tcp.get_available_bytes()
	if available <= 0 or is_over():
		return false
	var got := _tcp.get_partial_data(mini(available, READ_BYTES))
	if got[0] != OK:
		_lose("the connection was lost")
		return false
	_reader.feed(got[1])
	_advance()
	return true


func _advance() -> void:
	if state == State.GREETING:
		_read_greeting()
	if state == State.READY:
		_read_ready()
	while state == State.OPEN and _read_part():
		pass
	if _reader.error:
		_fail("the other side sends " + _reader.error)


func _read_greeting() -> void:
	var bytes := _reader.peek(Zmtp.GREETING_BYTES)
	var wrong := Zmtp.greeting_problem(bytes)
	if wrong:
		_fail(wrong)
	elif bytes.size() == Zmtp.GREETING_BYTES:
		_reader.skip(Zmtp.GREETING_BYTES)
		state = State.READY
		send(Zmtp.ready(_kind))


func _read_ready() -> void:
	var frame := _reader.take(COMMAND_BYTES)
	if frame == null:
		return
	var kind := Zmtp.kind_in_ready(frame.content) if frame.flags & Zmtp.COMMAND else ""
	if kind in KINDS[_kind]:
		state = State.OPEN
	else:
		_fail("the other side is not a sidecar: a %s socket, expected %s" % [kind if kind else "nameless", KINDS[_kind][0]])


## False when there is none.
func _read_part() -> bool:
	var frame := _reader.take(_most_bytes[_parts.size()])
	if frame == null:
		return false
	var more := frame.flags & Zmtp.MORE > 0
	if frame.flags & Zmtp.COMMAND:
		_fail("the other side sends a command that is not known")
	elif more and _parts.size() + 1 == _most_bytes.size():
		_fail("a message of more than %d frames" % _most_bytes.size())
	elif not more and _parts.is_empty():
		_fail("a message of one frame")
	else:
		_parts.append(frame.content)
		if not more:
			_complete()
	return not is_over()


func _complete() -> void:
	_messages.append(_parts.slice(1) if _kind == "REQ" else _parts)
	_parts = []


func _lose(why: String) -> void:
	state = State.LOST
	problem = why
	_tcp.disconnect_from_host()


func _fail(why: String) -> void:
	state = State.WRONG
	problem = why
	_tcp.disconnect_from_host()
