@tool
extends VBoxContainer
## Auditions a line in the editor. The first press connects to the sidecar, or starts one that ends with the editor.

const Client := preload("core/client.gd")
const Settings := preload("settings.gd")

var text := TextEdit.new()
var speaker := OptionButton.new()
var emotion := OptionButton.new()
var intensity := HSlider.new()
var play := Button.new()
var status := Label.new()
var player := AudioStreamPlayer.new()
var options := Settings.client_options()
var _client: Client


func _init() -> void:
	text.placeholder_text = "A line to hear"
	text.text = "Halt! Who goes there?"
	text.custom_minimum_size.y = 80
	text.wrap_mode = TextEdit.LINE_WRAPPING_BOUNDARY
	intensity.max_value = 1.0
	intensity.step = 0.05
	intensity.value = 0.5
	intensity.tooltip_text = "How strong the emotion is"
	play.text = "Connect"
	play.pressed.connect(_on_pressed)
	status.autowrap_mode = TextServer.AUTOWRAP_WORD_SMART
	for control: Node in [text, speaker, emotion, intensity, play, status, player]:
		add_child(control)


func _exit_tree() -> void:
	if _client:
		_client.close()
	_client = null


func _on_pressed() -> void:
	play.disabled = true
	if _client == null or speaker.item_count == 0:
		await _connect()
	else:
		await _audition()
	play.disabled = false


## Find the sidecar, and ask who can speak and how.
func _connect() -> void:
	status.text = "Looking for the sidecar…"
	if _client == null:
		_client = Client.new(options)
	var speakers := await _client.speakers()
	var emotions := await _client.emotions()
	var error := speakers.error if speakers.error else emotions.error
	if error:
		status.text = error.message
		return
	_fill(speaker, speakers.data.speakers, speakers.data.default)
	_fill(emotion, emotions.data.emotions, "neutral")
	play.text = "Speak"
	status.text = "%d speakers" % speaker.item_count


func _fill(button: OptionButton, rows: Array, chosen: String) -> void:
	button.clear()
	for row: Dictionary in rows:
		button.add_item(row.name)
		if row.name == chosen:
			button.select(button.item_count - 1)


func _audition() -> void:
	status.text = "…"
	var line := await _client.say(text.text, {
		"speaker": speaker.get_item_text(speaker.selected),
		"emotion": emotion.get_item_text(emotion.selected),
		"intensity": intensity.value,
	})
	if line.error:
		status.text = line.error.message
		return
	player.stream = line.to_audio_stream()
	player.play()
	status.text = "%.1f s, spoken in %d ms" % [line.duration_s, roundi(line.timing.total_ms)]
