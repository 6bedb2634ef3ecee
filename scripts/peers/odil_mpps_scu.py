#!/usr/bin/python3
"""usage: odil_mpps_scu.py HOST PORT CALLED_AET CALLING_AET FOLDER STEP... [--ivle] [--new-association]

MPPS SCU; the STEPs go over one association, or each over one of its own. STEP: create:UID:FILE (UID may be empty),
set:UID:FILE, get:UID[:TAG,TAG]. FILE is a DICOM file, sent as it is. Prints each response as one line of JSON; a data
set in it becomes a DICOM file in FOLDER. Debian: python3-odil.
"""
import argparse, json, os
import odil
from odil_dimse import CMD, EVLE, IVLE, MPPS, MPPS_RETRIEVE, R, connect, log, to_json, uid_of, write_data_set

p = argparse.ArgumentParser(usage=__doc__)
for name in ("host", "port", "called", "calling", "folder"):
    p.add_argument(name)
p.add_argument("step", nargs="+"), p.add_argument("--ivle", action="store_true")
p.add_argument("--new-association", action="store_true")
o = p.parse_args()

COMMANDS = {"create": CMD.N_CREATE_RQ, "set": CMD.N_SET_RQ, "get": CMD.N_GET_RQ}


def request(association, step):
    """Sends one request; the response message."""
    kind, uid, rest = (step.split(":", 2) + ["", ""])[:3]
    command, side = odil.DataSet(), "Affected" if kind == "create" else "Requested"
    abstract = MPPS_RETRIEVE if kind == "get" else MPPS
    command.add(R.CommandField, [int(COMMANDS[kind])])
    command.add(R.MessageID, [association.next_message_id()])
    command.add(getattr(R, f"{side}SOPClassUID"), [abstract])
    if uid:
        command.add(getattr(R, f"{side}SOPInstanceUID"), [uid])
    if kind == "get" and rest:
        command.add(R.AttributeIdentifierList, rest.split(","))
    message = odil.messages.Message
    if kind == "get":
        association.send_message(message(command), abstract)
    else:
        association.send_message(message(command, odil.Reader.read_file(rest)[1]), abstract)
    return association.receive_message()


def told(n, step, response):
    command = response.get_command_set()
    fields = to_json(command)
    values = lambda tag: fields.get(tag, {}).get("Value", [])
    line = {"step": step.split(":")[0], "status": f"{command.as_int(R.Status)[0]:04x}"}
    line["uid"] = uid_of(command, "AffectedSOPInstanceUID")
    line["comment"] = next(iter(values("00000902")), None)
    line["errorId"] = next((f"{code:04x}" for code in values("00000903")), None)
    line["attributes"] = [tag.upper() for tag in values("00001005")]
    if response.has_data_set():
        line["file"] = os.path.join(o.folder, f"{os.getpid()}-{n}.dcm")
        write_data_set(response.get_data_set(), line["file"])
    log(json.dumps(line))


association = None
for n, step in enumerate(o.step):
    if association is None:
        syntaxes = [IVLE] if o.ivle else [EVLE, IVLE]
        association = connect(o.host, o.port, o.called, o.calling, syntaxes, 60, (MPPS, MPPS_RETRIEVE))
    told(n, step, request(association, step))
    if o.new_association or n == len(o.step) - 1:
        association.release()
        association = None
