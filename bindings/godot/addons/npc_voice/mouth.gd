@tool
extends RefCounted
## The mouth while one line is spoken: which shapes it has at which time. Time runs forward. Looking at it makes
## nothing new.

## The shapes of Oculus Lipsync, by id.
const SHAPES: Array[String] = [
	"sil", "PP", "FF", "TH", "DD", "kk", "CH", "SS", "nn", "RR", "aa", "E", "ih", "oh", "ou",
]
const BLEND_S := 0.06  ## A state gives way to the next over so long, or over its last half if that is shorter.

var weights := PackedFloat32Array()  ## Now, by id; all 0 is the neutral face.
var state := -1  ## The state reached last; -1 before the first.
var _starts_s := PackedFloat64Array()
var _of_states := PackedFloat32Array()  # SHAPES.size() a state
var _end_s := 0.0


func _init() -> void:
	weights.resize(SHAPES.size())


## More rows [start_s, id, weight], in order; the last state holds to `end_s`.
func add(rows: Array, end_s: float) -> void:
	for row: Array in rows:
		if _starts_s.is_empty() or row[0] > _starts_s[-1]:
			_starts_s.append(row[0])
			_of_states.resize(_of_states.size() + SHAPES.size())
		_of_states[(_starts_s.size() - 1) * SHAPES.size() + row[1]] = row[2]
	_end_s = maxf(_end_s, end_s)


func state_count() -> int:
	return _starts_s.size()


func start_s(which: int) -> float:
	return _starts_s[which]


func weight(which: int, id: int) -> float:
	return _of_states[which * SHAPES.size() + id]


## Look at the mouth at `time_s`: sets `state` and `weights`.
func move_to(time_s: float) -> void:
	while state + 1 < _starts_s.size() and _starts_s[state + 1] <= time_s:
		state += 1
	if state < 0 or time_s >= _end_s:
		weights.fill(0.0)
		return
	var part := _part_of_next(time_s)
	var here := state * SHAPES.size()
	for id in SHAPES.size():
		var now := _of_states[here + id]
		weights[id] = now if part <= 0.0 else lerpf(now, _of_states[here + SHAPES.size() + id], part)


## How far the next state has come in, 0 to 1.
func _part_of_next(time_s: float) -> float:
	if state + 1 >= _starts_s.size():
		return 0.0
	var until_s := _starts_s[state + 1]
	var blend_s := minf(BLEND_S, (until_s - _starts_s[state]) / 2.0)
	return (time_s - (until_s - blend_s)) / blend_s
