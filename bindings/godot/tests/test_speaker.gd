extends "harness.gd"
## Speakers that really play, on the engine's Dummy driver, what a real sidecar says. `file=` is its connection file.

const Cast := preload("res://addons/npc_voice/cast.gd")
const Client := preload("res://addons/npc_voice/core/client.gd")
const Dock := preload("res://addons/npc_voice/dock.gd")
const Hook := preload("res://addons/npc_voice/dialogue_manager_hook.gd")
const Line := preload("res://addons/npc_voice/core/line.gd")
const Mouth := preload("res://addons/npc_voice/mouth.gd")
const Speaker := preload("res://addons/npc_voice/npc_speaker.gd")
const Speaker2D := preload("res://addons/npc_voice/npc_speaker_2d.gd")
const Speaker3D := preload("res://addons/npc_voice/npc_speaker_3d.gd")
const Speaking := preload("res://addons/npc_voice/speaking.gd")
const Subtitles := preload("res://addons/npc_voice/npc_subtitles.gd")
const SubtitleText := preload("res://addons/npc_voice/subtitle_text.gd")
const HALT := "Halt! Who goes there?"
const LONG := "The old mine has been sealed for ten long years, traveler. Take a lantern and a rope."
const ROPE := "Take a lantern and a rope."
const TIMINGS := {"timings": ["words", "visemes"]}
const STEP_S := 0.01  ## of envelopes

var voice: Node
var capture := AudioEffectCapture.new()


func before_all() -> void:
	voice = root.get_node("NpcVoice")
	voice.open({"connection_file": arguments.file})
	capture.buffer_length = 20.0
	AudioServer.add_bus_effect(0, capture)


func _speaker(kind: GDScript = Speaker) -> Node:
	var speaker: Node = kind.new()
	root.add_child(speaker)
	return speaker


## What a speaker tells, as [signal, argument, ms], in order.
func _record(speaker: Node) -> Array:
	var told := []
	for name in ["line_started", "word", "line_failed"]:
		speaker.connect(name, func(what: Variant) -> void: told.append([name, what, Time.get_ticks_msec()]))
	speaker.line_finished.connect(func() -> void: told.append(["line_finished", null, Time.get_ticks_msec()]))
	speaker.subtitle.connect(func(text: String, s: float) -> void: told.append(["subtitle", [text, s], Time.get_ticks_msec()]))
	speaker.viseme.connect(func(id: int, weight: float) -> void: told.append(["viseme", [id, weight], Time.get_ticks_msec()]))
	return told


func _told(told: Array, name: String) -> Array:
	return told.filter(func(item: Array) -> bool: return item[0] == name).map(func(item: Array) -> Variant: return item[1])


func test_the_autoload_speaks_in_two_calls() -> void:
	var line: Line = await voice.say(HALT, {"speaker": "am_michael"})
	equal(line.error, null)
	equal(voice.is_there, true)
	var player := AudioStreamPlayer.new()
	root.add_child(player)
	player.stream = line.to_audio_stream()
	player.play()
	var began := Time.get_ticks_msec()
	await player.finished
	near((Time.get_ticks_msec() - began) / 1000.0, line.duration_s, 0.25, "it played for another time")
	player.queue_free()


func test_what_sounds_is_the_line() -> void:
	for stream_from: int in [0, 1]:
		var speaker := _speaker()
		speaker.speaker = "am_michael"
		speaker.stream_from = stream_from
		var text := LONG if stream_from else ROPE
		var line: Line = await voice.say(text, {"speaker": "am_michael"})
		capture.clear_buffer()
		equal(await speaker.say(text), null)
		await sleep(0.1)
		var heard := capture.get_buffer(capture.get_frames_available())
		equal(capture.get_discarded_frames(), 0)
		_compare(heard, line, "streamed" if stream_from else "whole")
		speaker.queue_free()


## Loudness over time, and then the waveform itself where that fits best.
func _compare(heard: PackedVector2Array, line: Line, what: String) -> void:
	var rate := AudioServer.get_mix_rate()
	var played := PackedFloat32Array()
	for frame in heard:
		played.append(frame.x)
	var meant := PackedFloat32Array()
	for at in int(line.duration_s * rate) - 1:
		meant.append(_sample(line, at / rate))
	var lag := _best_lag(_envelope(played, rate), _envelope(meant, rate))
	var best := 0.0
	for shift in range(int((lag - 1) * STEP_S * rate), int((lag + 1) * STEP_S * rate)):
		best = maxf(best, _likeness(played, meant, shift, 97))
	check(best > 0.93, "%s: likeness of the waveforms %.3f" % [what, best])
	print("%s: likeness of the waveforms %.4f" % [what, best])
	near(_loudness(played) / _loudness(meant), 1.0, 0.05, what + ": loudness")


