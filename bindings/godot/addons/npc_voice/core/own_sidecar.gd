@tool
extends RefCounted
## A sidecar process of this game's own. It ends when the game does, however that ends: it watches the game's
## process, and the standard input that the game holds open.

const STOP_MSEC := 3000  ## So long it may take to end by itself.
const LAST_BYTES := 65536

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
	_process = OS.execute_with_pipe(_command[0], _command.slice(1), false)
	if _process.is_empty():
		problem = "'%s' could not be started" % _command[0]


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
		OS.kill(_process.pid)
		while is_running():
			OS.delay_msec(10)
	_process.stderr.close()
	_process = {}


## It has ended unasked. Killed from outside, it may be started again; what it printed says the rest.
func _bury() -> void:
	var code := OS.get_process_exit_code(_process.pid)
	if code > 0 and code < 128:
		problem = "the sidecar ended with code %d: %s" % [code, _last_words()]
	_process.stdio.close()
	_process.stderr.close()
	_process = {}


func _last_words() -> String:
	var said: String = _process.stderr.get_buffer(LAST_BYTES).get_string_from_utf8()
	var last := "'%s' is not there or said nothing" % _command[0]
	for line: String in said.split("\n", false):
		if line.begins_with("ERROR "):
			return line.trim_prefix("ERROR ")
		last = line
	return last
