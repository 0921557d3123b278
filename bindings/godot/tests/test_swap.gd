extends "harness.gd"
## A conversation during which another version of the voice is dropped into `file=`'s models folder.

const Client := preload("res://addons/npc_voice/core/client.gd")


func test_a_new_version_speaks_from_a_line_on_and_no_line_is_lost() -> void:
	var client := Client.new({"connection_file": arguments.file})
	var live := []
	client.event.connect(func(_topic: String, data: Dictionary) -> void: live.append(data))
	client.subscribe("model.live")
	var versions := []
	var lines := 0
	var worst_msec := 0
	print("ready")
	var until_msec := Time.get_ticks_msec() + 150000
	while not (versions.has(arguments.version) and not live.is_empty()) and Time.get_ticks_msec() < until_msec:
		var began := Time.get_ticks_msec()
		var line := await client.say("%d." % (lines % 9), {"session": "talk"})
		worst_msec = maxi(worst_msec, Time.get_ticks_msec() - began)
		equal(line.error, null)
		lines += 1
		if versions.is_empty() or versions[-1] != line.model.get("version"):
			versions.append(line.model.get("version"))
		await process_frame
	equal(versions.size(), 2, str(versions))
	equal(versions[-1], arguments.version)
	equal(live[0].to if live else "", arguments.version)
	print("%d lines, worst %d ms" % [lines, worst_msec])
	client.close()
