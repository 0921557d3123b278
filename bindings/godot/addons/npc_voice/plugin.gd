@tool
extends EditorPlugin
## In the editor: the autoload NpcVoice, its project settings, and a dock that auditions lines.

const AUTOLOAD := "NpcVoice"
const Dock := preload("dock.gd")
const Settings := preload("settings.gd")

var _dock: Dock


func _enable_plugin() -> void:
	var folder: String = get_script().resource_path.get_base_dir()
	add_autoload_singleton(AUTOLOAD, folder.path_join("npc_voice.gd"))


func _disable_plugin() -> void:
	remove_autoload_singleton(AUTOLOAD)


func _enter_tree() -> void:
	Settings.declare()
	_dock = Dock.new()
	_dock.name = "NPC Voice"
	add_control_to_dock(DOCK_SLOT_RIGHT_BL, _dock)


func _exit_tree() -> void:
	remove_control_from_docks(_dock)
	_dock.free()
