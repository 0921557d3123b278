@tool
class_name NpcVoiceLine
extends "reply.gd"
## Speech, whole or a chunk of a stream. Look at `error` first. Times count from the line's start.

const BLOCK_FRAMES := 4096

var id := ""  ## Of the request.
var audio := PackedByteArray()
var format := ""  ## pcm_s16le, pcm_f32le, wav or ogg.
var sample_rate_hz := 0
var channels := 0
var frames := 0  ## Samples a channel.
var words: Array = []  ## [text, start_s, end_s], where asked for.
var phonemes: Array = []  ## The same.
var visemes: Array = []  ## [start_s, id, weight], where asked for.
var model := {}  ## name, version and sha256 of what spoke.
var timing := {}  ## Where the sidecar's time went, in ms.
var cached := false
var seed_used := 0  ## With it, the same request to the same model gives the same samples.
var stream := ""  ## The handle of a stream that this is a chunk of.
var index := 0  ## Which chunk.
var last := true  ## Whether no chunk comes after it.

## What an AudioStreamGenerator takes, of a chunk in a raw format, in blocks: one large array would take a quarter
## of a millisecond to be freed. Made off the main thread.
var blocks: Array[PackedVector2Array] = []
var _sound: AudioStreamWAV  # of a whole line in a raw format; made there too

var duration_s: float:
	get:
		return float(frames) / sample_rate_hz if sample_rate_hz > 0 else 0.0


## Something that an audio player plays; null for a failed line. Costs nothing for a whole line in a raw format.
func to_audio_stream() -> AudioStream:
	if _sound:
		return _sound
	match format:
		"pcm_s16le":
			return _to_wav(audio)
		"pcm_f32le":
			return _to_wav(_as_s16(audio.to_float32_array()))
		"wav":
			return AudioStreamWAV.load_from_buffer(audio)
		"ogg":
			return AudioStreamOggVorbis.load_from_buffer(audio)
	return null


func _to_wav(samples: PackedByteArray) -> AudioStreamWAV:
	var wav := AudioStreamWAV.new()
	wav.format = AudioStreamWAV.FORMAT_16_BITS
	wav.mix_rate = sample_rate_hz
	wav.stereo = channels == 2
	wav.data = samples
	return wav


## Have ready what will be played: copies all samples, which is for a thread.
func prepare() -> void:
	if not format.begins_with("pcm_"):
		return
	if stream:
		_make_blocks()
	else:
		_sound = to_audio_stream()


## About 45 ns a sample.
func _make_blocks() -> void:
	if channels != 1:
		return
	var floats := audio.to_float32_array() if format == "pcm_f32le" else PackedFloat32Array()
	for first in range(0, frames, BLOCK_FRAMES):
		var block := PackedVector2Array()
		block.resize(mini(BLOCK_FRAMES, frames - first))
		for place in block.size():
			var sample := floats[first + place] if floats else audio.decode_s16(2 * (first + place)) / 32768.0
			block[place] = Vector2.ONE * sample
		blocks.append(block)


static func _as_s16(samples: PackedFloat32Array) -> PackedByteArray:
	var bytes := PackedByteArray()
	bytes.resize(2 * samples.size())
	for place in samples.size():
		bytes.encode_s16(2 * place, clampi(roundi(samples[place] * 32768.0), -32768, 32767))
	return bytes
