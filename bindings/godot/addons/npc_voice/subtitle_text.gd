@tool
extends RefCounted
## A line as people read it, and how long they need.

const LEAST_S := 1.5
const CHARACTER_S := 0.06
const HAN_S := 0.25  ## A Chinese character says more.
const FIRST_HAN := 0x4e00
const LAST_HAN := 0x9fff


## Without the phonemes in `[[word|phonemes]]` and the stars of stress.
static func plain(text: String) -> String:
	var marked := RegEx.create_from_string("\\[\\[([^|\\]]*)\\|[^\\]]*\\]\\]")
	var starred := RegEx.create_from_string("\\*(\\S(?:[^*]*\\S)?)\\*")
	return starred.sub(marked.sub(text, "$1", true), "$1", true)


static func reading_time_s(text: String) -> float:
	var time_s := 0.0
	for place in text.length():
		var code := text.unicode_at(place)
		time_s += HAN_S if code >= FIRST_HAN and code <= LAST_HAN else CHARACTER_S
	return maxf(LEAST_S, time_s)
