#!/usr/bin/python3
"""usage: odil_ups_scu.py HOST PORT CALLED_AET FILE

UPS SCU: plays the requests of FILE over one association, a JSON list of {command, uid, action, data}: command is N-CREATE,
N-SET, N-GET or N-ACTION, data is DICOM JSON. Prints each response as one line of JSON: {status, dataSet}. Debian:
python3-odil.
"""
import argparse, json
import odil
from odil_dimse import (CMD, EVLE, IVLE, R, UPS_PULL, UPS_PUSH, UPS_WATCH, connect, log, to_data_set, to_json)

p = argparse.ArgumentParser(usage=__doc__)
p.add_argument("host"), p.add_argument("port"), p.add_argument("called"), p.add_argument("file")
o = p.parse_args()

COMMANDS = {"N-CREATE": CMD.N_CREATE_RQ, "N-SET": CMD.N_SET_RQ, "N-GET": CMD.N_GET_RQ, "N-ACTION": CMD.N_ACTION_RQ}


def context_of(command, action):
    if command == "N-CREATE" or action == 2:
        return UPS_PUSH
    return UPS_WATCH if action in (3, 4, 5) else UPS_PULL


def play(association, command, uid, action=None, data=None):
    fields, side = odil.DataSet(), "Affected" if command == "N-CREATE" else "Requested"
    fields.add(R.CommandField, [int(COMMANDS[command])])
    fields.add(R.MessageID, [association.next_message_id()])
    # Whatever was negotiated, the class named is UPS Push (PS3.4 CC.3.1).
    fields.add(getattr(R, f"{side}SOPClassUID"), [UPS_PUSH])
    fields.add(getattr(R, f"{side}SOPInstanceUID"), [uid])
    if action:
        fields.add(R.ActionTypeID, [action])
    message = odil.messages.Message
    sent = message(fields) if data is None else message(fields, to_data_set(data))
    association.send_message(sent, context_of(command, action))
    answer = association.receive_message()
    told = {"status": f"{answer.get_command_set().as_int(R.Status)[0]:04x}"}
    if answer.has_data_set():
        told["dataSet"] = to_json(answer.get_data_set())
    log(json.dumps(told))


with open(o.file) as file:
    requests = json.load(file)
association = connect(o.host, o.port, o.called, "ODILUPS", [EVLE, IVLE], 20, (UPS_PUSH, UPS_WATCH, UPS_PULL))
for request in requests:
    play(association, **request)
association.release()
