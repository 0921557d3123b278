@tool
extends RefCounted
## What NpcSpeaker, NpcSpeaker2D and NpcSpeaker3D have in common: a queue of lines, the voice that speaks them, and
## the audio player, which is the node itself, that plays them.

enum Policy {
	QUEUE,  ## A new line waits for those before it.
	INTERRUPT,  ## A new line ends those before it.
	DROP,  ## A new line is not spoken while another is.
}

const FEED_FRAMES := 4096  ## At most so many go into the generator a frame of the game.
const BUFFER_S := 0.5
const Failure := preload("core/error.gd")
const Line := preload("core/line.gd")
const LineFields := preload("core/line_fields.gd")
const Mouth := preload("mouth.gd")
const SubtitleText := preload("subtitle_text.gd")
const Utterance := preload("utterance.gd")

var _node: Node  # an AudioStreamPlayer, 2D or 3D, with the properties of NpcSpeaker
var _queue: Array[Utterance] = []
var _current: Utterance
var _faces: PackedInt32Array  # the mesh's blend shape of each viseme; -1: none
var _mesh: MeshInstance3D

# Of the line that sounds.
var _began := false
var _text_until_msec := 0  # a line without a voice is shown until then; 0: it has a voice
var _delay_s := 0.0
var _word := 0
var _time_s := 0.0
var _generator: AudioStreamGeneratorPlayback
var _room := 0  # frames the empty generator takes
var _pushed := 0
var _chunk := 0
var _chunk_at := 0


func _init(node: Node) -> void:
	_node = node


func is_busy() -> bool:
	return _current != null


func weights() -> PackedFloat32Array:
	return _current.mouth.weights if _current else PackedFloat32Array()


## What is wrong with a speaker's set-up, for the editor.
static func warnings(node: Node) -> PackedStringArray:
	var all := PackedStringArray()
	if node.cast:
		var problem: String = node.cast.problem_of(node.character)
		if problem:
			all.append(problem)
		all.append_array(node.cast.problems())
	elif node.character:
		all.append("'%s' is a character of no cast: set a cast, or the speaker itself." % node.character)
	if not node.cast and not node.speaker:
		all.append("No speaker and no cast: the line is spoken by the model's own voice.")
	if node.mesh:
		all.append_array(_mesh_warnings(node))
	return all


static func _mesh_warnings(node: Node) -> PackedStringArray:
	var its_mesh := node.get_node_or_null(node.mesh) as MeshInstance3D
	if its_mesh == null:
		return ["The mesh is not a MeshInstance3D."]
	for shape: String in Mouth.SHAPES:
		if its_mesh.find_blend_shape_by_name(blend_shape_of(node, shape)) >= 0:
			return []
	return ["The mesh has none of the blend shapes: name them in Blend Shapes, or call them viseme_aa and so on."]


static func blend_shape_of(node: Node, shape: String) -> String:
	return node.blend_shapes.get(shape, "viseme_" + shape)


## Have lines spoken ahead, as they would be spoken here now.
func prefetch(texts: Array, fields: Dictionary) -> void:
	var voice: Object = _node.voice_or_default()
	if voice == null:
		return
	for text: String in texts:
		voice.say(_pronounced(text), _fields(fields.merged({"priority": "ambient"}, true)))


## Speak, as the policy has it. The utterance's `over` is emitted once, with what went wrong or null.
func say(text: String, fields: Dictionary) -> Utterance:
	var all := _fields(fields)
	var utterance := Utterance.new(text, all, _is_long(text) and not LineFields.are_whole(all))
	if not _node.is_inside_tree():
		utterance.end(Failure.new(Failure.CANCELLED, "%s is not in a scene" % _node.name))
		return utterance
	if _current and _node.policy == Policy.DROP:
		utterance.end(Failure.new(Failure.CANCELLED, "%s is speaking already" % _node.name))
		return utterance
	if _node.policy == Policy.INTERRUPT:
		stop()
	_queue.append(utterance)
	_take_next()
	_ask_ahead()
	return utterance


## End the line that sounds and those that wait.
func stop() -> void:
	var waiting := _queue.duplicate()
	_queue.clear()
	if _current:
		waiting.push_front(_current)
		_end_playing()
	for utterance: Utterance in waiting:
		_cancel(utterance)
	_node.set_process(false)