func _sample(line: Line, time_s: float) -> float:
	var place := time_s * line.sample_rate_hz
	var at := mini(int(place), line.frames - 2)
	return lerpf(line.audio.decode_s16(2 * at), line.audio.decode_s16(2 * at + 2), place - at) / 32768.0


func _envelope(samples: PackedFloat32Array, rate: float) -> PackedFloat32Array:
	var size := int(STEP_S * rate)
	var envelope := PackedFloat32Array()
	for start in range(0, samples.size() - size, size):
		var sum := 0.0
		for at in range(start, start + size, 4):
			sum += absf(samples[at])
		envelope.append(sum)
	return envelope


func _best_lag(played: PackedFloat32Array, meant: PackedFloat32Array) -> int:
	var best := 0
	for lag in range(0, maxi(1, played.size() - meant.size() + 5)):
		if _likeness(played, meant, lag, 1) > _likeness(played, meant, best, 1):
			best = lag
	return best


func _likeness(one: PackedFloat32Array, other: PackedFloat32Array, shift: int, step: int) -> float:
	var both := 0.0
	var ones := 1e-9
	var others := 1e-9
	for at in range(maxi(0, -shift), mini(other.size(), one.size() - shift), step):
		both += one[at + shift] * other[at]
		ones += one[at + shift] * one[at + shift]
		others += other[at] * other[at]
	return both / sqrt(ones * others)


func _loudness(samples: PackedFloat32Array) -> float:
	var sum := 0.0
	for sample in samples:
		sum += sample * sample
	return sqrt(sum)


func test_words_and_visemes_come_in_order_and_in_time() -> void:
	for stream_from: int in [0, 1]:
		var speaker := _speaker()
		speaker.stream_from = stream_from
		var text := LONG if stream_from else ROPE
		var line: Line = await voice.say(text, TIMINGS)
		var told := _record(speaker)
		equal(await speaker.say(text), null)
		equal(told[0][0], "line_started")
		equal(told[-1][0], "line_finished")
		equal(_told(told, "word"), line.words.map(func(row: Array) -> String: return row[0]))
		var expected := line.visemes.map(func(row: Array) -> Array: return [row[1], snappedf(row[2], 0.001)])
		equal(_told(told, "viseme").map(func(item: Array) -> Array: return [item[0], snappedf(item[1], 0.001)]), expected)
		_check_times(told.filter(func(item: Array) -> bool: return item[0] == "viseme"), line.visemes)
		speaker.queue_free()


## Each comes when its row says, but for one delay that is the same for all.
func _check_times(told: Array, rows: Array) -> void:
	var late_s := range(told.size()).map(func(at: int) -> float: return told[at][2] / 1000.0 - rows[at][0])
	late_s.sort()
	print("visemes: all within %d ms" % roundi((late_s[-1] - late_s[0]) * 1000))
	var most := late_s.size() - 1
	check(late_s[most * 95 / 100] - late_s[most * 5 / 100] < 0.1, "the mouth is off: %s" % [late_s])


func test_the_mouth_blends_over_the_end_of_a_state() -> void:
	var mouth := Mouth.new()
	mouth.add([[0.0, 0, 1.0], [0.2, 10, 0.5], [0.2, 1, 0.25], [0.26, 14, 1.0]], 0.5)
	var cases := [
		[0.0, 0, 1.0], [0.13, 0, 1.0], [0.17, 0, 0.5], [0.17, 10, 0.25], [0.17, 1, 0.125], [0.2, 10, 0.5],
		[0.22, 10, 0.5], [0.245, 10, 0.25], [0.245, 14, 0.5], [0.26, 14, 1.0], [0.49, 14, 1.0], [0.5, 14, 0.0],
	]
	for case: Array in cases:
		mouth.move_to(case[0])
		near(mouth.weights[case[1]], case[2], 0.001, "%s at %s" % [Mouth.SHAPES[case[1]], case[0]])
	equal(mouth.state, 2)


