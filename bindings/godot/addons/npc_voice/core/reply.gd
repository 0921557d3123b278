@tool
class_name NpcVoiceReply
extends RefCounted
## What came of a request. Look at `error` first.

const Failure := preload("error.gd")

var error: Failure  ## Null when all went well.
var data := {}  ## The fields of the reply, named as in docs/PROTOCOL.md.
