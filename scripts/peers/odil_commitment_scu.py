#!/usr/bin/python3
"""usage: odil_commitment_scu.py ask HOST PORT CALLED_AET CALLING_AET TRANSACTION_UID CLASS=INSTANCE... [--wait S]
       odil_commitment_scu.py listen PORT [--status HEX]...

Storage Commitment Push SCU. ask: one N-ACTION; with --wait the association is kept for the N-EVENT-REPORT, so long at
most, else it is released at once. listen: takes N-EVENT-REPORT on new associations; --status: the first ones are
answered so, the others 0000. Every message is one line of JSON. Debian: python3-odil.
"""
import argparse, json, sys
import odil
from odil_dimse import (CMD, COMMITMENT, COMMITMENT_INSTANCE, EVLE, IVLE, R, attribute, connect, log, request, respond,
                        serve, to_json)

p = argparse.ArgumentParser(usage=__doc__)
modes = p.add_subparsers(dest="mode", required=True)
ask, listen = modes.add_parser("ask"), modes.add_parser("listen")
for name in ("host", "port", "called", "calling", "uid"):
    ask.add_argument(name)
ask.add_argument("ref", nargs="+"), ask.add_argument("--wait", type=float, default=0)
listen.add_argument("port"), listen.add_argument("--status", action="append", default=[])
o = p.parse_args()
statuses = [] if o.mode == "ask" else [int(status, 16) for status in o.status]


def event(association, message, new):
    if message.get_command_field() == CMD.C_ECHO_RQ:
        return respond(association, message, R.Verification, 0)
    status, kind = statuses.pop(0) if statuses else 0, message.get_command_set().as_int(R.EventTypeID)[0]
    names, context = association.get_negotiated_parameters(), association.get_negotiated_parameters().get_presentation_contexts()
    log(json.dumps({"message": "N-EVENT-REPORT", "calling": names.get_calling_ae_title().strip(),
                    "called": names.get_called_ae_title().strip(), "isNew": new, "eventType": kind,
                    "role": context[0].role.name, "status": f"{status:04x}", "dataSet": to_json(message.get_data_set())}))
    respond(association, message, COMMITMENT, status, AffectedSOPInstanceUID=COMMITMENT_INSTANCE, EventTypeID=kind)


if o.mode == "listen":
    serve(o.port, lambda association, message: event(association, message, True))

association = connect(o.host, o.port, o.called, o.calling, [EVLE, IVLE], 60, [COMMITMENT])
refs = [{tag: attribute("UI", uid) for tag, uid in zip(("00081150", "00081155"), ref.split("="))} for ref in o.ref]
asked = {"00081195": attribute("UI", o.uid), "00081199": attribute("SQ", *refs)}
answer = request(association, CMD.N_ACTION_RQ, COMMITMENT, asked, COMMITMENT_INSTANCE, True, ActionTypeID=1)
while answer.get_command_field() == CMD.N_EVENT_REPORT_RQ:  # before the response even
    event(association, answer, False)
    answer = association.receive_message()
fields = to_json(answer.get_command_set())
value = lambda tag: fields.get(tag, {}).get("Value", [None])[0]
status = answer.get_command_set().as_int(R.Status)[0]
log(json.dumps({"message": "N-ACTION", "status": f"{status:04x}", "comment": value("00000902"), "errorId": value("00000903")}))
if o.wait and status == 0:
    association.set_tcp_timeout(o.wait)
    try:
        event(association, association.receive_message(), False)
    except odil.Exception as e:
        log(json.dumps({"message": "nothing", "why": str(e)}))
        sys.exit(1)
association.release()