func _face() -> MeshInstance3D:
	var triangle := PackedVector3Array([Vector3.ZERO, Vector3.UP, Vector3.RIGHT])
	var arrays := []
	arrays.resize(Mesh.ARRAY_MAX)
	arrays[Mesh.ARRAY_VERTEX] = triangle
	var shape := []
	shape.resize(Mesh.ARRAY_MAX)
	shape[Mesh.ARRAY_VERTEX] = triangle
	var mesh := ArrayMesh.new()
	for name in ["viseme_aa", "open_wide"]:
		mesh.add_blend_shape(name)
	mesh.add_surface_from_arrays(Mesh.PRIMITIVE_TRIANGLES, arrays, [shape, shape])
	var face := MeshInstance3D.new()
	face.mesh = mesh
	return face


func test_blend_shapes_follow_and_close_again() -> void:
	var speaker := _speaker(Speaker3D)
	var face := _face()
	speaker.add_child(face)
	speaker.mesh = speaker.get_path_to(face)
	speaker.blend_shapes.oh = "open_wide"
	equal(speaker._get_configuration_warnings().size(), 1)
	var most := {"viseme_aa": 0.0, "open_wide": 0.0}
	speaker.say("Ah! Oh no, all the gold is gone! Ah!")
	await wait_for(speaker.is_speaking)
	while speaker.is_speaking():
		await process_frame
		for name: String in most:
			most[name] = maxf(most[name], face.get_blend_shape_value(face.find_blend_shape_by_name(name)))
	check(most.viseme_aa > 0.3 and most.open_wide > 0.3, str(most))
	for name: String in most:
		equal(face.get_blend_shape_value(face.find_blend_shape_by_name(name)), 0.0)
	speaker.queue_free()


func test_a_queue_speaks_all_in_order_without_a_gap() -> void:
	var speaker := _speaker()
	voice.prefetch(["Hm.", "Aye."])
	var told := _record(speaker)
	speaker.say("Hm.")
	equal(await speaker.say("Aye."), null)
	equal(_told(told, "line_started"), ["Hm.", "Aye."])
	equal(_told(told, "line_finished").size(), 2)
	speaker.queue_free()


func test_an_interruption_ends_what_is_spoken() -> void:
	var speaker := _speaker()
	speaker.policy = Speaking.Policy.INTERRUPT
	var ended := []
	var say := func(text: String) -> void: ended.append([text, await speaker.say(text)])
	say.call(LONG)
	await speaker.line_started
	say.call("Hm.")
	equal(ended[0][0], LONG)
	equal(ended[0][1].code, "cancelled")
	await wait_for(func() -> bool: return ended.size() == 2)
	equal(ended[1], ["Hm.", null])
	speaker.queue_free()


func test_a_line_with_a_loudness_comes_whole_however_long_it_is() -> void:
	var speaker := _speaker()
	speaker.stream_from = 1
	equal(await speaker.say(ROPE, {"loudness": -30}), null)
	speaker.queue_free()


func test_a_busy_speaker_drops_lines_where_it_may() -> void:
	var speaker := _speaker()
	speaker.policy = Speaking.Policy.DROP
	speaker.say("Hm.")
	var error: RefCounted = await speaker.say("Aye.")
	equal(error.code, "cancelled")
	await speaker.line_finished
	equal(await speaker.say("Aye."), null)
	speaker.queue_free()


func test_what_the_sidecar_refuses_is_told_and_the_queue_goes_on() -> void:
	var speaker := _speaker()
	var told := _record(speaker)
	speaker.say("Hm.", {"speaker": "nobody"})
	equal(await speaker.say("Aye."), null)
	equal(_told(told, "line_failed").map(func(error: RefCounted) -> String: return error.code), ["unknown_speaker"])
	equal(_told(told, "line_started"), ["Aye."])
	speaker.queue_free()


func test_whoever_hears_a_line_may_end_it_or_free_the_speaker() -> void:
	for name: String in ["line_started", "subtitle", "word", "viseme", "line_finished"]:
		for is_freed: bool in [false, true]:
			var speaker := _speaker()
			var end: Callable = speaker.queue_free if is_freed else speaker.stop_speaking
			var arguments_of := {"subtitle": 2, "viseme": 2, "line_finished": 0}
			speaker.connect(name, end.unbind(arguments_of.get(name, 1)) if arguments_of.get(name, 1) else end)
			speaker.say("Hm.")
			speaker.say("Aye.")
			await sleep(1.0 if name == "line_finished" else 0.3)
			check(is_freed != is_instance_valid(speaker), name)
			if not is_freed:
				equal(speaker.is_speaking(), false, name)
				speaker.queue_free()


