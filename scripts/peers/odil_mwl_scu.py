#!/usr/bin/python3
"""usage: odil_mwl_scu.py HOST PORT CALLED_AET QUERY.json [--ivle] [--cancel N] [--aet CALLING]

Modality Worklist C-FIND; prints each match as one line of DICOM JSON, then 'FINAL STATUS(hex) N matches'.
QUERY.json is a DICOM JSON data set. --cancel N: send a C-CANCEL-RQ after N matches. Debian: python3-odil.
"""
import argparse, json
import odil
from odil_dimse import CMD, EVLE, IVLE, MWL, R, connect, log, to_data_set, to_json

p = argparse.ArgumentParser(usage=__doc__)
p.add_argument("host"), p.add_argument("port"), p.add_argument("called"), p.add_argument("query")
p.add_argument("--ivle", action="store_true"), p.add_argument("--cancel", type=int, default=0)
p.add_argument("--aet", default="ODILMOD")
o = p.parse_args()
query = json.load(open(o.query))
association = connect(o.host, o.port, o.called, o.aet, [IVLE] if o.ivle else [EVLE, IVLE])
command, matches, message_id = odil.DataSet(), 0, association.next_message_id()
for name, value in (
        ("CommandField", int(CMD.C_FIND_RQ)), ("MessageID", message_id), ("AffectedSOPClassUID", MWL), ("Priority", 0)):
    command.add(getattr(R, name), [value])
association.send_message(odil.messages.Message(command, to_data_set(query)), MWL)
while True:
    response = association.receive_message()
    status = response.get_command_set().as_int(R.Status)[0]
    if status not in (0xFF00, 0xFF01):
        break
    matches += 1
    log(json.dumps(to_json(response.get_data_set()), ensure_ascii=False))
    if matches == o.cancel:
        cancel = odil.DataSet()
        cancel.add(R.CommandField, [int(CMD.C_CANCEL_RQ)])
        cancel.add(R.MessageIDBeingRespondedTo, [message_id])
        association.send_message(odil.messages.Message(cancel), MWL)
log("FINAL", f"{status:04x}", matches, "matches")
association.release()
