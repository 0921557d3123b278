@tool
extends Node
## The autoload `NpcVoice`: one client for the whole game, set up in the project settings under `npc_voice/`.
##
##     var line := await NpcVoice.say("Halt! Who goes there?", {"speaker": "am_michael"})
##     $AudioStreamPlayer.stream = line.to_audio_stream()
##     $AudioStreamPlayer.play()

## Told when it is noticed first and when it changes: whether there is a sidecar.
signal reached(is_there: bool)
## After `subscribe`: see docs/PROTOCOL.md for topics and their fields.
signal event(topic: String, data: Dictionary)

const Client := preload("core/client.gd")
const Line := preload("core/line.gd")
const Reply := preload("core/reply.gd")
const Settings := preload("settings.gd")
const Stream := preload("core/stream.gd")

var client: Client
var is_there := false  ## Whether a sidecar has answered and has not been missed since.
var _told := false


func _ready() -> void:
	process_mode = Node.PROCESS_MODE_ALWAYS
	open(Settings.client_options())
	_greet()


func _exit_tree() -> void:
	client.close()


## Start over with other options, those of `core/options.gd`.
func open(options: Dictionary) -> void:
	if client:
		client.close()
	client = Client.new(options)
	client.reached.connect(_on_reached)
	client.event.connect(event.emit)
	is_there = false


## See NpcVoiceClient for what these do.
func say(text: String, fields := {}) -> Line:
	return await client.say(text, fields)


func stream(text: String, fields := {}) -> Stream:
	return client.stream(text, fields)


func cancel(target: String, session := "") -> Reply:
	return await client.cancel(target, session)


func hello() -> Reply:
	return await client.hello()


func ping() -> Reply:
	return await client.ping()


func speakers() -> Reply:
	return await client.speakers()


func emotions() -> Reply:
	return await client.emotions()


func models() -> Reply:
	return await client.models()


func activate(model: String) -> Reply:
	return await client.activate(model)


func rollback(model: String) -> Reply:
	return await client.rollback(model)


func remove(model: String) -> Reply:
	return await client.remove(model)


func canary(model: String, share: float) -> Reply:
	return await client.canary(model, share)


func rescan() -> Reply:
	return await client.rescan()


func stats() -> Reply:
	return await client.stats()


func shutdown() -> Reply:
	return await client.shutdown()


func subscribe(topic := "") -> void:
	client.subscribe(topic)


## An id that no other request has.
func new_id() -> String:
	return client.new_id()


## Have lines spoken ahead that will be wanted soon, with the same fields; they wait in the sidecar's cache.
func prefetch(texts: Array, fields := {}) -> void:
	for text: String in texts:
		say(text, fields.merged({"priority": "ambient"}, true))


## A sidecar that is to be started starts now, not with the first line.
func _greet() -> void:
	client.ping()


func _on_reached(now: bool) -> void:
	is_there = now
	reached.emit(now)
	if not now and not _told:
		_told = true
		print("NPC Voice: no sidecar is running yet; lines are shown as text while there is none")