func test_a_speaker_that_is_freed_in_the_middle_leaves_nothing() -> void:
	var speaker := _speaker()
	speaker.stream_from = 1
	speaker.say(LONG + " And a torch.")
	speaker.say("Never spoken.")
	await sleep(0.3)
	speaker.queue_free()
	await sleep(0.3)
	for _try in 50:
		if (await voice.stats()).data.lines_running == 0:
			return
		await sleep(0.1)
	check(false, "the sidecar works on")


func test_without_a_sidecar_lines_are_shown_as_text() -> void:
	var speaker := _speaker()
	var nobody := Client.new({"connection_file": "absent.json", "timeout_s": 0.1})
	speaker.voice = nobody
	var told := _record(speaker)
	var began := Time.get_ticks_msec()
	equal(await speaker.say("[[Drizzt|dɹˈɪst]] is *here*, and he is in no mood to talk."), null)
	var text := "Drizzt is here, and he is in no mood to talk."
	equal(told.map(func(item: Array) -> String: return item[0]), ["line_started", "subtitle", "line_finished"])
	equal(_told(told, "subtitle"), [[text, SubtitleText.reading_time_s(text)]])
	check(Time.get_ticks_msec() - began > SubtitleText.reading_time_s(text) * 1000, "it was too short to be read")
	speaker.queue_free()
	nobody.close()


func test_a_line_that_takes_too_long_is_shown_as_text() -> void:
	var speaker := _speaker()
	speaker.patience_s = 0.05
	speaker.stream_from = 0
	var told := _record(speaker)
	equal(await speaker.say("A line that nobody has ever said before, %d." % randi()), null)
	equal(_told(told, "subtitle").size(), 1)
	equal(_told(told, "viseme"), [])
	speaker.queue_free()


func test_subtitles_show_no_markup() -> void:
	equal(SubtitleText.plain("[[Drizzt|dɹɪ]], *now*<break time=\"1s\"/>!"), "Drizzt, now!")
	equal(SubtitleText.plain("2 * 3 * 4 < 5"), "2 * 3 * 4 < 5")
	equal(SubtitleText.reading_time_s("123456789012345678901234567890"), 2.0)
	equal(SubtitleText.reading_time_s("一二三四五六七八九十一二"), 2.0)


func test_subtitles_show_who_speaks_and_go_away() -> void:
	var speaker := _speaker()
	speaker.character = "Mara"
	var label := Subtitles.new()
	root.add_child(label)
	label.follow(speaker)
	speaker.say("Hm.")
	await speaker.line_started
	await process_frame
	equal(label.text, "Mara: Hm.")
	await speaker.line_finished
	await process_frame
	equal(label.text, "")
	speaker.queue_free()
	label.queue_free()


func test_a_cast_decides_voice_manner_and_pronunciation() -> void:
	var cast := Cast.new()
	cast.characters = {"Mara": {"speaker": "bf_emma", "emotion": "happy"}}
	cast.lexicon = {"Drizzt": "dɹˈɪst"}
	equal(cast.pronounced("Drizzt, [[Drizzt|x]] and Drizzts"), "[[Drizzt|dɹˈɪst]], [[Drizzt|x]] and Drizzts")
	equal(cast.pronounced("[url=&amp;Drizzt]Drizzt[/url] &amp; [Drizzt](x)"), "[url=&amp;Drizzt][[Drizzt|dɹˈɪst]][/url] &amp; [[[Drizzt|dɹˈɪst]]](x)")
	cast.lexicon = {"drizzt": "dɹˈɪst", "重庆": "x", "time": "tˈIm", "": "y"}
	equal(cast.pronounced("DRIZZT!<break time='1s'/>我在重庆。"), "[[DRIZZT|dɹˈɪst]]!<break time='1s'/>我在[[重庆|x]]。")
	equal(cast.problems().size(), 0)
	var speaker := _speaker()
	speaker.cast = cast
	speaker.character = "Mara"
	capture.clear_buffer()
	var line: Line = await voice.say("[[Drizzt|dɹˈɪst]]!", {"speaker": "bf_emma", "emotion": "happy"})
	equal(await speaker.say("Drizzt!"), null)
	_compare(capture.get_buffer(capture.get_frames_available()), line, "cast")
	speaker.queue_free()


