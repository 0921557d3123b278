extends "harness.gd"
## The vectors that all clients are held to. `vectors=` is their folder.

const LineFields := preload("res://addons/npc_voice/core/line_fields.gd")
const Markup := preload("res://addons/npc_voice/markup.gd")
const MsgPack := preload("res://addons/npc_voice/core/msgpack.gd")
const Replies := preload("res://addons/npc_voice/core/replies.gd")
const Request := preload("res://addons/npc_voice/core/request.gd")
const Zmtp := preload("res://addons/npc_voice/core/zmtp.gd")
const NESTING := 8
## GDScript's int ends at 2^63 - 1: read as float, and not written so.
const BEYOND_INT := "largest uint"
const OP_OF_REPLY := {"a line": "synthesize", "a chunk": "synthesize"}
const ENVELOPE: Array[String] = ["v", "op", "id", "token", "session", "text"]


func vectors(name: String) -> Dictionary:
	return json(arguments.vectors.path_join(name))


func bytes(hex: String) -> PackedByteArray:
	return hex.hex_decode()


## A value as the vectors' JSON holds it.
func from_json(value: Variant) -> Variant:
	if value is Array:
		return value.map(from_json)
	if not value is Dictionary:
		return value
	if value.has("$bin"):
		return bytes(value["$bin"])
	if value.has("$float"):
		return {"inf": INF, "-inf": -INF, "nan": NAN}[value["$float"]]
	if value.has("$int"):
		var digits: String = value["$int"]
		return digits.to_float() if digits.length() > 19 and not digits.begins_with("-") else digits.to_int()
	var map := {}
	for key: String in value:
		map[key] = from_json(value[key])
	return map


## Equal but for int and float, which JSON does not tell apart.
func alike(one: Variant, other: Variant) -> bool:
	if (one is int or one is float) and (other is int or other is float):
		return one == other or is_nan(one) and is_nan(other)
	if typeof(one) != typeof(other):
		return false
	if one is Array:
		return one.size() == other.size() and range(one.size()).all(func(at: int) -> bool: return alike(one[at], other[at]))
	if one is Dictionary:
		return one.keys() == other.keys() and one.keys().all(func(key: String) -> bool: return alike(one[key], other[key]))
	return one == other


func test_subtitles_show_no_markup() -> void:
	for vector: Dictionary in json(arguments.vectors.path_join("markup.json")):
		equal(Markup.plain(vector.line), vector.shown, vector.line)


func test_garbage_takes_no_time() -> void:
	for unit: String in ["[", "<", "{", "&", "\\\\", "|c", "[a", "<a b=", "[a](", "<a>", "[b]", "*a", "a "]:
		var began := Time.get_ticks_msec()
		Markup.plain(unit.repeat(2000).left(2000))
		check(Time.get_ticks_msec() - began < 500, "%s takes %d ms" % [unit, Time.get_ticks_msec() - began])


func test_values_are_read_and_written() -> void:
	for vector: Dictionary in vectors("msgpack.json").valid:
		var decoded := MsgPack.decode(bytes("81a161" + vector.hex), NESTING)
		equal(decoded.error, "", vector.name)
		check(alike(decoded.header.get("a"), from_json(vector.value)), vector.name + " is read wrong")
		if vector.name != BEYOND_INT:
			equal(MsgPack.encode({"a": decoded.header.get("a")}).slice(3).hex_encode(), vector.hex, vector.name)


func test_bad_headers_are_refused() -> void:
	for vector: Dictionary in vectors("msgpack.json").invalid_headers:
		check(MsgPack.decode(bytes(vector.hex), NESTING).error != "", vector.name + " is taken")


func test_every_shorter_and_every_changed_header_is_an_error_or_a_map() -> void:
	for vector: Dictionary in vectors("messages.json").replies:
		var whole := bytes(vector.hex)
		for size in whole.size():
			check(MsgPack.decode(whole.slice(0, size), NESTING).error != "", "%s cut at %d" % [vector.name, size])
		for at in whole.size():
			var changed := whole.duplicate()
			changed[at] = changed[at] ^ 0xff
			MsgPack.decode(changed, NESTING)


