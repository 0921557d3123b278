@tool
class_name NpcVoiceError
extends RefCounted
## Why a request failed.

## Codes besides those of the protocol: no sidecar can be reached; it did not answer, as often as it was asked;
## the line was cancelled here, or the client closed; the answer breaks the protocol.
const NO_SIDECAR := "no_sidecar"
const TIMED_OUT := "timed_out"
const CANCELLED := "cancelled"
const BAD_REPLY := "bad_reply"
const BAD_REQUEST := "bad_request"

var code: String  ## One of those above or of docs/PROTOCOL.md.
var message: String  ## What was wrong and what was expected, for people.
var field: String  ## The field of the request that is to blame; empty when none is.
var retryable := false  ## Whether the same may work later.
var retry_after_ms := -1  ## When, if the sidecar says so; else -1.


func _init(its_code: String, its_message: String, its_field := "") -> void:
	code = its_code
	message = its_message
	field = its_field


func _to_string() -> String:
	return "%s: %s" % [code, message]
