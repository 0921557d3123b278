extends "harness.gd"
## Every message against a real sidecar. `file=` is its connection file, `clip=` a sound file of one person.

const Client := preload("res://addons/npc_voice/core/client.gd")
const Line := preload("res://addons/npc_voice/core/line.gd")
const HALT := "Halt! Who goes there?"
const LONG := "The old mine has been sealed for ten long years, traveler. Take a lantern and a rope."
const GUARD := {"speaker": "am_michael", "timings": ["words", "phonemes", "visemes"]}
const OPS: Array[String] = [
	"hello", "synthesize", "next", "cancel", "speakers", "emotions", "models", "activate", "rollback", "remove",
	"canary", "rescan", "stats", "ping", "shutdown",
]

var client: Client
var halt: Line


func before_all() -> void:
	client = Client.new({"connection_file": arguments.file})
	halt = await client.say(HALT, GUARD)


func after_all() -> void:
	client.close()


func test_hello_tells_what_there_is() -> void:
	var reply := await client.hello()
	equal(reply.error, null)
	equal(reply.data.protocol, 1)
	for op in OPS:
		check(op in reply.data.ops, op)


func test_a_line_is_speech_with_all_that_is_said_of_it() -> void:
	equal(halt.error, null)
	equal(halt.format, "pcm_s16le")
	equal(halt.sample_rate_hz, 24000)
	equal(halt.channels, 1)
	equal(halt.audio.size(), 2 * halt.frames)
	near(halt.duration_s, halt.frames / 24000.0, 1e-6)
	check(halt.duration_s > 0.8 and halt.duration_s < 4.0, "%f s" % halt.duration_s)
	equal(halt.words.map(func(row: Array) -> String: return row[0]), ["Halt", "Who", "goes", "there"])
	check(halt.phonemes.size() > 8 and halt.visemes.size() > 8, "too few rows")
	equal(halt.visemes[0][0], 0.0)
	equal(halt.model.name.is_empty(), false)
	check(halt.timing.total_ms > 0.0, "no time was taken")
	check(_loudest(halt.audio) > 2000, "it is silent")


func _loudest(audio: PackedByteArray) -> int:
	var loudest := 0
	for at in range(0, audio.size(), 2):
		loudest = maxi(loudest, absi(audio.decode_s16(at)))
	return loudest


func test_it_plays_as_an_audio_stream() -> void:
	var wav := halt.to_audio_stream() as AudioStreamWAV
	near(wav.get_length(), halt.duration_s, 0.001)
	equal(wav.data, halt.audio)


func test_the_same_line_again_comes_from_the_cache() -> void:
	var again := await client.say(HALT, GUARD)
	equal(again.cached, true)
	equal(again.audio, halt.audio)
	equal(again.seed_used, halt.seed_used)


func test_every_format_is_the_same_speech() -> void:
	for format in ["pcm_f32le", "wav", "ogg"]:
		var line := await client.say(HALT, {"speaker": "am_michael", "format": format})
		equal(line.error, null, format)
		equal(line.format, format)
		near(line.to_audio_stream().get_length(), halt.duration_s, 0.05, format)
	var floats := await client.say(HALT, {"speaker": "am_michael", "format": "pcm_f32le"})
	near((floats.to_audio_stream() as AudioStreamWAV).data.decode_s16(20000), halt.audio.decode_s16(20000), 2)
	var half := await client.say(HALT, {"speaker": "am_michael", "sample_rate": 48000})
	equal(half.sample_rate_hz, 48000)
	near(half.to_audio_stream().get_length(), halt.duration_s, 0.01)


func test_fields_of_every_type_are_understood() -> void:
	var line := await client.say("Hm.", {
		"speaker": {"af_heart": 0.5, "am_adam": 0.5}, "emotion": {"angry": 0.7, "sad": 0.3}, "intensity": 1,
		"speed": 2, "pitch": -2, "language": "en-GB", "priority": "bark", "deadline_ms": 60000, "seed": 7,
		"timings": PackedStringArray(["visemes"]),
	})
	equal(line.error, null)
	equal(line.seed_used, 7)
	check(not line.visemes.is_empty() and line.words.is_empty(), "other timings than asked for")
	for speaker: Variant in [3, &"af_heart"]:
		equal((await client.say("Hm.", {"speaker": speaker})).error, null, str(speaker))


func test_a_reference_clip_goes_with_the_line() -> void:
	var clip := FileAccess.get_file_as_bytes(arguments.clip)
	var line := await client.say("Hm.", {"speaker": "am_michael", "clip": clip})
	var plain := await client.say("Hm.", {"speaker": "am_michael"})
	equal(line.error, null)
	check(line.audio != plain.audio, "the clip changed nothing")
	var bad := await client.say("Hm.", {"clip": PackedByteArray([1, 2, 3])})
	equal(bad.error.code, "bad_audio")


