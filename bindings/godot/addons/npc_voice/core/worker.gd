@tool
extends RefCounted
## The thread that owns the connections. Requests go in from the main thread, replies come out there.
##
## A request that is not answered in time, or whose connection is lost, is sent again with the same id over a
## new connection ("Lazy Pirate"), after another look at the connection file: it survives a sidecar that is
## killed and started again. A line that is not spoken in time is waited for on, over its own connection, while
## the sidecar, asked over another one, says that it is speaking. With nothing to do the thread sleeps.

## Told when it is noticed first and when it changes: whether there is a sidecar.
signal reached(is_there: bool)

const NAP_USEC := 100  ## While an answer may come at once.
const LONG_NAP_USEC := 1000
const WAITING_NAP_USEC := 5000  ## While nothing is under way: a sidecar is awaited, or a pause.
const BRISK_USEC := 10000  ## So long after the last byte an answer may come at once.
const LOOK_USEC := 500000  ## How often a waiting request looks whether its sidecar is still there.
const SPEAKING_S := 2.0  ## So long a sidecar may take, at most, to say whether it is speaking.
const FIRST_PAUSE_USEC := 50000
const LONGEST_PAUSE_USEC := 2000000
const LONGEST_LOOK_PAUSE_USEC := 1000000
## Errors after which another sidecar may be there, or this one soon not: look at the connection file again.
const DEAD_ENDS: Array[String] = ["unauthorized", "shutting_down"]
const Failure := preload("error.gd")
const Link := preload("link.gd")
const Options := preload("options.gd")
const OwnSidecar := preload("own_sidecar.gd")
const Replies := preload("replies.gd")
const Reply := preload("reply.gd")
const Request := preload("request.gd")
const SidecarFile := preload("sidecar_file.gd")

var _options: Options
var _thread := Thread.new()
var _wake := Semaphore.new()
var _mutex := Mutex.new()

# Shared, under the mutex.
var _submitted: Array[Request] = []
var _cancelled: Array[String] = []
var _answers: Array[Array] = []  # of a request and its reply
var _closing := false

# The thread's own.
var _waiting: Array[Request] = []  # the most urgent first
var _running: Array[Exchange] = []
var _idle: Array[Link] = []
var _greeted := ""  # the token of the sidecar that said `_hello`
var _hello := {}
var _own: OwnSidecar
var _told_reached: Variant = null  # what `reached` said last; null: nothing yet
var _missing_usec := -1  # since when no sidecar is found; -1: none is missed
var _looks := 0  # in vain, since then
var _look_again_usec := 0
var _given_up := false  # one has been waited for long enough; later requests look once
var _missing_problem := ""
var _busy_usec := 0  # when something happened last


## A request over a connection.
class Exchange:
	var request: Request
	var link: Link
	var sent := false
	var greeting: Request  # sent before it, to a sidecar that might pass over a field; null: none
	var speaking: Exchange  ## On the side: whether the sidecar is speaking; null while nobody asks.
	var until_usec: int
	var look_usec: int

	func _init(its_request: Request, its_link: Link, now: int, timeout_s: float) -> void:
		request = its_request
		link = its_link
		until_usec = now + int(timeout_s * 1e6)
		look_usec = now + LOOK_USEC

	func close() -> void:
		link.close()
		if speaking:
			speaking.close()


func _init(options: Options) -> void:
	_options = options
	if options.start:
		_own = OwnSidecar.new(options.command, options.arguments, options.connection_file)


func start() -> void:
	_thread.start(_run)


## The reply comes by the request's own signal, on the main thread.
func submit(request: Request) -> void:
	_mutex.lock()
	_submitted.append(request)
	_mutex.unlock()
	_wake.post()


## Ends the requests of ours with this id: `cancelled`. Their connections are dropped.
func abandon(id: String) -> void:
	_mutex.lock()
	_cancelled.append(id)
	_mutex.unlock()
	_wake.post()


## Ends everything: what is under way fails, connections are closed, a sidecar of ours is stopped.
func close() -> void:
	if not _thread.is_started():
		return
	_mutex.lock()
	_closing = true
	_mutex.unlock()
	_wake.post()
	_thread.wait_to_finish()
	_deliver()


## Not to be called on the worker's own thread.
func _deliver() -> void:
	_mutex.lock()
	var answers := _answers
	_answers = []
	_mutex.unlock()
	for answer in answers:
		answer[0].finish(answer[1])


func _run() -> void:
	while _take_orders():
		if _step():
			OS.delay_usec(_nap_usec())
		else:
			_wake.wait()
	for request in _waiting + _submitted:
		_refuse(request, Failure.CANCELLED, "the client is closed")
	for exchange in _running:
		_refuse(exchange.request, Failure.CANCELLED, "the client is closed")
		exchange.close()
	_forget_idle()
	if _own:
		_own.stop()


## False when it is time to end.
func _take_orders() -> bool:
	_mutex.lock()
	var submitted := _submitted
	var cancelled := _cancelled
	var closing := _closing
	if not submitted.is_empty() and not closing:
		_submitted = []
	if not cancelled.is_empty():
		_cancelled = []
	_mutex.unlock()
	if closing:
		return false
	for request in submitted:
		_wait(request, 0)
	for id in cancelled:
		_abandon(id)
	return true