## Once a frame while there is something to say.
func step() -> void:
	if _current == null:
		_take_next()
	elif _text_until_msec:
		if Time.get_ticks_msec() >= _text_until_msec:
			_finish(null)
	elif _began:
		_play_on()
	elif not _current.chunks.is_empty():
		_begin()
	elif _current.error and not _is_without_voice(_current.error):
		_finish(_current.error)
	elif _current.error or Time.get_ticks_msec() - _current.asked_msec > _node.patience_s * 1000:
		_show_as_text()


func _is_long(text: String) -> bool:
	return _node.stream_from > 0 and text.length() >= _node.stream_from


static func _is_without_voice(error: Failure) -> bool:
	return error.code == Failure.NO_SIDECAR or error.code == Failure.TIMED_OUT


## What the node, its cast and the caller say of a line; the later wins.
func _fields(given: Dictionary) -> Dictionary:
	var fields := {}
	if _node.cast:
		fields.merge(_node.cast.fields_of(_node.character))
	for name: String in ["speaker", "emotion"]:
		if _node.get(name):
			fields[name] = _node.get(name)
	if _node.emotion:
		fields["intensity"] = _node.intensity
	if _node.speed != 1.0:
		fields["speed"] = _node.speed
	if _node.pitch != 0.0:
		fields["pitch"] = _node.pitch
	fields["priority"] = _node.priority
	fields.merge(given, true)
	fields["timings"] = ["words", "visemes"]
	fields["format"] = "pcm_s16le"
	return fields


## The current line and the one after it are asked for, so that there is no gap.
func _ask_ahead() -> void:
	if _current and not _current.is_asked:
		_ask(_current)
	if not _queue.is_empty() and not _queue[0].is_asked:
		_ask(_queue[0])


func _ask(utterance: Utterance) -> void:
	utterance.is_asked = true
	utterance.asked_msec = Time.get_ticks_msec()
	var voice: Object = _node.voice_or_default()
	if voice == null:
		utterance.error = Failure.new(Failure.NO_SIDECAR, "there is no NpcVoice autoload: enable the plugin")
		return
	var text := _pronounced(utterance.text)
	if utterance.is_streamed:
		utterance.stream = voice.stream(text, utterance.fields)
		_pull(utterance)
	else:
		utterance.id = voice.new_id()
		utterance.fields["id"] = utterance.id
		utterance.add(await voice.say(text, utterance.fields))


func _pronounced(text: String) -> String:
	return _node.cast.pronounced(text) if _node.cast else text


func _pull(utterance: Utterance) -> void:
	while utterance.stream.has_more():
		utterance.add(await utterance.stream.next())


func _cancel(utterance: Utterance) -> void:
	if utterance.stream:
		utterance.stream.close()
	elif utterance.id and not utterance.is_whole and utterance.error == null:
		var voice: Object = _node.voice_or_default()
		if voice:
			voice.cancel(utterance.id)
	utterance.end(Failure.new(Failure.CANCELLED, "the line was interrupted"))


func _take_next() -> void:
	if _current == null and not _queue.is_empty():
		_current = _queue.pop_front()
		_began = false
		_text_until_msec = 0
		_word = 0
		_time_s = 0.0
		_node.set_process(true)
	if _current == null:
		_node.set_process(false)


func _begin() -> void:
	_began = true
	_delay_s = AudioServer.get_output_latency()
	_find_faces()
	_generator = null
	if _current.is_streamed:
		_begin_generator()
	else:
		_node.stream = _current.chunks[0].to_audio_stream()
		_node.play()
	var plain := SubtitleText.plain(_current.text)
	_tell_start(plain, _current.duration_s if _current.is_whole else SubtitleText.reading_time_s(plain))


## Whoever hears a signal may end the line or free the speaker.
func _tell_start(plain: String, time_s: float) -> void:
	var utterance := _current
	_node.line_started.emit(plain)
	if not utterance.is_over:
		_node.subtitle.emit(plain, time_s)


func _begin_generator() -> void:
	var generator := AudioStreamGenerator.new()
	generator.mix_rate = _current.chunks[0].sample_rate_hz
	generator.buffer_length = BUFFER_S
	_node.stream = generator
	_node.play()
	_generator = _node.get_stream_playback()
	_room = _generator.get_frames_available()
	_pushed = 0
	_chunk = 0
	_chunk_at = 0
	_feed()


