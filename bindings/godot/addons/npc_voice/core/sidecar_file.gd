@tool
extends RefCounted
## The connection file of a running sidecar: where it listens, and the token to send. Only a connection tells
## whether it is there: its process's number says nothing to a game in another world, as under Wine or Proton.

const MOST_BYTES := 65536
const WINES_ROOT := "Z:"

var problem := ""  ## Why no sidecar can be reached by it; empty when one may.
var token := ""
var host := ""
var port := 0
var events_host := ""
var events_port := 0
var _text := ""


## Where the sidecar writes it unless told otherwise: in `NPC_VOICE_HOME`, or the platform's folder for user
## data.
static func default_path() -> String:
	var home := local_path(OS.get_environment("NPC_VOICE_HOME"))
	if not home:
		home = _user_data().path_join("npc-voice")
	return home.path_join("connection.json")


## The path as this system calls it: Wine and Proton show a game for Windows the whole of Linux as drive Z:.
static func local_path(path: String) -> String:
	var slashed := path.replace("\\", "/")
	if OS.get_name() == "Windows":
		var is_of_unix := slashed.begins_with("/") and not slashed.begins_with("//")
		return WINES_ROOT + slashed if is_of_unix and FileAccess.file_exists(WINES_ROOT + "/etc/passwd") else path
	return slashed.substr(2) if slashed.to_upper().begins_with(WINES_ROOT + "/") else path


## Whether only Wine knows what is meant: a drive that is no drive here.
static func is_of_windows(path: String) -> bool:
	var drive := path.left(1).to_upper()
	return OS.get_name() != "Windows" and drive >= "A" and drive <= "Z" and path.substr(1, 2) in [":\\", ":/"]


static func _user_data() -> String:
	match OS.get_name():
		"Windows":
			return OS.get_environment("LOCALAPPDATA").replace("\\", "/")
		"macOS":
			return OS.get_environment("HOME").path_join("Library/Application Support")
	var data := OS.get_environment("XDG_DATA_HOME")
	return data if data else OS.get_environment("HOME").path_join(".local/share")


## What the file says now. Cheap enough to be asked again and again.
static func look(path: String) -> SidecarFile:
	var found := SidecarFile.new()
	found._read(path)
	return found


## Whether another look has found the same sidecar.
func is_same(other: SidecarFile) -> bool:
	return not other.problem and other._text == _text


func _read(path: String) -> void:
	if not FileAccess.file_exists(path):
		problem = "there is no " + path
		return
	var file := FileAccess.open(path, FileAccess.READ)
	if file == null:
		problem = "%s cannot be read: %s" % [path, error_string(FileAccess.get_open_error())]
		return
	var bytes := file.get_buffer(MOST_BYTES)
	var json := JSON.new()
	_text = bytes.get_string_from_ascii()
	if json.parse(_text) != OK or not json.data is Dictionary:
		problem = path + " is not a connection file"
		return
	_take(json.data, path)


func _take(map: Dictionary, path: String) -> void:
	var commands := _endpoint(map.get("commands"))
	var events := _endpoint(map.get("events"))
	if commands.is_empty() or events.is_empty() or not map.get("token") is String:
		problem = path + " is not a connection file: commands, events or token is missing or no loopback address"
		return
	host = commands[0]
	port = commands[1]
	events_host = events[0]
	events_port = events[1]
	token = map.token
	if map.get("server_key") != null:
		problem = "the sidecar wants CURVE keys: start one on this machine without --keys"
	elif map.get("protocol", 1) != 1:
		problem = "the sidecar speaks protocol %s, this addon 1" % map.protocol


## Host and port of `tcp://127.0.0.1:PORT`; empty for anything else.
static func _endpoint(value: Variant) -> Array:
	if not value is String or not value.begins_with("tcp://"):
		return []
	var at: int = value.rfind(":")
	var its_host: String = value.substr(6, at - 6).trim_prefix("[").trim_suffix("]")
	var its_port: int = value.substr(at + 1).to_int()
	var is_loopback := its_host == "::1" or its_host.begins_with("127.") and its_host.is_valid_ip_address()
	return [its_host, its_port] if is_loopback and its_port > 0 and its_port < 65536 else []


const SidecarFile := preload("sidecar_file.gd")
