#!/usr/bin/python3
"""usage: odil_ups_scp.py PORT

Unified Procedure Step SCP: N-CREATE, N-SET, N-GET, and N-ACTION 1 (state), 2 (request cancel), 3 (subscribe), 4
(unsubscribe), 5 (suspend). Workitems are kept in memory and go by the state table of PS3.4 CC.1.1. Every message is one line
of JSON, and so is every event a subscriber would be told (nobody is called). Debian: python3-odil.
"""
import argparse, json
import odil
from odil_dimse import (CMD, R, UPS_PULL, UPS_PUSH, UPS_WATCH, attribute, log, respond, serve, to_json, uid_of)

p = argparse.ArgumentParser(usage=__doc__)
p.add_argument("port")
o = p.parse_args()

WORKLIST = "1.2.840.10008.5.1.4.34.5"
STATE, LOCK, PROGRESS, PERFORMED = "00741000", "00081195", "00741002", "00741216"
FINAL = ("COMPLETED", "CANCELED")
COMPLETED_NEEDS = ("00404019", "00404028", "00404050", "00404051")
NAMES = {CMD.N_CREATE_RQ: "N-CREATE", CMD.N_SET_RQ: "N-SET", CMD.N_GET_RQ: "N-GET", CMD.N_ACTION_RQ: "N-ACTION"}
workitems, locks, subscribers, everywhere = {}, {}, {}, set()


def first(data, tag):
    return (data.get(tag, {}).get("Value") or [None])[0]


def tell(uid, kind, **told):
    for ae_title in sorted(subscribers.get(uid, ())):
        log(json.dumps({"event": kind, "uid": uid, "to": ae_title, **told}))


def move(uid, state):
    workitems[uid][STATE] = attribute("CS", state)
    tell(uid, 1, state=state)


def is_complete(item, state):
    """Final State Requirements, codes P and X of Table CC.2.5-3."""
    if state == "COMPLETED":
        performed = first(item, PERFORMED) or {}
        return all(first(performed, tag) for tag in COMPLETED_NEEDS) and "00404033" in performed
    return first(first(item, PROGRESS) or {}, "0074100E") is not None


def change_state(uid, data):
    old, new, lock = first(workitems[uid], STATE), first(data, STATE), first(data, LOCK)
    if new == "SCHEDULED":
        return 0xC303
    if not lock or (old != "SCHEDULED" and lock != locks[uid]):
        return 0xC301
    if new == "IN PROGRESS":
        if old in FINAL:
            return 0xC300
        if old == new:
            return 0xC302
        locks[uid] = lock
    elif new in FINAL:
        if old == "SCHEDULED":
            return 0xC310
        if old == new:
            return 0xB306 if new == "COMPLETED" else 0xB304
        if old in FINAL:
            return 0xC300
        if not is_complete(workitems[uid], new):
            return 0xC304
    else:
        return 0x0115
    move(uid, new)
    return 0


def request_cancel(uid, data):
    state = first(workitems[uid], STATE)
    if state == "COMPLETED":
        return 0xC311
    if state == "CANCELED":
        return 0xB304
    if state == "IN PROGRESS":
        tell(uid, 2)
        return 0
    locks[uid] = odil.generate_uid()
    move(uid, "IN PROGRESS")
    move(uid, "CANCELED")
    return 0


def create(uid, data):
    if uid in workitems:
        return 0x0111
    if first(data, STATE) != "SCHEDULED" or any(first(data, tag) for tag in (LOCK, PROGRESS, PERFORMED)):
        return 0xC309
    workitems[uid], subscribers[uid] = data, set(everywhere)
    tell(uid, 1, state="SCHEDULED")
    return 0


def update(uid, data):
    state, lock = first(workitems[uid], STATE), first(data, LOCK)
    if state in FINAL:
        return 0xC300
    if state == "SCHEDULED" and lock:
        return 0xC310
    if state == "IN PROGRESS" and lock != locks[uid]:
        return 0xC301
    if STATE in data:
        return 0x0106
    workitems[uid].update({tag: value for tag, value in data.items() if tag != LOCK})
    if PROGRESS in data:
        tell(uid, 3)
    return 0


def subscription(kind, uid, data):
    ae_title = first(data, "00741234")
    if uid == WORKLIST:
        known = ae_title in everywhere or (kind == 4 and any(ae_title in each for each in subscribers.values()))
        everywhere.add(ae_title) if kind == 3 else everywhere.discard(ae_title)
        if kind != 5:
            for each in subscribers.values():
                each.add(ae_title) if kind == 3 else each.discard(ae_title)
        return 0 if kind == 3 or known else 0xC307
    if uid not in workitems or kind == 5:
        return 0xC307
    if kind == 3:
        subscribers[uid].add(ae_title)
        tell(uid, 1, state=first(workitems[uid], STATE))
    elif ae_title in subscribers[uid]:
        subscribers[uid].discard(ae_title)
    else:
        return 0xC307
    return 0


def work(command, uid, action, data):
    """Status and data set of the answer; changes what is kept."""
    if command == CMD.N_CREATE_RQ:
        return create(uid, data), None
    if action in (3, 4, 5):
        return subscription(action, uid, data), None
    if uid not in workitems:
        return 0xC307, None
    if command == CMD.N_GET_RQ:
        return 0, workitems[uid]
    if command == CMD.N_SET_RQ:
        return update(uid, data), None
    return {1: change_state, 2: request_cancel}.get(action, lambda *_: 0x0123)(uid, data), None


def handle(association, message):
    command, asked = message.get_command_field(), message.get_command_set()
    uid = uid_of(asked, "AffectedSOPInstanceUID") or uid_of(asked, "RequestedSOPInstanceUID")
    data = to_json(message.get_data_set()) if message.has_data_set() else {}
    action = asked.as_int(R.ActionTypeID)[0] if asked.has(R.ActionTypeID) else None
    status, answer = work(command, uid, action, data)
    log(json.dumps({"message": NAMES.get(command), "action": action, "uid": uid, "status": f"{status:04x}"}))
    # Where the request came in, told by the SOP class that has it: odil tells contexts apart by abstract syntax only.
    context = UPS_PUSH if command == CMD.N_CREATE_RQ or action == 2 else UPS_WATCH if action in (3, 4, 5) else UPS_PULL
    extra = {"AffectedSOPInstanceUID": uid, **({"ActionTypeID": action} if action else {})}
    respond(association, message, context, status, answer, **extra)


serve(o.port, handle)
