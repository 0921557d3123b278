@tool
extends RefCounted
## A line as people read it, and how long they need.

const Markup := preload("markup.gd")
const LEAST_S := 1.5
const LETTERS_PER_S := 15.0
const IDEOGRAPHS_PER_S := 6.0
const FIRST_IDEOGRAPH := 0x2e80


## Without markup, pauses, stars of stress and the phonemes in `[[word|phonemes]]`.
static func plain(text: String) -> String:
	return Markup.plain(text)


static func reading_time_s(text: String) -> float:
	var read := plain(text)
	var ideographs := 0
	for place in read.length():
		ideographs += int(read.unicode_at(place) >= FIRST_IDEOGRAPH)
	return maxf(LEAST_S, ideographs / IDEOGRAPHS_PER_S + (read.length() - ideographs) / LETTERS_PER_S)
