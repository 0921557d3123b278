extends "harness.gd"
## A sidecar that the client starts itself. `file=` is the connection file to be, `python=` has the sidecar.

const Client := preload("res://addons/npc_voice/core/client.gd")


func _options(more := {}) -> Dictionary:
	return {
		"connection_file": arguments.file, "start": true, "command": [arguments.python, "-m", "sidecar"],
	}.merged(more, true)


func _pid() -> int:
	return int(json(arguments.file).pid)


func _runs(pid: int) -> bool:
	if not DirAccess.dir_exists_absolute("/proc/%d" % pid):
		return false
	return FileAccess.open("/proc/%d/stat" % pid, FileAccess.READ).get_line().get_slice(") ", 1)[0] != "Z"


func test_it_is_started_survives_its_death_and_is_stopped() -> void:
	var client := Client.new(_options())
	var line := await client.say("Halt!")
	equal(line.error, null)
	var first := _pid()
	check(_runs(first), "it does not run")
	OS.execute("kill", ["-9", str(first)])
	var again := await client.say("Halt!")
	equal(again.error, null)
	equal(again.audio, line.audio)
	var second := _pid()
	check(second != first and not _runs(first), "the first still runs")
	var began := Time.get_ticks_msec()
	client.close()
	print("stopped in %d ms" % (Time.get_ticks_msec() - began))
	check(not _runs(second), "the second still runs")
	check(not FileAccess.file_exists(arguments.file), "the connection file is still there")


func test_one_that_cannot_start_is_a_plain_reason() -> void:
	var client := Client.new(_options({"arguments": ["--device", "cuda:9"]}))
	var reply := await client.ping()
	equal(reply.error.code, "no_sidecar")
	check("cuda:9" in reply.error.message, reply.error.message)
	client.close()


func test_a_command_that_is_not_there_is_a_plain_reason() -> void:
	var client := Client.new(_options({"command": ["no-such-npc-voice"]}))
	var reply := await client.ping()
	equal(reply.error.code, "no_sidecar")
	check("no-such-npc-voice" in reply.error.message, reply.error.message)
	client.close()


func test_shutdown_ends_it_after_its_lines() -> void:
	var client := Client.new(_options())
	equal((await client.ping()).error, null)
	var pid := _pid()
	var reply := await client.shutdown()
	equal(reply.data.lines, 0)
	check(await wait_for(func() -> bool: return not FileAccess.file_exists(arguments.file)), "it goes on")
	client.close()
	check(not _runs(pid), "it still runs")
