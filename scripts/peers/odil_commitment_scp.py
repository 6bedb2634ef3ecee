#!/usr/bin/python3
"""usage: odil_commitment_scp.py PORT KNOWN --report HOW [--back HOST:PORT] [--no-role] [--refuse HEX] [--delay S]

Storage Commitment Push SCP. KNOWN is a JSON file, SOP instance UID to SOP class UID, read for each request: these it
commits; others fail by 0112, those of another class by 0119. Every message is one line of JSON.
--report: when and where the N-EVENT-REPORT goes
  same         on the association of the N-ACTION, after its response
  same-before  on it, before its response
  new          on a new association to --back, after the response, while the first association is still open
  new-before   on a new one, before the response
  later        on a new one, after the first has ended
  never        nowhere
--no-role: new associations propose no roles; --refuse: N-ACTION is answered so; --delay: before the report.
Debian: python3-odil.
"""
import argparse, json, time
import odil
from odil_dimse import (CMD, COMMITMENT, COMMITMENT_INSTANCE, EVLE, R, ROLE, attribute, connect, log, request, respond, serve,
                        to_json)

HOW = ("same", "same-before", "new", "new-before", "later", "never")
p = argparse.ArgumentParser(usage=__doc__)
p.add_argument("port"), p.add_argument("known"), p.add_argument("--report", choices=HOW, required=True)
p.add_argument("--back"), p.add_argument("--no-role", action="store_true")
p.add_argument("--refuse", type=lambda s: int(s, 16), default=0), p.add_argument("--delay", type=float, default=0)
o = p.parse_args()
todo = []


def judge(item):
    """Failure Reason of an item of Referenced SOP Sequence; None: it is committed."""
    with open(o.known) as file:
        known = json.load(file)
    sop_class, instance = (item[tag]["Value"][0] for tag in ("00081150", "00081155"))
    if instance not in known:
        return 0x0112
    return None if known[instance] == sop_class else 0x0119


def event_of(data):
    judged = [(item, judge(item)) for item in data["00081199"]["Value"]]
    done = [item for item, reason in judged if reason is None]
    failed = [{**item, "00081197": attribute("US", reason)} for item, reason in judged if reason is not None]
    event = {"00081195": data["00081195"]}
    if done:
        event["00081199"] = attribute("SQ", *done)
    if failed:
        event["00081198"] = attribute("SQ", *failed)
    return event, 2 if failed else 1


def report(association, data):
    event, kind = event_of(data)
    answer = request(association, CMD.N_EVENT_REPORT_RQ, COMMITMENT, event, COMMITMENT_INSTANCE, EventTypeID=kind)
    tell("N-EVENT-REPORT", event, eventType=kind, status=f"{answer.get_command_set().as_int(R.Status)[0]:04x}")


def report_back(data, calling, called):
    host, port = o.back.split(":")
    try:
        role = ROLE.Unspecified if o.no_role else ROLE.SCP
        association = connect(host, port, calling, called, [EVLE], 10, [COMMITMENT], role)
        report(association, data)
        association.release()
    except odil.Exception as e:
        tell("N-EVENT-REPORT", data, status="failed", why=str(e))


def tell(message, data, **more):
    log(json.dumps({"message": message, "transactionUid": data.get("00081195", {}).get("Value", [None])[0], **more}))


def handle(association, message):
    if message.get_command_field() == CMD.C_ECHO_RQ:
        return respond(association, message, R.Verification, 0)
    names = association.get_negotiated_parameters()
    calling, called = names.get_calling_ae_title().strip(), names.get_called_ae_title().strip()
    data = to_json(message.get_data_set())
    tell("N-ACTION", data, calling=calling, called=called, status=f"{o.refuse:04x}", dataSet=data)
    asked = message.get_command_set().as_int(R.ActionTypeID)[0]
    answer = lambda status: respond(association, message, COMMITMENT, status,
                                    AffectedSOPInstanceUID=COMMITMENT_INSTANCE, ActionTypeID=asked)
    if o.refuse:
        return answer(o.refuse)
    if not o.report.endswith("before"):
        answer(0)
    time.sleep(o.delay)
    if o.report.startswith("same"):
        report(association, data)
    elif o.report.startswith("new"):
        report_back(data, calling, called)
    elif o.report == "later":
        todo.append((data, calling, called))
    if o.report.endswith("before"):
        answer(0)


def after():
    while todo:
        report_back(*todo.pop(0))


serve(o.port, handle, after)