func test_a_baseline_goes_beside_its_clip() -> void:
	var clip := FileAccess.get_file_as_bytes(arguments.clip)
	var alone := await client.say("Hm.", {"clip": clip, "intensity": 1})
	var beside := await client.say("Hm.", {"clip": clip, "baseline": clip, "intensity": 1})
	equal(beside.error, null)
	check(beside.audio != alone.audio, "the baseline changed nothing")
	equal((await client.say("Hm.", {"baseline": clip})).error.field, "baseline")
	equal((await client.say("Hm.", {"clip": clip, "baseline": PackedByteArray([1])})).error.field, "baseline")
	equal((await client.say("Hm.", {"clip": clip, "baseline": true})).error.field, "baseline")


func test_manner_and_loudness_change_the_line() -> void:
	var plain := await client.say("Hm.", {"speaker": "am_michael"})
	for fields: Dictionary in [{"manner": "af_heart"}, {"manner": {"af_heart": 1.0}}, {"loudness": -40}]:
		var line := await client.say("Hm.", fields.merged({"speaker": "am_michael"}))
		equal(line.error, null)
		check(line.audio != plain.audio, "%s changed nothing" % fields)
	equal((await client.say("Hm.", {"manner": "nobody"})).error.field, "manner")
	equal((await client.say("Hm.", {"loudness": "loud"})).error.field, "loudness")
	var stream := client.stream("Hm.", {"loudness": -40})
	equal((await stream.next()).error.code, "unsupported")


func test_a_wrong_field_is_named_before_anything_is_sent() -> void:
	var line := await client.say("Hm.", {"emotoin": "angry"})
	equal(line.error.code, "bad_request")
	equal(line.error.field, "emotoin")
	check("'emotion'" in line.error.message, line.error.message)
	for wrong: Dictionary in [{"speed": "fast"}, {"seed": 1.5}, {"clip": "a"}, {"timings": 3}, {"speaker": [1, "a"]}]:
		var refused := await client.say("Hm.", wrong)
		equal(refused.error.field, wrong.keys()[0])


func test_what_the_sidecar_refuses_says_which_field_and_what_would_do() -> void:
	var cases := {
		"unknown_speaker": {"speaker": "am_micheal"}, "unknown_emotion": {"emotion": "angri"},
		"bad_request": {"speed": 9.0}, "unknown_model": {"model": "nobody"},
	}
	for code: String in cases:
		var line := await client.say("Hm.", cases[code])
		equal(line.error.code, code)
		equal(line.error.field, cases[code].keys()[0])
		equal(line.audio.size(), 0)
	check("am_michael" in (await client.say("Hm.", {"speaker": "am_micheal"})).error.message, "no nearest name")
	equal((await client.say("")).error.code, "empty_text")
	equal((await client.say("a ".repeat(1500))).error.code, "text_too_long")


func test_a_wrong_option_fails_every_request_by_its_name() -> void:
	var wrong := Client.new({"timeout": 3})
	equal((await wrong.ping()).error.field, "timeout")
	check("timeout_s" in (await wrong.say("Hm.")).error.message, "no nearest name")
	equal((await Client.new({"attempts": 0}).ping()).error.field, "attempts")


func test_a_stream_is_the_line() -> void:
	var whole := await client.say(LONG, GUARD)
	var stream := client.stream(LONG, GUARD)
	var audio := PackedByteArray()
	var visemes := []
	var count := 0
	while stream.has_more():
		var chunk := await stream.next()
		equal(chunk.error, null)
		equal(chunk.index, count)
		equal(chunk.blocks.reduce(func(sum: int, block: PackedVector2Array) -> int: return sum + block.size(), 0), chunk.frames)
		near(chunk.blocks[0][99].x, chunk.audio.decode_s16(198) / 32768.0, 1e-6)
		audio.append_array(chunk.audio)
		visemes.append_array(chunk.visemes)
		count += 1
	check(count > 1, "%d chunks" % count)
	equal(audio, whole.audio)
	equal(visemes, whole.visemes)


func test_leaving_a_stream_early_ends_it() -> void:
	var stream := client.stream(LONG.repeat(3), GUARD)
	await stream.next()
	equal((await client.stats()).data.lines_running, 1)
	stream.close()
	equal(stream.has_more(), false)
	check(await _none_left(), "the sidecar works on")


