extends "harness.gd"
## A conversation while the sidecar behind `file=` is killed and started again from outside.

const Client := preload("res://addons/npc_voice/core/client.gd")

var _pids := {}


func test_every_line_of_a_conversation_is_spoken_though_the_sidecar_is_killed() -> void:
	var client := Client.new({"connection_file": arguments.file, "timeout_s": 30})
	var told := []
	client.reached.connect(func(is_there: bool) -> void: told.append(is_there))
	var audio: PackedByteArray = (await client.say("Line one.")).audio
	print("ready")
	for number in 3000:  # a busy machine takes its time to start another
		var line := await client.say("Line one.", {"session": "talk"})
		equal(line.error, null)
		equal(line.audio, audio)
		_pids[FileAccess.get_file_as_string(arguments.file)] = true
		if told.size() == 3:
			break
		await sleep(0.05)
	equal(told, [true, false, true])
	check(_pids.size() >= 2, "it was never started again")
	client.close()
