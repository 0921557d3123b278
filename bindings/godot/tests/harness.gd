extends SceneTree
## Runs a script's `test_` methods one after another, then prints `N passed, N failed`. An error anywhere, in a
## callback or on a thread too, fails the test that it comes up in. Arguments are `name=value` after `--`.

const LIMIT_MSEC := 200000

var arguments := {}
var errors := ErrorCounter.new()
var _failures: Array[String] = []  # of the test that runs
var _expected_errors := 0


class ErrorCounter:
	extends Logger
	var _mutex := Mutex.new()
	var _messages: Array[String] = []

	func _log_error(_function: String, file: String, line: int, code: String, rationale: String,
			_editor_notify: bool, error_type: int, _backtraces: Array[ScriptBacktrace]) -> void:
		if error_type == ERROR_TYPE_WARNING:
			return
		_mutex.lock()
		_messages.append("%s:%d: %s %s" % [file, line, code, rationale])
		_mutex.unlock()

	func take() -> Array[String]:
		_mutex.lock()
		var messages := _messages
		_messages = []
		_mutex.unlock()
		return messages


func _initialize() -> void:
	OS.add_logger(errors)
	Engine.max_fps = 60
	for argument in OS.get_cmdline_user_args():
		arguments[argument.get_slice("=", 0)] = argument.substr(argument.find("=") + 1)
	_run.call_deferred()


func _process(_delta: float) -> bool:
	if Time.get_ticks_msec() > LIMIT_MSEC:
		print("the limit of %d ms is over" % LIMIT_MSEC)
		quit(99)
	return false


func _run() -> void:
	var passed := 0
	var failed := 0
	await before_all()
	for method in get_method_list():
		if not method.name.begins_with("test_") or arguments.get("only", "test_") not in method.name:
			continue
		var began := Time.get_ticks_msec()
		if await _passes(method.name):
			passed += 1
		else:
			failed += 1
			print("FAILED %s\n  %s" % [method.name, "\n  ".join(PackedStringArray(_failures))])
		if arguments.has("durations"):
			print("%s %d ms" % [method.name, Time.get_ticks_msec() - began])
	await after_all()
	await process_frame
	for message in errors.take():
		print("ERROR at the end: ", message)
		failed += 1
	print("%d passed, %d failed" % [passed, failed])
	quit(1 if failed or not passed else 0)


func _passes(method: String) -> bool:
	_failures.clear()
	_expected_errors = 0
	await call(method)
	await process_frame
	var messages := errors.take()
	if messages.size() != _expected_errors:
		_failures.append("%d errors, expected %d" % [messages.size(), _expected_errors])
		_failures.append_array(messages)
	return _failures.is_empty()


## For a script to overload.
func before_all() -> void:
	pass


func after_all() -> void:
	pass


func expect_errors(count: int) -> void:
	_expected_errors += count


func check(holds: bool, what: String) -> void:
	if not holds:
		_failures.append(what)


func equal(found: Variant, expected: Variant, what := "") -> void:
	var same: bool = found == expected if found == null or expected == null else \
			typeof(found) == typeof(expected) and found == expected
	check(same, "%s: %s, expected %s" % [what, str(found).left(200), str(expected).left(200)])


func near(found: float, expected: float, most: float, what := "") -> void:
	check(absf(found - expected) <= most, "%s: %s, expected %s within %s" % [what, found, expected, most])


func sleep(seconds: float) -> void:
	await create_timer(seconds).timeout


## Until `holds` does, `limit_s` at most; what it returned last.
func wait_for(holds: Callable, limit_s := 20.0) -> bool:
	var until_msec := Time.get_ticks_msec() + int(limit_s * 1000)
	while not holds.call():
		if Time.get_ticks_msec() > until_msec:
			return false
		await process_frame
	return true


func json(path: String) -> Variant:
	return JSON.parse_string(FileAccess.get_file_as_string(path))
