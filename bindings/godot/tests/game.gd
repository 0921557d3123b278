extends "harness.gd"
## A game that starts its sidecar, prints its pid and goes on speaking until it is killed.

const Client := preload("res://addons/npc_voice/core/client.gd")


func test_speak_for_ever() -> void:
	var client := Client.new({
		"connection_file": arguments.file, "start": true, "command": [arguments.python, "-m", "sidecar"],
	})
	equal((await client.ping()).error, null)
	print("sidecar %d" % json(arguments.file).pid)
	while true:
		await client.say("An endless tale, told by an old man, by the fire, on a long winter night. %d" % randi())