func test_a_bad_set_up_is_flagged_in_the_editor() -> void:
	var cast := Cast.new()
	cast.characters = {"Mara": {"speaker": "bf_emma", "mood": "happy"}, "Holt": {}}
	var speaker := _speaker()
	equal(speaker._get_configuration_warnings().size(), 1)
	speaker.character = "Mata"
	check("no cast" in speaker._get_configuration_warnings()[0], "no cast")
	speaker.cast = cast
	speaker.mesh = ^"nowhere"
	var warnings := "\n".join(speaker._get_configuration_warnings())
	for words in ["'Mara'", "no field 'mood'", "Holt has no speaker", "not a MeshInstance3D"]:
		check(words in warnings, "%s is not in %s" % [words, warnings])
	speaker.queue_free()


class Manager:
	extends RefCounted
	signal got_dialogue(line: RefCounted)


class DialogueLine:
	extends RefCounted
	var character := "Mara"
	var text := "[wave]Mind[/wave] the [color=red]step[/color], [[Drizzt|dɹˈɪst]]!"
	var tags := PackedStringArray(["emotion=happy", "intensity=0.8", "tone=low"])


func test_the_dialogue_manager_hook_speaks_its_lines() -> void:
	var speaker := _speaker()
	var hook := Hook.new()
	hook.manager = Manager.new()
	hook.speakers = {"Mara": speaker.get_path()}
	root.add_child(hook)
	equal(Hook.fields_of(DialogueLine.new().tags), {"emotion": "happy", "intensity": 0.8})
	var told := _record(speaker)
	hook.manager.got_dialogue.emit(DialogueLine.new())
	await speaker.line_finished
	equal(_told(told, "line_started"), ["Mind the step, Drizzt!"])
	hook.queue_free()
	speaker.queue_free()


func test_the_dock_auditions_a_line() -> void:
	var dock := Dock.new()
	dock.options = {"connection_file": arguments.file}
	root.add_child(dock)
	dock.play.pressed.emit()
	check(await wait_for(func() -> bool: return not dock.play.disabled), "it never connects")
	check(dock.speaker.item_count >= 54 and dock.emotion.item_count >= 13, dock.status.text)
	dock.text.text = "Hm."
	dock.play.pressed.emit()
	check(await wait_for(func() -> bool: return not dock.play.disabled), "it never speaks")
	check(dock.player.playing, dock.status.text)
	await dock.player.finished
	dock.queue_free()


func test_the_three_speakers_are_the_same_but_for_their_kind() -> void:
	var bodies := {}
	for kind in ["", "_2d", "_3d"]:
		var text := FileAccess.get_file_as_string("res://addons/npc_voice/npc_speaker%s.gd" % kind)
		var lines := Array(text.split("\n")).slice(5).filter(func(line: String) -> bool: return not "it is spoken" in line)
		bodies["\n".join(PackedStringArray(lines))] = true
	equal(bodies.size(), 1)
	for kind: GDScript in [Speaker2D, Speaker3D]:
		var speaker := _speaker(kind)
		equal(await speaker.say("Hm."), null)
		speaker.queue_free()


func test_five_hundred_lines_leave_no_object() -> void:
	Engine.max_fps = 0
	var speaker := _speaker()
	speaker.policy = Speaking.Policy.INTERRUPT
	for number in 50:
		await _short_line(speaker, number)
	await sleep(0.2)
	var before := _counts()
	for number in 500:
		await _short_line(speaker, number)
	await sleep(0.5)
	var after := _counts()
	Engine.max_fps = 60
	print("objects, nodes, resources, orphans, kB: %s, then %s" % [before, after])
	equal(after.slice(0, 4), before.slice(0, 4))
	check(after[4] - before[4] < 2048, "%d kB more" % (after[4] - before[4]))
	speaker.queue_free()


## Every other one is cut off, some are streamed.
func _short_line(speaker: Node, number: int) -> void:
	speaker.stream_from = number % 3
	speaker.say("Hm.")
	await speaker.line_started
	if number % 50 == 0:
		await speaker.line_finished
	else:
		await process_frame
	if number % 2:
		speaker.stop_speaking()


func _counts() -> Array[int]:
	var counts: Array[int] = []
	for monitor in [
		Performance.OBJECT_COUNT, Performance.OBJECT_NODE_COUNT, Performance.OBJECT_RESOURCE_COUNT,
		Performance.OBJECT_ORPHAN_NODE_COUNT,
	]:
		counts.append(int(Performance.get_monitor(monitor)))
	counts.append(int(OS.get_static_memory_usage() / 1024))
	return counts
