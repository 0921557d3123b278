@tool
extends RefCounted
## ZMTP 3.0 (rfc.zeromq.org, 23/ZMTP), NULL mechanism, as bytes.

const MORE := 1
const LONG := 2
const COMMAND := 4
const GREETING_BYTES := 64
const NULL_MECHANISM := "NULL"


static func greeting() -> PackedByteArray:
	var bytes := PackedByteArray()
	bytes.resize(GREETING_BYTES)
	bytes[0] = 0xff
	bytes[9] = 0x7f
	bytes[10] = 3
	for place in NULL_MECHANISM.length():
		bytes[12 + place] = NULL_MECHANISM.unicode_at(place)
	return bytes


## What is wrong with the other side's greeting; empty when nothing is.
static func greeting_problem(bytes: PackedByteArray) -> String:
	if bytes[0] != 0xff or bytes.size() > 9 and bytes[9] != 0x7f:
		return "what listens there does not speak ZeroMQ"
	if bytes.size() > 10 and bytes[10] < 3:
		return "the other side speaks ZMTP %d, expected 3" % bytes[10]
	if bytes.size() == GREETING_BYTES and bytes.slice(12, 32) != greeting().slice(12, 32):
		return "the other side wants another security mechanism than NULL"
	return ""


## The command that tells which kind of socket this is: REQ or SUB.
static func ready(kind: String) -> PackedByteArray:
	var body := _short("READY") + _short("Socket-Type") + _long_text(kind)
	if kind == "REQ":
		body += _short("Identity") + _long_text("")
	return frame(body, COMMAND)


## The kind of socket that a READY command names; empty when it is no such command.
static func kind_in_ready(command: PackedByteArray) -> String:
	var name := _short("READY")
	if command.slice(0, name.size()) != name:
		return ""
	var at := name.size()
	while at < command.size():
		var value_at := at + 1 + command[at] + 4
		if value_at > command.size():
			return ""
		var size := Reader.big_endian(command, value_at - 4, 4)
		if value_at + size > command.size():
			return ""
		if command.slice(at, value_at - 4) == _short("Socket-Type"):
			return command.slice(value_at, value_at + size).get_string_from_ascii()
		at = value_at + size
	return ""


static func frame(content: PackedByteArray, flags := 0) -> PackedByteArray:
	var head := PackedByteArray([flags, content.size() & 0xff])
	if content.size() > 0xff:
		head = PackedByteArray([flags | LONG])
		for place in range(7, -1, -1):
			head.append((content.size() >> (8 * place)) & 0xff)
	return head + content


## Parts as one message of a REQ socket: the empty delimiter comes first.
static func message(parts: Array[PackedByteArray]) -> PackedByteArray:
	var bytes := frame(PackedByteArray(), MORE)
	for place in parts.size():
		bytes.append_array(frame(parts[place], MORE if place + 1 < parts.size() else 0))
	return bytes


static func _short(text: String) -> PackedByteArray:
	return PackedByteArray([text.length()]) + text.to_ascii_buffer()


static func _long_text(text: String) -> PackedByteArray:
	return PackedByteArray([0, 0, 0, text.length()]) + text.to_ascii_buffer()


class Frame:
	var flags: int
	var content: PackedByteArray

	func _init(its_flags: int, its_content: PackedByteArray) -> void:
		flags = its_flags
		content = its_content


## Bytes as they come, out as frames. `error` is set for good once something is wrong.
class Reader:
	const TRIM_BYTES := 65536  ## So much that is used may lie before what is not.

	var error := ""
	var _buffer := PackedByteArray()
	var _at := 0

	func feed(bytes: PackedByteArray) -> void:
		if _at == _buffer.size():
			_buffer = bytes
			_at = 0
			return
		if _at > TRIM_BYTES:
			_buffer = _buffer.slice(_at)
			_at = 0
		_buffer.append_array(bytes)

	## Bytes that have come and are not used.
	func left_bytes() -> int:
		return _buffer.size() - _at

	## The first `size` bytes, or fewer where fewer have come; they stay.
	func peek(size: int) -> PackedByteArray:
		return _buffer.slice(_at, _at + size)

	func skip(size: int) -> void:
		_at += size

	## The next whole frame, null while it has not come. One of more than `most_bytes` is an error as soon
	## as its length is known.
	func take(most_bytes: int) -> Frame:
		if error or left_bytes() < 1:
			return null
		var flags := _buffer[_at]
		if flags & ~7 or flags & COMMAND and flags & MORE:
			error = "a frame with the flags 0x%02x" % flags
			return null
		var head := 9 if flags & LONG else 2
		if left_bytes() < head:
			return null
		var size := big_endian(_buffer, _at + 1, head - 1)
		if size < 0 or size > most_bytes:
			error = "a frame of %s bytes, at most %d fit" % [size if size >= 0 else "2^63 or more", most_bytes]
			return null
		if left_bytes() < head + size:
			return null
		var start := _at + head
		_at = start + size
		return Frame.new(flags, _buffer.slice(start, _at))

	static func big_endian(bytes: PackedByteArray, at: int, size: int) -> int:
		var value := 0
		for place in size:
			value = value << 8 | bytes[at + place]
		return value
