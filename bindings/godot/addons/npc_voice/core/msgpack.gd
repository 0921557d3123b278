@tool
extends RefCounted
## msgpack to values and back: null, bool, int, float (64 bits on the wire), String, PackedByteArray
## (bin), Array and Dictionary with text keys. No ext types.
##
## Whole numbers from 2^63 on, which GDScript has no int for, are read as float.

const TWO_TO_64 := 18446744073709551616.0


## A value as msgpack. Packed arrays of numbers or text become lists, StringName becomes text.
static func encode(value: Variant) -> PackedByteArray:
	var out := StreamPeerBuffer.new()
	out.big_endian = true
	_put(out, value)
	return out.data_array


## A header: a map with text keys, none twice, at most `nesting` maps and lists deep, and nothing after it.
static func decode(bytes: PackedByteArray, nesting: int) -> Decoder:
	var decoder := Decoder.new(bytes)
	decoder.read_header(nesting)
	return decoder


static func _put(out: StreamPeerBuffer, value: Variant) -> void:
	match typeof(value):
		TYPE_NIL:
			out.put_u8(0xc0)
		TYPE_BOOL:
			out.put_u8(0xc3 if value else 0xc2)
		TYPE_INT:
			_put_int(out, value)
		TYPE_FLOAT:
			out.put_u8(0xcb)
			out.put_double(value)
		TYPE_STRING, TYPE_STRING_NAME:
			_put_text(out, str(value))
		TYPE_PACKED_BYTE_ARRAY:
			_put_bytes(out, value)
		TYPE_DICTIONARY:
			_put_map(out, value)
		TYPE_ARRAY, TYPE_PACKED_STRING_ARRAY, TYPE_PACKED_FLOAT32_ARRAY, TYPE_PACKED_FLOAT64_ARRAY, \
		TYPE_PACKED_INT32_ARRAY, TYPE_PACKED_INT64_ARRAY:
			_put_list(out, value)
		_:
			assert(false, "msgpack has no form for a " + type_string(typeof(value)))


static func _put_int(out: StreamPeerBuffer, value: int) -> void:
	if value >= 0:
		_put_count(out, value)
	elif value >= -0x20:
		out.put_8(value)
	elif value >= -0x80:
		out.put_u8(0xd0)
		out.put_8(value)
	elif value >= -0x8000:
		out.put_u8(0xd1)
		out.put_16(value)
	elif value >= -0x80000000:
		out.put_u8(0xd2)
		out.put_32(value)
	else:
		out.put_u8(0xd3)
		out.put_64(value)


static func _put_count(out: StreamPeerBuffer, value: int) -> void:
	if value < 0x80:
		out.put_u8(value)
	elif value <= 0xff:
		out.put_u8(0xcc)
		out.put_u8(value)
	elif value <= 0xffff:
		out.put_u8(0xcd)
		out.put_u16(value)
	elif value <= 0xffffffff:
		out.put_u8(0xce)
		out.put_u32(value)
	else:
		out.put_u8(0xcf)
		out.put_u64(value)


static func _put_text(out: StreamPeerBuffer, text: String) -> void:
	var bytes := text.to_utf8_buffer()
	if bytes.size() < 32:
		out.put_u8(0xa0 | bytes.size())
	else:
		_put_size(out, bytes.size(), 0xd9, 0xda)
	out.put_data(bytes)


static func _put_bytes(out: StreamPeerBuffer, bytes: PackedByteArray) -> void:
	_put_size(out, bytes.size(), 0xc4, 0xc5)
	out.put_data(bytes)


static func _put_list(out: StreamPeerBuffer, list: Variant) -> void:
	var size: int = list.size()
	if size < 16:
		out.put_u8(0x90 | size)
	else:
		_put_size(out, size, 0, 0xdc)
	for item: Variant in list:
		_put(out, item)


static func _put_map(out: StreamPeerBuffer, map: Dictionary) -> void:
	if map.size() < 16:
		out.put_u8(0x80 | map.size())
	else:
		_put_size(out, map.size(), 0, 0xde)
	for key: Variant in map:
		_put_text(out, str(key))
		_put(out, map[key])


## `tag8` is 0 where there is no form with a size of one byte; that of 4 bytes follows that of 2.
static func _put_size(out: StreamPeerBuffer, size: int, tag8: int, tag16: int) -> void:
	if tag8 and size <= 0xff:
		out.put_u8(tag8)
		out.put_u8(size)
	elif size <= 0xffff:
		out.put_u8(tag16)
		out.put_u16(size)
	else:
		out.put_u8(tag16 + 1)
		out.put_u32(size)


