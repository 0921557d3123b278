@tool
extends RefCounted
## The project settings under `npc_voice/`: the options of the game's client.

## Name -> default. They mean what they mean in `core/options.gd`.
static var defaults := {
	"start": true,
	"command": PackedStringArray(["npc-voice"]),
	"arguments": PackedStringArray(),
	"connection_file": "",
	"connections": 4,
	"timeout_s": 10.0,
}
const PREFIX := "npc_voice/"


## For the editor: show them with their defaults.
static func declare() -> void:
	for name: String in defaults:
		if not ProjectSettings.has_setting(PREFIX + name):
			ProjectSettings.set_setting(PREFIX + name, defaults[name])
		ProjectSettings.set_initial_value(PREFIX + name, defaults[name])
		ProjectSettings.set_as_basic(PREFIX + name, true)


static func client_options() -> Dictionary:
	var options := {}
	for name: String in defaults:
		options[name] = ProjectSettings.get_setting(PREFIX + name, defaults[name])
	return options