## Put what has come into the generator, as far as it goes in.
func _feed() -> void:
	var left := FEED_FRAMES
	while left > 0 and _chunk < _current.chunks.size():
		var chunk := _current.chunks[_chunk]
		if _chunk_at == chunk.frames:
			_chunk += 1
			_chunk_at = 0
			continue
		var from := _chunk_at % Line.BLOCK_FRAMES
		var at := (_chunk_at - from) / Line.BLOCK_FRAMES
		var block := chunk.blocks[at]
		var count := mini(mini(left, block.size() - from), _generator.get_frames_available())
		if count <= 0:
			break
		_generator.push_buffer(block.slice(from, from + count))
		if from + count == block.size():
			chunk.blocks[at] = PackedVector2Array()  # freed bit by bit, which no frame notices
		_chunk_at += count
		_pushed += count
		left -= count


func _play_on() -> void:
	if _generator:
		_feed()
	var utterance := _current
	_time_s = maxf(_time_s, _heard_s())
	var is_played := _is_played()
	_tell(utterance, utterance.duration_s if is_played else _time_s)
	if is_played and not utterance.is_over:
		_finish(utterance.error)


## How much of the line has been heard.
func _heard_s() -> float:
	var mixed_s: float = _node.get_playback_position()
	if _generator:
		mixed_s = float(_pushed - (_room - _generator.get_frames_available())) / _current.chunks[0].sample_rate_hz
	return maxf(0.0, mixed_s + AudioServer.get_time_since_last_mix() - _delay_s)


func _is_played() -> bool:
	if not _generator:
		return not _node.playing
	if not _node.playing:
		return true
	var is_pushed := _chunk >= _current.chunks.size() and (_current.is_whole or _current.error != null)
	return is_pushed and _generator.get_frames_available() >= _room


## Words and mouth shapes up to `time_s`.
func _tell(utterance: Utterance, time_s: float) -> void:
	while not utterance.is_over and _word < utterance.words.size() and utterance.words[_word][1] <= time_s:
		_word += 1
		_node.word.emit(utterance.words[_word - 1][0])
	if utterance.is_over:
		return
	var mouth := utterance.mouth
	var before := mouth.state
	mouth.move_to(time_s)
	_show_mouth(mouth.weights)
	for state in range(before + 1, mouth.state + 1):
		for id in Mouth.SHAPES.size():
			if mouth.weight(state, id) > 0.0 and not utterance.is_over:
				_node.viseme.emit(id, mouth.weight(state, id))


## No voice: the line is shown for as long as people need to read it.
func _show_as_text() -> void:
	_drop_request(_current)
	var plain := SubtitleText.plain(_current.text)
	var time_s := SubtitleText.reading_time_s(plain)
	_text_until_msec = Time.get_ticks_msec() + int(time_s * 1000)
	_tell_start(plain, time_s)


## It took too long; what comes of it now is not wanted.
func _drop_request(utterance: Utterance) -> void:
	if utterance.stream:
		utterance.stream.close()
	elif utterance.id and utterance.error == null:
		_node.voice_or_default().cancel(utterance.id)


func _finish(error: Failure) -> void:
	var utterance := _current
	_end_playing()
	_take_next()
	_ask_ahead()
	if error:
		_node.line_failed.emit(error)
	else:
		_node.line_finished.emit()
	utterance.end(error)


func _end_playing() -> void:
	_current = null
	_generator = null
	_node.stop_player()
	_close_mouth()


func _find_faces() -> void:
	_mesh = _node.get_node_or_null(_node.mesh) as MeshInstance3D if _node.mesh else null
	_faces = PackedInt32Array()
	if _mesh == null:
		return
	for shape: String in Mouth.SHAPES:
		_faces.append(_mesh.find_blend_shape_by_name(blend_shape_of(_node, shape)))


func _show_mouth(its_weights: PackedFloat32Array) -> void:
	for id in _faces.size():
		if _faces[id] >= 0:
			_mesh.set_blend_shape_value(_faces[id], its_weights[id])


func _close_mouth() -> void:
	for face in _faces:
		if face >= 0:
			_mesh.set_blend_shape_value(face, 0.0)
	_faces = PackedInt32Array()