## Whether there is anything left to do.
func _step() -> bool:
	var now := Time.get_ticks_usec()
	var at := 0
	while at < _running.size():
		if _progress(_running[at], now):
			at += 1
		else:
			_running.remove_at(at)
	_dispatch(now)
	return not (_running.is_empty() and _waiting.is_empty())


func _nap_usec() -> int:
	if _running.is_empty():
		return WAITING_NAP_USEC
	return NAP_USEC if Time.get_ticks_usec() - _busy_usec < BRISK_USEC else LONG_NAP_USEC


## Put a request where its urgency belongs; it rests for `pause_usec` first.
func _wait(request: Request, pause_usec: int) -> void:
	request.since_usec = Time.get_ticks_usec()
	request.not_before_usec = request.since_usec + pause_usec
	var at := _waiting.size()
	while at > 0 and _waiting[at - 1].rank > request.rank:
		at -= 1
	_waiting.insert(at, request)
	_busy_usec = request.since_usec


func _abandon(id: String) -> void:
	for place in range(_waiting.size() - 1, -1, -1):
		if _waiting[place].id == id:
			_refuse(_waiting[place], Failure.CANCELLED, "the line was cancelled")
			_waiting.remove_at(place)
	for place in range(_running.size() - 1, -1, -1):
		if _running[place].request.id == id:
			_refuse(_running[place].request, Failure.CANCELLED, "the line was cancelled")
			_running[place].close()
			_running.remove_at(place)


func _dispatch(now: int) -> void:
	var at := 0
	while at < _waiting.size():
		var request := _waiting[at]
		if now < request.not_before_usec or not _has_room(request.is_urgent()):
			at += 1
			continue
		var link := _link(now)
		if link != null:
			_waiting.remove_at(at)
			_running.append(Exchange.new(request, link, now, _options.timeout_s))
		elif _is_hopeless(request, now):
			_waiting.remove_at(at)
			_refuse(request, Failure.NO_SIDECAR, "no sidecar is running: " + _missing_problem)
			_given_up = true
		else:
			at += 1


func _has_room(urgent: bool) -> bool:
	var like_it := 0
	for exchange in _running:
		if exchange.request.is_urgent() == urgent:
			like_it += 1
	return like_it < _options.connections


## Whether a request has waited for a sidecar as long as it may.
func _is_hopeless(request: Request, now: int) -> bool:
	if _missing_usec < 0 or _given_up or _own and _own.problem:
		return _missing_usec >= 0
	var patience_s := _options.start_s if _options.start else _options.timeout_s
	return now - maxi(request.since_usec, _missing_usec) > patience_s * 1e6


## An idle connection, or a new one; null when none can be had now.
func _link(now: int) -> Link:
	while not _idle.is_empty():
		var link: Link = _idle.pop_back()
		link.step()
		if link.is_open() and link.is_clean():
			return link
		link.close()
	if now < _look_again_usec:
		return null
	var found := SidecarFile.look(_options.connection_file)
	if found.problem:
		_miss(found.problem, now)
		return null
	var fresh := Link.new("REQ", _options.header_bytes, _options.body_bytes)
	fresh.open(found, found.host, found.port)
	return fresh


func _miss(problem: String, now: int) -> void:
	if _missing_usec < 0:
		_missing_usec = now
		_looks = 0
		_tell_reached(false)
	_missing_problem = problem
	_look_again_usec = now + mini(LONGEST_LOOK_PAUSE_USEC, FIRST_PAUSE_USEC << mini(_looks, 10))
	_looks += 1
	if _own:
		_own.start()
		if _own.problem:
			_missing_problem = _own.problem


func _reach() -> void:
	_tell_reached(true)
	if _own:
		_own.was_reached = true
	_missing_usec = -1
	_look_again_usec = 0
	_given_up = false


func _tell_reached(is_there: bool) -> void:
	if _told_reached != is_there:
		_told_reached = is_there
		reached.emit.call_deferred(is_there)


## False when the exchange is over.
func _progress(exchange: Exchange, now: int) -> bool:
	var link := exchange.link
	if link.step():
		_busy_usec = now
	if link.is_open() and not exchange.sent:
		_reach()
		exchange.sent = true
		return _ask(exchange)
	var parts := link.take_message()
	if not parts.is_empty():
		_stop_asking(exchange)
		return _hear(exchange, parts)
	if link.is_over():
		_stop_asking(exchange)
		_fall(exchange, now)
		return false
	if now > exchange.until_usec and not _is_waited_for(exchange, now) \
			or now > exchange.look_usec and not _is_current(exchange, now):
		exchange.close()
		_forget_idle()
		_again(exchange.request)
		return false
	return true


