extends "harness.gd"
## A sidecar that misbehaves: typed errors, no freeze, no growth. `folder=` holds a connection file for each way.

const Client := preload("res://addons/npc_voice/core/client.gd")
const SidecarFile := preload("res://addons/npc_voice/core/sidecar_file.gd")
const TIMEOUT_S := 0.3
const ATTEMPTS := 2
const LONGEST_FRAME_MSEC := 100
const GROWTH_BYTES := 32 << 20

var _longest_frame_msec := 0
var _last_msec := 0


func _process(delta: float) -> bool:
	var now := Time.get_ticks_msec()
	if _last_msec:
		_longest_frame_msec = maxi(_longest_frame_msec, now - _last_msec)
	_last_msec = now
	return super(delta)


func test_every_way_ends_in_its_code() -> void:
	var expected: Dictionary = json(arguments.folder.path_join("expected.json"))
	check(expected.size() > 40, "%d ways" % expected.size())
	var before := OS.get_static_memory_usage()
	_longest_frame_msec = 0
	for way: String in expected:
		await _meet(way, expected[way])
	var grown := OS.get_static_memory_usage() - before
	check(_longest_frame_msec < LONGEST_FRAME_MSEC, "a frame of %d ms" % _longest_frame_msec)
	check(grown < GROWTH_BYTES, "%d bytes more than before" % grown)
	print("longest frame %d ms, grown by %d kB" % [_longest_frame_msec, grown / 1024])


func _meet(way: String, code: String) -> void:
	var client := Client.new({
		"connection_file": arguments.folder.path_join(way + ".json"), "timeout_s": TIMEOUT_S, "attempts": ATTEMPTS,
	})
	var began := Time.get_ticks_msec()
	for _time in 3 if code == "" else 1:
		var line := await client.say("Hi.")
		equal(line.error.code if line.error else "", code, "%s (%s)" % [way, line.error])
		check(line.error != null or line.frames == 2400, way)
	check(Time.get_ticks_msec() - began < 2500, "%s took %d ms" % [way, Time.get_ticks_msec() - began])
	client.close()


func test_a_line_is_waited_for_while_the_sidecar_speaks() -> void:
	await _meet("slow", "")


func test_a_late_line_is_given_up_when_the_sidecar_says_that_it_does_not_speak() -> void:
	await _meet("idle", "timed_out")


func test_a_line_that_is_waited_for_can_be_cancelled() -> void:
	var client := Client.new({"connection_file": arguments.folder.path_join("busy.json"), "timeout_s": 0.1, "attempts": 1})
	var ended := []
	var say := func() -> void: ended.append(await client.say("Hi.", {"id": "late"}))
	say.call()
	await sleep(1.0)
	equal(ended, [], "given up though the sidecar speaks")
	client.cancel("late")
	await wait_for(func() -> bool: return not ended.is_empty(), 2.0)
	equal(ended[0].error.code if ended else "", "cancelled")
	client.close()


func test_a_sidecar_that_would_pass_over_a_field_is_not_asked() -> void:
	var client := Client.new({"connection_file": arguments.folder.path_join("first_version.json")})
	for fields: Dictionary in [{"manner": "a"}, {"loudness": -20.0}, {"effect": "ghost"}, {"clip": PackedByteArray([1]), "baseline": PackedByteArray([1])}]:
		var line := await client.say("Hi.", fields)
		equal(line.error.code if line.error else "", "unsupported")
		check(line.error != null and line.error.field in fields, str(line.error))
		check(line.error != null and "npc-voice 0.0.9 does not know" in line.error.message, str(line.error))
	equal((await client.say("Hi.")).error, null)
	client.close()


func test_events_of_a_stranger_do_no_harm() -> void:
	for way in ["good", "endless", "no_zeromq", "frame_reserved_flags", "silent", "closed_at_once"]:
		var client := Client.new({"connection_file": arguments.folder.path_join(way + ".json")})
		var heard := []
		client.event.connect(func(topic: String, _data: Dictionary) -> void: heard.append(topic))
		client.subscribe()
		await sleep(0.15)
		client.close()
		equal(heard, [], way)


func test_connection_files_that_are_none_are_no_sidecar() -> void:
	var path := OS.get_user_data_dir().path_join("c.json")
	var good: Dictionary = json(arguments.folder.path_join("good.json"))
	var texts := [
		"", "[]", "{", "{\"pid\": 1}", JSON.stringify(good.merged({"commands": "tcp://10.0.0.1:80"}, true)),
		JSON.stringify(good.merged({"commands": "tcp://127.0.0.1:99999"}, true)),
		JSON.stringify(good.merged({"server_key": "x"}, true)), JSON.stringify(good.merged({"protocol": 2}, true)),
		JSON.stringify(good.merged({"token": 3}, true)),
	]
	for text: String in texts:
		FileAccess.open(path, FileAccess.WRITE).store_string(text)
		var client := Client.new({"connection_file": path, "timeout_s": 0.05})
		var reply := await client.ping()
		equal(reply.error.code if reply.error else "", "no_sidecar", text.left(80))
		client.close()


func test_no_sidecar_is_waited_for_once_and_then_known() -> void:
	var client := Client.new({"connection_file": "absent.json", "timeout_s": 0.5})
	var told := []
	client.reached.connect(func(is_there: bool) -> void: told.append(is_there))
	equal((await client.ping()).error.code, "no_sidecar")
	var began := Time.get_ticks_msec()
	equal((await client.say("Hi.")).error.code, "no_sidecar")
	check(Time.get_ticks_msec() - began < 1200, "it was waited for again")
	equal(told, [false])
	client.close()


func test_paths_of_wine_are_read_or_refused() -> void:
	equal(SidecarFile.local_path("Z:\\home\\me\\c.json"), "/home/me/c.json")
	equal(SidecarFile.local_path("/home/me/c.json"), "/home/me/c.json")
	var client := Client.new({"connection_file": "C:\\users\\me\\c.json"})
	var reply := await client.ping()
	equal(reply.error.code, "bad_request")
	equal(reply.error.field, "connection_file")
	client.close()
