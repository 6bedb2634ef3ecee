#!/usr/bin/python3
"""usage: odil_commitment_report.py HOST PORT CALLED_AET CALLING_AET TRANSACTION_UID CLASS=INSTANCE...

One N-EVENT-REPORT on a new association as Storage Commitment Push SCP, that all the instances are committed, whether
anybody has asked or not. Prints the status of the response, four hex digits, or `failed`. Debian: python3-odil.
"""
import argparse
import odil
from odil_dimse import CMD, COMMITMENT, COMMITMENT_INSTANCE, EVLE, R, ROLE, attribute, connect, log, request

p = argparse.ArgumentParser(usage=__doc__)
for name in ("host", "port", "called", "calling", "uid"):
    p.add_argument(name)
p.add_argument("ref", nargs="+")
o = p.parse_args()

refs = [{tag: attribute("UI", uid) for tag, uid in zip(("00081150", "00081155"), ref.split("="))} for ref in o.ref]
event = {"00081195": attribute("UI", o.uid), "00081199": attribute("SQ", *refs)}
try:
    association = connect(o.host, o.port, o.called, o.calling, [EVLE], 20, [COMMITMENT], ROLE.SCP)
    answer = request(association, CMD.N_EVENT_REPORT_RQ, COMMITMENT, event, COMMITMENT_INSTANCE, EventTypeID=1)
    log(f"{answer.get_command_set().as_int(R.Status)[0]:04x}")
    association.release()
except odil.Exception:
    log("failed")