## Whether a line that is late may still come: the sidecar is asked on the side whether it is speaking, and is
## given another while if it is. A sidecar drops the lines of a connection that closes, and would begin again.
func _is_waited_for(exchange: Exchange, now: int) -> bool:
	if not exchange.request.is_spoken() or not exchange.sent:
		return false
	if exchange.speaking == null:
		exchange.speaking = _asks_whether_it_speaks(exchange, now)
	var side := exchange.speaking
	side.link.step()
	if side.link.is_open() and not side.sent:
		side.sent = true
		side.link.send(side.request.message(side.link.sidecar.token))
	var parts := side.link.take_message()
	if parts.is_empty():
		return now <= side.until_usec and not side.link.is_over()
	_stop_asking(exchange)
	exchange.until_usec = now + int(_options.timeout_s * 1e6)
	return _is_busy(Replies.read(side.request, parts))


## Over a connection of its own: an idle one may be as lost as the line's.
func _asks_whether_it_speaks(exchange: Exchange, now: int) -> Exchange:
	var sidecar := exchange.link.sidecar
	var link := Link.new("REQ", _options.header_bytes, _options.body_bytes)
	link.open(sidecar, sidecar.host, sidecar.port)
	var request := Request.new("speaking", "stats", exchange.request.session, {})
	return Exchange.new(request, link, now, minf(SPEAKING_S, _options.timeout_s))


func _is_busy(told: Reply) -> bool:
	return told != null and told.error == null and told.data.lines_running + told.data.lines_waiting > 0


func _stop_asking(exchange: Exchange) -> void:
	if exchange.speaking:
		exchange.speaking.close()
	exchange.speaking = null


## Send it, or greet the sidecar first where it might pass over a field. False when it would: it is over then.
func _ask(exchange: Exchange) -> bool:
	var link := exchange.link
	var next := exchange.request
	if next.has_later_fields() and _greeted != link.sidecar.token:
		exchange.greeting = Request.new("hello", "hello", next.session, {})
		next = exchange.greeting
	elif next.has_later_fields() and next.unread_by(_hello):
		_answer(exchange, next.failed(next.unread_by(_hello)))
		return false
	link.send(next.message(link.sidecar.token))
	return true


## False when the exchange is over.
func _hear(exchange: Exchange, parts: Array) -> bool:
	if exchange.greeting == null:
		_answer(exchange, Replies.read(exchange.request, parts))
		return false
	var told := Replies.read(exchange.greeting, parts)
	if told == null or told.error:
		_answer(exchange, exchange.request.failed(told.error) if told else null)
		return false
	exchange.greeting = null
	_greeted = exchange.link.sidecar.token
	_hello = told.data
	return _ask(exchange)


func _is_current(exchange: Exchange, now: int) -> bool:
	exchange.look_usec = now + LOOK_USEC
	return exchange.link.sidecar.is_same(SidecarFile.look(_options.connection_file))


## The connection has ended before the answer.
func _fall(exchange: Exchange, now: int) -> void:
	if exchange.link.state == Link.State.WRONG:
		_refuse(exchange.request, Failure.BAD_REPLY, exchange.link.problem)
	elif exchange.link.was_connected:
		_forget_idle()
		_again(exchange.request)
	else:
		var since := exchange.request.since_usec
		_miss("%s names a sidecar that does not listen" % _options.connection_file, now)
		_wait(exchange.request, 0)
		exchange.request.since_usec = since


## Ask again with the same id, if it may be.
func _again(request: Request) -> void:
	request.attempt += 1
	if request.attempt < _options.attempts:
		_wait(request, _pause_usec(request.attempt - 1))
	else:
		_refuse(request, Failure.TIMED_OUT, "the sidecar did not answer, %d times" % request.attempt)


## Null: what came was another's.
func _answer(exchange: Exchange, reply: Reply) -> void:
	var request := exchange.request
	var code := reply.error.code if reply != null and reply.error else ""
	if reply == null or code == Failure.BAD_REPLY:
		exchange.link.close()
	elif code in DEAD_ENDS:
		exchange.link.close()
		_forget_idle()
	else:
		_idle.append(exchange.link)
	if reply == null:
		_again(request)
	elif _may_ask_again(request, reply.error):
		request.attempt += 1
		_wait(request, _pause_after_usec(request, reply.error))
	else:
		_finish(request, reply)


## A token is wrong at the first attempt when the sidecar was started again on the same port.
func _may_ask_again(request: Request, error: Failure) -> bool:
	if error == null or request.attempt + 1 >= _options.attempts:
		return false
	return error.retryable or error.code == "unauthorized" and request.attempt == 0


func _pause_after_usec(request: Request, error: Failure) -> int:
	if error.code == "unauthorized":
		return 0
	return error.retry_after_ms * 1000 if error.retry_after_ms >= 0 else _pause_usec(request.attempt - 1)


func _pause_usec(tries: int) -> int:
	return mini(LONGEST_PAUSE_USEC, FIRST_PAUSE_USEC << mini(tries, 10))


## Other connections lead to the same sidecar, and that has failed us.
func _forget_idle() -> void:
	for link in _idle:
		link.close()
	_idle.clear()


func _refuse(request: Request, code: String, message: String) -> void:
	_finish(request, request.failed(Failure.new(code, message)))


func _finish(request: Request, reply: Reply) -> void:
	_mutex.lock()
	_answers.append([request, reply])
	_mutex.unlock()
	_deliver.call_deferred()