## Whether the sidecar has nothing to speak, soon.
func _none_left() -> bool:
	for _try in 100:
		var stats := await client.stats()
		if stats.data.lines_waiting == 0 and stats.data.lines_running == 0:
			return true
		await sleep(0.05)
	return false


func test_a_cancelled_line_fails_at_once_and_the_sidecar_stops() -> void:
	var line := _later(client.say.bind(LONG.repeat(9), {"id": "tale"}))
	await sleep(0.3)
	var began := Time.get_ticks_msec()
	equal((await client.cancel("tale")).data.cancelled, true)
	await wait_for(func() -> bool: return not line.is_empty(), 2)
	equal(line[0].error.code, "cancelled")
	check(Time.get_ticks_msec() - began < 1000, "it took too long")
	check(await _none_left(), "the sidecar works on")
	equal((await client.cancel("tale")).data.cancelled, false)


## A list that holds what the call returns, once it has.
func _later(ask: Callable) -> Array:
	var answers := []
	var wait := func() -> void: answers.append(await ask.call())
	wait.call()
	return answers


func test_a_bark_does_not_wait_behind_monologues() -> void:
	var monologues := range(6).map(
		func(n: int) -> Array: return _later(client.say.bind("%d. %s" % [n, LONG.repeat(4)], {"id": "m%d" % n}))
	)
	await sleep(0.2)
	var bark := await client.say("Duck!", {"priority": "bark"})
	equal(bark.error, null)
	equal(monologues.filter(func(answers: Array) -> bool: return not answers.is_empty()).size(), 0)
	for n in 6:
		client.cancel("m%d" % n)
	await wait_for(func() -> bool: return monologues.all(func(answers: Array) -> bool: return not answers.is_empty()))
	for answers: Array in monologues:
		equal(answers[0].error.code, "cancelled")


func test_the_same_id_and_session_is_answered_from_the_first_and_not_spoken_twice() -> void:
	var fields := {"id": client.new_id(), "session": "npc-7", "seed": 5}
	var first := await client.say("Only once.", fields)
	var before := await client.stats()
	var second := await client.say("Only once.", fields)
	equal(second.audio, first.audio)
	equal((await client.stats()).data.audio_s, before.data.audio_s)
	equal((await client.say("Another.", fields)).error.code, "bad_request")


func test_speakers_emotions_models_and_figures_are_told() -> void:
	var speakers := await client.speakers()
	check(speakers.data.speakers.size() >= 54 and speakers.data.default is String, "speakers")
	equal((await client.emotions()).data.emotions.size() >= 13, true)
	var models := await client.models()
	equal(models.data.models[0].state, "live")
	equal((await client.rescan()).error, null)
	equal((await client.ping()).error, null)
	check((await client.stats()).data.requests.synthesize > 1, "stats")


func test_models_are_commanded() -> void:
	var live: Dictionary = (await client.models()).data.models[0]
	equal((await client.activate("%s@%s" % [live.name, live.version])).error, null)
	equal((await client.activate(live.name)).error, null)
	equal((await client.models()).data.models[0].state, "live")
	equal((await client.rollback("nobody")).error.code, "unknown_model")
	equal((await client.remove("nobody")).error.code, "unknown_model")
	equal((await client.canary("nobody@1.0.0", 0.5)).error.code, "unknown_model")


func test_events_are_heard() -> void:
	var heard := []
	client.event.connect(func(topic: String, data: Dictionary) -> void: heard.append([topic, data]))
	client.subscribe("line.")
	var is_mine := func(item: Array) -> bool: return item[0] == "line.done" and item[1].get("session") == "ears"
	for n in 50:
		await client.say("Hm.", {"session": "ears"})
		if heard.any(is_mine):
			break
	await sleep(0.2)
	check(heard.any(is_mine), "heard %d others" % heard.size())


func test_lines_of_200_kb_come_whole() -> void:
	var text := "This is a long line, told at length, so that the sound of it is more than two hundred kilobytes."
	var line := await client.say(text, {"speed": 0.75, "sample_rate": 48000})
	check(line.audio.size() > 200000, "%d bytes" % line.audio.size())
	var wav := line.to_audio_stream() as AudioStreamWAV
	near(wav.get_length(), line.duration_s, 0.001)
	equal(wav.data.size(), line.audio.size())
	equal((await client.say(text, {"speed": 0.75, "sample_rate": 48000})).audio, line.audio)


func test_a_closed_client_says_so() -> void:
	var other := Client.new({"connection_file": arguments.file})
	equal((await other.ping()).error, null)
	var line := _later(other.say.bind(LONG.repeat(5)))
	other.close()
	await process_frame
	equal(line[0].error.code, "cancelled")
	equal((await other.ping()).error.code, "cancelled")
	other.close()
