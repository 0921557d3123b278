@tool
extends RefCounted
## A sidecar process of this game's own. It ends when the game does, however that ends: it watches the game's
## process, and the standard input that the game holds open.

const STOP_MSEC := 3000  ## So long it may take to end by itself.
const LAST_BYTES := 65536
const ANOTHER := "another sidecar"
const DEVICE_LOST := 75  ## Worth another start: its device has failed for that process.

## Ends of pipes that are never closed: on Unix the engine would close the game's own standard input with them.
static var _kept: Array[FileAccess] = []

var was_reached := false  ## Whether the one that runs has answered; for the client to say.
var problem := ""  ## Why it could not be started; empty while it could.
var _command: PackedStringArray
var _process := {}  # as OS.execute_with_pipe returns it; empty: none


func _init(command: PackedStringArray, arguments: PackedStringArray, file: String) -> void:
	_command = command + PackedStringArray([
		"serve", "--connection-file", file, "--parent-pid", str(OS.get_process_id()), "--watch-stdin",
	]) + arguments


## Start one unless one of ours is running. One that has failed is not tried again.
func start() -> void:
	if problem or is_running():
		return
	if not _process.is_empty():
		_bury()
		if problem:
			return
	was_reached = false
	_process = OS.execute_with_pipe(_command[0], _command.slice(1))
	if _process.is_empty():
		problem = "'%s' could not be started" % _command[0]
	else:
		_kept.append(_process.stderr)


func is_running() -> bool:
	return not _process.is_empty() and OS.is_process_running(_process.pid)


## End it: its standard input ends, which it heeds; if not, by force. Waits for it, `STOP_MSEC` at most.
func stop() -> void:
	if _process.is_empty():
		return
	_process.stdio.close()
	var until_msec := Time.get_ticks_msec() + STOP_MSEC
	while is_running() and Time.get_ticks_msec() < until_msec:
		OS.delay_msec(10)
	if is_running():
		OS.kill(_process.pid)  # and waits for it
	_process = {}


## It has ended unasked. Killed while it served, it may be started again, and so may one that was a moment later
## than another game's; else what it printed says why not.
func _bury() -> void:
	var words := _last_words()
	var code := OS.get_process_exit_code(_process.pid)
	if code != 0 and code != DEVICE_LOST and not was_reached and not ANOTHER in words:
		problem = "'%s' could not be started: %s" % [_command[0], words]
	_process.stdio.close()
	_process = {}


func _last_words() -> String:
	var waiting: int = mini(_process.stderr.get_length(), LAST_BYTES)
	var said: String = _process.stderr.get_buffer(waiting).get_string_from_utf8()
	var last := "it said nothing"
	for line: String in said.replace("\r", "").split("\n", false):
		if line.begins_with("ERROR "):
			return line.trim_prefix("ERROR ")
		last = line
	return last
