#!/usr/bin/python3
"""usage: read_dicom.py [--charset] SOURCE...      SOURCE: FILE.dcm, FILE.json, FILE.xml, or FILE.http (Content-Type line, then the body)

The independent reader of the peer tests: prints one JSON array with the data sets of all SOURCEs in one normal form, so
that answers that came over different protocols can be compared attribute by attribute:
  {tag: [vr, value, ...]}: text as Unicode without padding, numbers as their text, person names as 'A=I=P', bytes as hex,
  items as objects, no value at all as [vr].
Left out because peers may lawfully differ: Specific Character Set (the text is decoded; --charset keeps it), group
0002, group lengths.
DICOM files are read by pydicom, JSON and multipart by Python's json and email, XML by its etree. Debian: python3-pydicom.
"""
import base64, email, json, sys
import xml.etree.ElementTree as etree
from pydicom import dcmread

NUMBERS = {"US", "SS", "UL", "SL", "FL", "FD", "IS", "DS", "SV", "UV"}
KEEP_LEADING = {"LT", "ST", "UT"}
MODEL = "{http://dicom.nema.org/PS3.19/models/NativeDICOM}"


def left_out(tag):
    return tag == "00080005" and "--charset" not in sys.argv or tag.startswith("0002") or tag.endswith("0000")


def text(value, vr):
    value = "" if value is None else str(value)
    return value.rstrip(" \0") if vr in KEEP_LEADING else value.strip(" \0")


def number(value):
    """12 and 12.0 are one number; text of DS and IS that is no plain number stays as it is."""
    if value is None:
        return ""
    value = str(value).strip()
    try:
        return f"{float(value):.12g}" if value and value[0] != "+" else value
    except ValueError:
        return value


def entry(vr, values):
    while values and values[-1] == "":
        values.pop()
    return [vr, *values]


def from_pydicom(data_set):
    data_set.decode()
    out = {}
    for element in data_set:
        tag, vr = f"{element.tag:08X}", element.VR
        if left_out(tag):
            continue
        value = element.value
        if vr == "SQ":
            out[tag] = [vr, *(from_pydicom(item) for item in value)]
        elif isinstance(value, bytes):
            out[tag] = entry(vr, [value.rstrip(b"\0").hex()])
        else:
            many = hasattr(value, "__iter__") and not isinstance(value, str) and vr != "PN" or type(value).__name__ in ("MultiValue", "list")
            values = list(value) if many else [value]
            if vr == "PN":
                out[tag] = entry(vr, [text(v, vr).rstrip("=") for v in values])
            elif vr == "AT":
                out[tag] = entry(vr, [f"{v:08X}" for v in values if v is not None])
            elif vr in NUMBERS:
                out[tag] = entry(vr, [number(getattr(v, "original_string", v)) for v in values])
            else:
                out[tag] = entry(vr, [text(v, vr) for v in values])
    return out


def person(value):
    if not isinstance(value, dict):
        return text(value, "PN")
    return "=".join(value.get(group, "") for group in ("Alphabetic", "Ideographic", "Phonetic")).rstrip("=")


def from_json(data_set):
    out = {}
    for tag, element in data_set.items():
        vr, values = element["vr"], element.get("Value", [])
        if left_out(tag):
            continue
        if "InlineBinary" in element:
            out[tag] = entry(vr, [base64.b64decode(element["InlineBinary"]).rstrip(b"\0").hex()])
        elif vr == "SQ":
            out[tag] = [vr, *(from_json(item or {}) for item in values)]
        elif vr == "PN":
            out[tag] = entry(vr, [person(v) if v else "" for v in values])
        else:
            out[tag] = entry(vr, [number(v) if vr in NUMBERS else text(v, vr) for v in values])
    return out


def from_xml(parent):
    out = {}
    creators = {}
    for element in parent:
        name = element.tag.replace(MODEL, "")
        assert name == "DicomAttribute", f"unexpected element {name}"
        tag, vr = element.get("tag"), element.get("vr")
        creator = element.get("privateCreator")
        if creator is not None:  # PS3.19 A.1: block 00 plus the creator's name; DIMSE and JSON have a creator element
            block = creators.setdefault((tag[:4], creator), 0x10 + sum(1 for group, _ in creators if group == tag[:4]))
            out[f"{tag[:4]}00{block:02X}"] = ["LO", creator]
            tag = f"{tag[:4]}{block:02X}{tag[6:]}"
        if left_out(tag):
            continue
        children = sorted(element, key=lambda c: int(c.get("number", 0)))
        values = []
        for child in children:
            kind = child.tag.replace(MODEL, "")
            if kind == "Item":
                values.append(from_xml(child))
            elif kind == "PersonName":
                groups = []
                for group in ("Alphabetic", "Ideographic", "Phonetic"):
                    found = [g for g in child if g.tag.replace(MODEL, "") == group]
                    parts = {p.tag.replace(MODEL, ""): p.text or "" for g in found for p in g}
                    names = ("FamilyName", "GivenName", "MiddleName", "NamePrefix", "NameSuffix")
                    groups.append("^".join(parts.get(n, "") for n in names).rstrip("^"))
                values.append("=".join(groups).rstrip("="))
            elif kind == "InlineBinary":
                values.append(base64.b64decode(child.text or "").rstrip(b"\0").hex())
            else:
                values.append(number(child.text) if vr in NUMBERS else text(child.text, vr))
        out[tag] = [vr, *values] if vr == "SQ" else entry(vr, values)
    return out


def from_body(kind, body):
    """Data sets of one HTTP body, or of one part of a multipart body."""
    if "json" in kind:
        parsed = json.loads(body.decode("utf-8"))
        return [from_json(d) for d in (parsed if isinstance(parsed, list) else [parsed])]
    root = etree.fromstring(body)
    assert root.tag in (MODEL + "NativeDicomModel", "NativeDicomModel"), f"unexpected root {root.tag}"
    return [from_xml(root)]


def from_http(path):
    raw = open(path, "rb").read()
    head, body = raw.split(b"\n", 1)
    kind = head.decode("ascii")
    if not kind.startswith("multipart/"):
        return from_body(kind, body) if body else []
    message = email.message_from_bytes(b"Content-Type: " + head + b"\r\n\r\n" + body)
    assert message.is_multipart() and not message.defects, f"not a sound multipart body: {message.defects}"
    wanted = message.get_param("type")
    parts = message.get_payload()
    for part in parts:
        assert part.get_content_type() == wanted, f"a part of type {part.get_content_type()} in {kind}"
    return [d for part in parts for d in from_body(part.get_content_type(), part.get_payload(decode=True))]


def read(path):
    if path.endswith(".http"):
        return from_http(path)
    if path.endswith(".json"):
        return from_body("json", open(path, "rb").read())
    if path.endswith(".xml"):
        return from_body("xml", open(path, "rb").read())
    return [from_pydicom(dcmread(path, force=True))]


if __name__ == "__main__":
    json.dump([d for path in sys.argv[1:] if path != "--charset" for d in read(path)], sys.stdout, ensure_ascii=False, sort_keys=True)
