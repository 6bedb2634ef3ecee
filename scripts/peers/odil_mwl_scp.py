#!/usr/bin/python3
"""usage: odil_mwl_scp.py PORT FILE... [--status HEX] [--after N] [--delay SECONDS] [--repeat N] [--pending HEX]

Modality Worklist SCP over FILEs (DICOM, or *.json: a DICOM JSON data set or a list of them), with faults on order:
--status/--after: final status HEX once N matches were sent; --delay: pause before each response;
--repeat: send every match N times; --pending: status of the matches. Single value, * ?, ranges and sequences match;
C-CANCEL is not seen. Debian: python3-odil python3-pydicom.
"""
import argparse, json, re, time
from pydicom import dcmread
from odil_dimse import CMD, MWL, R, attribute, log, respond, serve, to_json

p = argparse.ArgumentParser(usage=__doc__)
p.add_argument("port"), p.add_argument("file", nargs="+")
p.add_argument("--status", type=lambda s: int(s, 16), default=0), p.add_argument("--after", type=int, default=10**9)
p.add_argument("--delay", type=float, default=0), p.add_argument("--repeat", type=int, default=1)
p.add_argument("--pending", type=lambda s: int(s, 16), default=0xFF00)
o = p.parse_args()


def read(path):
    if path.endswith(".json"):
        d = json.load(open(path))
        return d if isinstance(d, list) else [d]
    d = dcmread(path, force=True)
    d.decode()
    return [{**d.to_json_dict(), "00080005": attribute("CS", "ISO_IR 192")}]


items = [d for f in o.file for d in read(f)]


def text(value):
    return "=".join(value.values()) if isinstance(value, dict) else str(value)


def is_universal(query):
    """No key has a value, at any depth: matches everything, missing sequences too (PS3.4 C.2.2.2.6)."""
    values = [k for q in query.values() for k in q.get("Value", []) if k not in ("", None, {})]
    return all(isinstance(v, dict) and "Alphabetic" not in v and is_universal(v) for v in values)


def matches(item, query):
    for tag, q in query.items():
        keys = [k for k in q.get("Value", []) if k not in ("", None, {})]
        if not keys or tag == "00080005":
            continue
        have = item.get(tag, {}).get("Value", [])
        if q["vr"] == "SQ":
            ok = is_universal(keys[0]) or any(matches(h, keys[0]) for h in have)
        elif q["vr"] in ("DA", "TM", "DT") and "-" in keys[0]:
            lo, hi = keys[0].split("-", 1)
            ok = any((not lo or h >= lo) and (not hi or h <= hi) for h in have)
        else:
            patterns = [re.escape(text(k)).replace(r"\*", ".*").replace(r"\?", ".") for k in keys]
            ok = any(re.fullmatch(x, text(h), re.I if q["vr"] == "PN" else 0) for h in have for x in patterns)
        if not ok:
            return False
    return True


def project(item, query):
    out = {}
    for tag, q in query.items():
        out[tag] = item.get(tag, {"vr": q["vr"]})
        if q["vr"] == "SQ" and q.get("Value") and q["Value"][0]:
            out[tag] = {"vr": "SQ", "Value": [project(h, q["Value"][0]) for h in item.get(tag, {}).get("Value", [])]}
    if "00080005" in item:
        out["00080005"] = item["00080005"]
    return out


def handle(association, message):
    if message.get_command_field() == CMD.C_ECHO_RQ:
        return respond(association, message, R.Verification, 0)
    if message.get_command_field() != CMD.C_FIND_RQ:
        return log("ignored", hex(int(message.get_command_field())))
    query, sent = to_json(message.get_data_set()), 0
    log("C-FIND", json.dumps(query, ensure_ascii=False))
    for item in [i for i in items if matches(i, query) for _ in range(o.repeat)]:
        if sent == o.after:
            break
        time.sleep(o.delay)
        respond(association, message, MWL, o.pending, project(item, query))
        sent += 1
    time.sleep(o.delay)
    respond(association, message, MWL, o.status)
    log("SENT", sent, f"{o.status:04x}")


serve(o.port, handle)
