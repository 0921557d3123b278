@tool
extends RefCounted
## Help with names that are not known.

const NEAR := 0.5  ## More than so much of a name may not differ.


## The tail of a message about an unknown name: the nearest known one, or a few that exist.
static func did_you_mean(asked: String, known: Array) -> String:
	var nearest := ""
	var least := NEAR
	for name: String in known:
		var apart := float(_edits(asked.left(64).to_lower(), name.to_lower())) / maxi(asked.length(), name.length())
		if apart <= least:
			least = apart
			nearest = name
	if nearest:
		return ": did you mean '%s'?" % nearest
	return ": known are " + ", ".join(PackedStringArray(known))


## How many letters must be put in, left out or changed to make one of the other.
static func _edits(one: String, other: String) -> int:
	var row := range(other.length() + 1)
	for at in one.length():
		var next := [at + 1]
		for place in other.length():
			var change: int = row[place] + int(one[at] != other[place])
			next.append(mini(change, mini(row[place + 1], next[place]) + 1))
		row = next
	return row[-1]


static func are_texts(value: Variant) -> bool:
	if value is PackedStringArray:
		return true
	return value is Array and value.all(func(item: Variant) -> bool: return item is String or item is StringName)
