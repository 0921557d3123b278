@tool
extends RefCounted
## How a client finds its sidecar, and how patient it is.

## Name -> what it must be, for messages. Each is described where it is declared below.
const EXPECTED := {
	"connection_file": "a path", "timeout_s": "a number over 0", "attempts": "a whole number over 0",
	"connections": "a whole number over 0", "start": "true or false", "start_s": "a number over 0",
	"command": "a list of texts", "arguments": "a list of texts", "session": "a text of 1 to 64 bytes",
	"header_bytes": "a whole number over 0", "body_bytes": "a whole number over 0",
}
const Failure := preload("error.gd")
const Names := preload("names.gd")
const SidecarFile := preload("sidecar_file.gd")

var connection_file := ""  ## Empty: where the sidecar writes it unless told otherwise.
var timeout_s := 10.0  ## The wait for one reply before it is asked for again; for a line, while nothing is spoken.
var attempts := 6  ## How often at most.
var connections := 4  ## Lines under way at once; barks and short requests have as many of their own.
var start := false  ## Start a sidecar when none is there, and stop it at the end.
var start_s := 120.0  ## How long that may take.
var command := PackedStringArray(["npc-voice"])  ## What to start.
var arguments := PackedStringArray()  ## More arguments of `npc-voice serve`.
var session := ""  ## Goes with every request and outlives a reconnection. Empty: a random one.
var header_bytes := 4194304  ## A reply's header may be so long; timings of a long line lie in it.
var body_bytes := 16777216  ## A reply's audio may be so long.

var error: Failure  ## What is wrong with what was given; null when nothing is.


func _init(given: Dictionary) -> void:
	for name: Variant in given:
		if not str(name) in EXPECTED:
			_refuse(str(name), "unknown option '%s'%s" % [name, Names.did_you_mean(str(name), EXPECTED.keys())])
		elif _fits(str(name), given[name]):
			_take(str(name), given[name])
		else:
			_refuse(str(name), "%s must be %s, got %s" % [name, EXPECTED[str(name)], var_to_str(given[name]).left(60)])
	connection_file = SidecarFile.local_path(connection_file) if connection_file else SidecarFile.default_path()
	if SidecarFile.is_of_windows(connection_file):
		_refuse("connection_file", "%s is a path of Windows, which this system does not know: drive C: of Wine or Proton "
				% connection_file + "is the folder drive_c of its prefix")
	if not session:
		session = Crypto.new().generate_random_bytes(16).hex_encode()


func _take(name: String, value: Variant) -> void:
	set(name, PackedStringArray(value) if get(name) is PackedStringArray else value)


func _fits(name: String, value: Variant) -> bool:
	match typeof(get(name)):
		TYPE_BOOL:
			return value is bool
		TYPE_INT:
			return value is int and value > 0
		TYPE_FLOAT:
			return (value is float or value is int) and value > 0
		TYPE_PACKED_STRING_ARRAY:
			return Names.are_texts(value) and not (name == "command" and value.is_empty())
	return value is String and value.to_utf8_buffer().size() <= (64 if name == "session" else 4096)


func _refuse(name: String, message: String) -> void:
	error = Failure.new(Failure.BAD_REQUEST, message, name)
