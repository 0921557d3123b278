@tool
extends RefCounted
## Help with names that are not known.

const NEAR := 0.4  ## Of 1, by String.similarity.


## The tail of a message about an unknown name: the nearest known one, or a few that exist.
static func did_you_mean(asked: String, known: Array) -> String:
	var nearest := ""
	var best := NEAR
	for name: String in known:
		var likeness := asked.left(64).to_lower().similarity(name.to_lower())
		if likeness >= best:
			best = likeness
			nearest = name
	if nearest:
		return ": did you mean '%s'?" % nearest
	return ": known are " + ", ".join(PackedStringArray(known))


static func are_texts(value: Variant) -> bool:
	if value is PackedStringArray:
		return true
	return value is Array and value.all(func(item: Variant) -> bool: return item is String or item is StringName)
