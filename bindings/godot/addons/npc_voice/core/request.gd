@tool
extends RefCounted
## One request: what is asked, and how far it has come. The worker's own once it is submitted, up to `answered`.

signal answered(reply: RefCounted)

const URGENCY := {"bark": 1, "dialogue": 2, "ambient": 3, "bake": 4}
## Fields that the first sidecars pass over in silence: `hello` is asked first whether this one knows them.
const LATER: Array[String] = ["manner", "baseline", "loudness", "effect"]
const Failure := preload("error.gd")
const Line := preload("line.gd")
const MsgPack := preload("msgpack.gd")
const Reply := preload("reply.gd")
const Zmtp := preload("zmtp.gd")

var id: String
var op: String
var session: String
var fields: Dictionary
var bodies: Array[PackedByteArray] = []

var rank: int  ## Smaller goes first: 0 for what is answered at once, then by priority.
var attempt := 0
var since_usec := 0  ## When it began to wait.
var not_before_usec := 0  ## A pause before it is asked again ends then.
var reply: RefCounted


func _init(its_id: String, its_op: String, its_session: String, its_fields: Dictionary) -> void:
	id = its_id
	op = its_op
	session = its_session
	fields = its_fields
	rank = URGENCY.get(fields.get("priority", "dialogue"), 2) if is_spoken() else 0


## Whether speech answers it, and it may take its time.
func is_spoken() -> bool:
	return op == "synthesize" or op == "next"


func is_urgent() -> bool:
	return rank < 2


## As it is sent.
func message(token: String) -> PackedByteArray:
	var header := fields.duplicate()
	header.merge({"v": 1, "op": op, "id": id, "token": token, "session": session}, true)
	var parts: Array[PackedByteArray] = [MsgPack.encode(header)]
	parts.append_array(bodies)
	return Zmtp.message(parts)


func has_later_fields() -> bool:
	return LATER.any(func(name: String) -> bool: return fields.has(name))


## Why a sidecar that answers `hello` so cannot be sent this; null where it can.
func unread_by(hello: Dictionary) -> Failure:
	var known: Variant = hello.get("fields")
	for name in LATER:
		if fields.has(name) and (known == null or not name in known):
			return Failure.new("unsupported", "%s does not know %s: start a newer one" % [hello.server, name], name)
	return null


## A failed reply of the right kind.
func failed(error: RefCounted) -> Reply:
	var failure: Reply = Line.new() if is_spoken() else Reply.new()
	failure.error = error
	return failure


func finish(its_reply: RefCounted) -> void:
	reply = its_reply
	answered.emit(reply)