## Reads one header. `error` is empty when it went well; then `header` is it.
class Decoder:
	var header := {}
	var error := ""
	var _in := StreamPeerBuffer.new()

	func _init(bytes: PackedByteArray) -> void:
		_in.big_endian = true
		_in.data_array = bytes

	func read_header(nesting: int) -> void:
		var value: Variant = _value(nesting)
		if not error and not value is Dictionary:
			error = "the header must be a map, got " + type_string(typeof(value))
		elif not error and _left() > 0:
			error = "%d bytes after the header" % _left()
		if not error:
			header = value

	func _left() -> int:
		return _in.get_size() - _in.get_position()

	## Whether `size` bytes are there still, before any room is made for them.
	func _has(size: int) -> bool:
		if not error and size > _left():
			error = "the header is cut short"
		return not error

	func _value(levels: int) -> Variant:
		if not _has(1):
			return null
		var tag := _in.get_u8()
		if tag < 0x80:
			return tag
		if tag < 0x90:
			return _map(tag & 0x0f, levels)
		if tag < 0xa0:
			return _list(tag & 0x0f, levels)
		if tag < 0xc0:
			return _text(tag & 0x1f)
		if tag >= 0xe0:
			return tag - 0x100
		if tag >= 0xca and tag <= 0xd3:
			return _number(tag)
		return _other(tag, levels)

	func _other(tag: int, levels: int) -> Variant:
		match tag:
			0xc0:
				return null
			0xc2, 0xc3:
				return tag == 0xc3
			0xc4, 0xc5, 0xc6:
				return _bytes(_size(tag - 0xc4))
			0xd9, 0xda, 0xdb:
				return _text(_size(tag - 0xd9))
			0xdc, 0xdd:
				return _list(_size(tag - 0xdb), levels)
			0xde, 0xdf:
				return _map(_size(tag - 0xdd), levels)
		error = "msgpack type 0x%02x is not part of the protocol" % tag
		return null

	func _number(tag: int) -> Variant:
		var size: int = [4, 8, 1, 2, 4, 8, 1, 2, 4, 8][tag - 0xca]
		if not _has(size):
			return 0
		match tag:
			0xca:
				return _in.get_float()
			0xcb:
				return _in.get_double()
			0xcc:
				return _in.get_u8()
			0xcd:
				return _in.get_u16()
			0xce:
				return _in.get_u32()
			0xcf:
				var whole := _in.get_u64()
				return whole if whole >= 0 else whole + TWO_TO_64
			0xd0:
				return _in.get_8()
			0xd1:
				return _in.get_16()
			0xd2:
				return _in.get_32()
		return _in.get_64()

	## A size of 1, 2 or 4 bytes, for `width` 0, 1 or 2.
	func _size(width: int) -> int:
		if not _has(1 << width):
			return 0
		return _in.get_u8() if width == 0 else _in.get_u16() if width == 1 else _in.get_u32()

	func _bytes(size: int) -> PackedByteArray:
		return _in.get_data(size)[1] if _has(size) else PackedByteArray()

	func _text(size: int) -> String:
		var bytes := _bytes(size)
		if not is_text(bytes):
			error = "text that is not UTF-8"
			return ""
		return bytes.get_string_from_utf8()

	func _list(count: int, levels: int) -> Array:
		var list := []
		if not _may_hold(count, levels):
			return list
		list.resize(count)
		for place in count:
			list[place] = _value(levels - 1)
			if error:
				break
		return list

	func _map(count: int, levels: int) -> Dictionary:
		var map := {}
		if not _may_hold(2 * count, levels):
			return map
		for _pair in count:
			var key: Variant = _value(levels - 1)
			if error:
				break
			if not key is String:
				error = "keys must be text, got " + type_string(typeof(key))
				break
			if map.has(key):
				error = "the key '%s' is given twice" % key.left(40)
				break
			map[key] = _value(levels - 1)
		return map

	## Each value takes a byte at least, so more than are left cannot come.
	func _may_hold(values: int, levels: int) -> bool:
		if not error and levels <= 0:
			error = "the header is nested too deeply"
		return _has(values)

	## Whether every byte belongs to a character of UTF-8, and none is NUL, which the engine takes for an end.
	static func is_text(bytes: PackedByteArray) -> bool:
		var at := 0
		var size := bytes.size()
		while at < size:
			var lead := bytes[at]
			if lead > 0 and lead < 0x80:
				at += 1
				continue
			var more := _continuations(lead)
			if more == 0 or at + more >= size or not _is_second(lead, bytes[at + 1]):
				return false
			for place in range(at + 2, at + more + 1):
				if bytes[place] & 0xc0 != 0x80:
					return false
			at += more + 1
		return true

	static func _continuations(lead: int) -> int:
		if lead < 0xc2 or lead > 0xf4:
			return 0
		if lead < 0xe0:
			return 1
		return 2 if lead < 0xf0 else 3

	## Overlong forms, surrogates and what lies beyond Unicode show in the second byte.
	static func _is_second(lead: int, second: int) -> bool:
		var least := 0xa0 if lead == 0xe0 else 0x90 if lead == 0xf0 else 0x80
		var most := 0x9f if lead == 0xed else 0x8f if lead == 0xf4 else 0xbf
		return second >= least and second <= most
