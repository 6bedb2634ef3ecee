#!/usr/bin/python3
"""usage: odil_mpps_notification.py tell HOST PORT CALLED_AET CALLING_AET UID:TYPE... [--no-role] [--as CLASS]
       odil_mpps_notification.py listen PORT [--status HEX]...

MPPS Notification. tell: as SCP, one N-EVENT-REPORT for each UID:TYPE over one association; prints the statuses of the
responses, four hex digits each, or `failed` and why. --no-role: no role is proposed; --as: the class in the command.
listen: as SCU, takes N-EVENT-REPORT; --status: the first ones are answered so, the others 0000; every message is one line
of JSON. Debian: python3-odil.
"""
import argparse, json
import odil
from odil_dimse import CMD, EVLE, MPPS_NOTIFICATION, R, ROLE, connect, log, request, respond, serve, uid_of

p = argparse.ArgumentParser(usage=__doc__)
modes = p.add_subparsers(dest="mode", required=True)
tell, listen = modes.add_parser("tell"), modes.add_parser("listen")
for name in ("host", "port", "called", "calling"):
    tell.add_argument(name)
tell.add_argument("event", nargs="+"), tell.add_argument("--no-role", action="store_true")
tell.add_argument("--as", dest="named", default=MPPS_NOTIFICATION)
listen.add_argument("port"), listen.add_argument("--status", action="append", default=[])
o = p.parse_args()


def take(association, message):
    if message.get_command_field() == CMD.C_ECHO_RQ:
        return respond(association, message, R.Verification, 0)
    status, command = int(o.status.pop(0), 16) if o.status else 0, message.get_command_set()
    names = association.get_negotiated_parameters()
    uid, kind = uid_of(command, "AffectedSOPInstanceUID"), command.as_int(R.EventTypeID)[0]
    log(json.dumps({"message": "N-EVENT-REPORT", "calling": names.get_calling_ae_title().strip(),
                    "called": names.get_called_ae_title().strip(), "role": names.get_presentation_contexts()[0].role.name,
                    "class": uid_of(command, "AffectedSOPClassUID"), "uid": uid, "eventType": kind,
                    "hasDataSet": message.has_data_set(), "status": f"{status:04x}"}))
    respond(association, message, MPPS_NOTIFICATION, status, AffectedSOPInstanceUID=uid, EventTypeID=kind)


if o.mode == "listen":
    serve(o.port, take)

try:
    role = ROLE.Unspecified if o.no_role else ROLE.SCP
    association = connect(o.host, o.port, o.called, o.calling, [EVLE], 20, [MPPS_NOTIFICATION], role)
    for uid, _, kind in (event.rpartition(":") for event in o.event):
        answer = request(association, CMD.N_EVENT_REPORT_RQ, MPPS_NOTIFICATION, None, uid, named=o.named, EventTypeID=int(kind))
        log(f"{answer.get_command_set().as_int(R.Status)[0]:04x}")
    association.release()
except odil.Exception as e:
    log("failed", e)