func test_requests_are_written() -> void:
	for vector: Dictionary in vectors("messages.json").requests:
		var expected: Dictionary = from_json(vector.header)
		var request := Request.new("42", expected.op, "npc-7", _fields(expected))
		var sent := request.message("the-token")
		var decoded := MsgPack.decode(_parts(sent)[1], NESTING).header
		var in_order := {}
		for key: String in expected:
			in_order[key] = decoded.get(key)
		equal(decoded.size(), expected.size(), vector.name)
		equal(MsgPack.encode(in_order).hex_encode(), vector.hex, vector.name)


## What a game would give for this header, through the same door.
func _fields(header: Dictionary) -> Dictionary:
	var given := header.duplicate()
	for name in ENVELOPE:
		given.erase(name)
	if header.op != "synthesize":
		return given
	given.erase("stream")
	if given.has("reference"):
		given.reference = given.reference.use
	if given.has("baseline"):
		given.baseline = PackedByteArray([1])
	var fields := LineFields.new(header.text, given)
	check(fields.error == null, str(fields.error))
	if header.has("stream"):
		fields.header.stream = true
	return fields.header


func _parts(message: PackedByteArray) -> Array[PackedByteArray]:
	var reader := Zmtp.Reader.new()
	reader.feed(message)
	var parts: Array[PackedByteArray] = []
	var frame := reader.take(message.size())
	while frame:
		parts.append(frame.content)
		frame = reader.take(message.size())
	equal(reader.left_bytes(), 0, "bytes after the last frame")
	return parts


func test_replies_are_read_and_of_the_right_shape() -> void:
	for vector: Dictionary in vectors("messages.json").replies:
		var decoded := MsgPack.decode(bytes(vector.hex), NESTING)
		check(alike(decoded.header, from_json(vector.header)), vector.name)
		equal(MsgPack.encode(decoded.header).hex_encode(), vector.hex, vector.name)
		if decoded.header.ok:
			var shape: Dictionary = Replies.SHAPES[OP_OF_REPLY.get(vector.name, vector.name)]
			equal(Replies.shape_problem(decoded.header, shape, ""), "", vector.name)
		else:
			equal(Replies.shape_problem(decoded.header.error, Replies.ERROR, ""), "", vector.name)


func test_events_are_read() -> void:
	for vector: Dictionary in vectors("messages.json").events:
		var decoded := MsgPack.decode(bytes(vector.hex), NESTING)
		check(alike(decoded.header, from_json(vector.header)), vector.name)
		equal(MsgPack.encode(decoded.header).hex_encode(), vector.hex, vector.name)


func test_the_handshake_is_written() -> void:
	var zmtp := vectors("zmtp.json")
	equal(Zmtp.greeting().hex_encode(), zmtp.greeting)
	equal(Zmtp.ready("REQ").hex_encode(), zmtp.ready)
	equal(Zmtp.greeting_problem(bytes(zmtp.greeting)), "")
	equal(Zmtp.kind_in_ready(bytes(zmtp.ready).slice(2)), "REQ")


func test_frames_are_read_and_written() -> void:
	for vector: Dictionary in vectors("zmtp.json").messages:
		var frames: Array[PackedByteArray] = []
		frames.assign(vector.frames.map(bytes))
		equal(Zmtp.message(frames).hex_encode(), vector.hex, vector.name)
		equal(_parts(bytes(vector.hex)).slice(1), frames, vector.name)
		equal(_byte_by_byte(bytes(vector.hex)).slice(1), frames, vector.name)


func _byte_by_byte(message: PackedByteArray) -> Array[PackedByteArray]:
	var reader := Zmtp.Reader.new()
	var parts: Array[PackedByteArray] = []
	for at in message.size():
		reader.feed(message.slice(at, at + 1))
		var frame := reader.take(message.size())
		if frame:
			parts.append(frame.content)
	return parts


func test_a_frame_that_is_too_long_is_known_by_its_length_alone() -> void:
	for hex in ["020000000000000101", "028000000000000000", "02000000003b9aca00"]:
		var reader := Zmtp.Reader.new()
		reader.feed(bytes(hex))
		check(reader.take(256) == null and reader.error != "", hex)
