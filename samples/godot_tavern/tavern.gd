extends Node3D
## Three people talk in a tavern. A makes everyone angry, S swaps the voice pack while they talk.
##
## With `-- --ci` it presses the keys itself, looks at what came of it, and ends with 0 or 1, after two minutes at the latest.

const DIALOGUE := "res://dialogue.csv"
const Rehearsal := preload("res://rehearsal.gd")

@onready var npcs: Array[Node] = [$Mara, $Holt, $Nettle]


func _ready() -> void:
	_deal_lines()
	NpcVoice.reached.connect(func(is_there: bool) -> void: _tell("" if is_there else "No sidecar: text only."))
	NpcVoice.event.connect(_on_event)
	NpcVoice.subscribe("model.")
	if "--ci" in OS.get_cmdline_user_args():
		add_child(Rehearsal.new())
	_converse()


func _deal_lines() -> void:
	var file := FileAccess.open(DIALOGUE, FileAccess.READ)
	var columns := file.get_csv_line()
	while not file.eof_reached():
		var row := file.get_csv_line()
		for npc: Node in npcs:
			if row.size() == columns.size() and row[columns.find("speaker")] == npc.character:
				npc.lines.append({"mood": row[columns.find("mood")], "text": row[columns.find("text")]})


## One after the other, for ever. While one speaks, the next one's line is made ready.
func _converse() -> void:
	var turn := 0
	while npcs.all(func(npc: Node) -> bool: return npc.is_inside_tree()):
		npcs[(turn + 1) % npcs.size()].prepare()
		await npcs[turn % npcs.size()].speak()
		turn += 1


func _unhandled_key_input(event: InputEvent) -> void:
	if not event.is_pressed() or event.is_echo():
		return
	match (event as InputEventKey).keycode:
		KEY_A:
			for npc: Node in npcs:
				npc.is_angry = not npc.is_angry
		KEY_S:
			_swap()
		KEY_ESCAPE:
			get_tree().quit()


## Let another version of the live voice speak from the next line on.
func _swap() -> void:
	var reply := await NpcVoice.models()
	var models: Array = reply.data.get("models", [])
	var live := models.filter(func(row: Dictionary) -> bool: return row.state == "live")
	var others := models.filter(
		func(row: Dictionary) -> bool:
			return not live.is_empty() and row.name == live[0].name and row.state == "ready"
	)
	if others.is_empty():
		_tell("There is one version of the voice only: drop another pack into the models folder.")
		return
	_tell("Loading %s %s…" % [others[0].name, others[0].version])
	await NpcVoice.activate("%s@%s" % [others[0].name, others[0].version])


func _on_event(topic: String, data: Dictionary) -> void:
	if topic == "model.live":
		_tell("%s %s speaks." % [data.name, data.to])
	elif topic == "model.rejected":
		_tell("%s was refused: %s" % [data.source, data.detail])


func _tell(news: String) -> void:
	$News.text = news
