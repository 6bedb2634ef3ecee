#!/usr/bin/python3
"""usage: odil_mpps_scp.py PORT FOLDER [--fault COMMAND:KIND[=VALUE][:always]]...

MPPS SCP (N-CREATE, N-SET, N-GET; instances kept in memory) that does not check attributes, only states: 0111 duplicate
instance, 0112 unknown instance, 0106 first status not IN PROGRESS, 0110 with Error ID A710 after a final state. Every
message is one line of JSON, and its data set, as it came, a DICOM file in FOLDER.
--fault: the first message of COMMAND (create, set, get; each one with :always) meets
  abort        done, then A-ABORT instead of a response
  lose         not done, A-ABORT instead of a response
  delay=S      done, but answered after S seconds
  status=HEX   not done, this status
Debian: python3-odil.
"""
import argparse, json, os, time
import odil
from odil_dimse import CMD, MPPS, MPPS_RETRIEVE, R, log, respond, serve, uid_of, write_data_set

p = argparse.ArgumentParser(usage=__doc__)
p.add_argument("port"), p.add_argument("folder"), p.add_argument("--fault", action="append", default=[])
o = p.parse_args()

NAMES = {CMD.N_CREATE_RQ: "N-CREATE", CMD.N_SET_RQ: "N-SET", CMD.N_GET_RQ: "N-GET"}
faults = [fault.split(":") for fault in o.fault]
store, count = {}, 0


def take_fault(name):
    for fault in faults:
        if "N-" + fault[0].upper() == name:
            if fault[-1] != "always":
                faults.remove(fault)
            kind, _, value = fault[1].partition("=")
            return kind, value
    return None, None


def state(data_set):
    values = data_set.as_string(R.PerformedProcedureStepStatus) if data_set.has(R.PerformedProcedureStepStatus) else []
    return bytes(values[0]).decode().strip() if len(values) else None


def selected(data_set, tags):
    """What N-GET asks for; Specific Character Set goes with its texts."""
    if not tags:
        return data_set
    out = odil.DataSet()
    for tag in [odil.Tag(t) for t in ["00080005", *tags]]:
        if data_set.has(tag):
            out.add(tag, data_set[tag])
    return out


def work(name, uid, data, command):
    """Status, data set and further command elements of the response; changes the store."""
    if name == "N-CREATE":
        if uid in store:
            return 0x0111, None, {}
        if state(data) != "IN PROGRESS":
            return 0x0106, None, {}
        store[uid] = data
        return 0, None, {}
    if uid not in store:
        return 0x0112, None, {}
    if name == "N-GET":
        tags = command.as_string(R.AttributeIdentifierList) if command.has(R.AttributeIdentifierList) else []
        return 0, selected(store[uid], [bytes(tag).decode() for tag in tags]), {}
    if state(store[uid]) != "IN PROGRESS":
        comment = "Performed Procedure Step Object may no longer be updated"
        return 0x0110, None, {"ErrorComment": comment, "ErrorID": 0xA710}
    for tag in data:
        if store[uid].has(tag):
            store[uid].remove(tag)
        store[uid].add(tag, data[tag])
    return 0, None, {}


def handle(association, message):
    global count
    if message.get_command_field() == CMD.C_ECHO_RQ:
        return respond(association, message, R.Verification, 0)
    command = message.get_command_set()
    name = NAMES.get(message.get_command_field())
    if name is None:
        return log("ignored", hex(int(message.get_command_field())))
    names = association.get_negotiated_parameters()
    uid = uid_of(command, "AffectedSOPInstanceUID") or uid_of(command, "RequestedSOPInstanceUID")
    line = {"message": name, "uid": uid, "calling": names.get_calling_ae_title().strip()}
    data = message.get_data_set() if message.has_data_set() else odil.DataSet()
    if message.has_data_set():
        count += 1
        line["file"] = os.path.join(o.folder, f"{os.getpid()}-{count:04d}.dcm")
        write_data_set(data, line["file"])
    kind, value = take_fault(name)
    extra, answer, made = {}, None, uid is None
    if made:
        uid = odil.generate_uid()
    if kind == "status":
        status = int(value, 16)
    elif kind != "lose":
        status, answer, extra = work(name, uid, data, command)
    line["status"] = kind if kind in ("abort", "lose") else f"{status:04x}"
    log(json.dumps(line))
    if kind in ("abort", "lose"):
        return association.abort(0, 0)
    if kind == "delay":
        time.sleep(float(value))
    extra["AffectedSOPInstanceUID"] = uid
    respond(association, message, MPPS_RETRIEVE if name == "N-GET" else MPPS, status, answer, **extra)


serve(o.port, handle)
