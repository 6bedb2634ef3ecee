"""DIMSE messages on odil (Debian: python3-odil; run with /usr/bin/python3). Imported by the other odil_*.py.

odil does ACSE, PDUs and the data set encoding; data sets are given and printed as DICOM JSON.
"""
import ctypes, io, json, os, select, signal, socket, time
import odil

R = odil.registry
CMD = odil.messages.Message.Command
IVLE, EVLE = "1.2.840.10008.1.2", "1.2.840.10008.1.2.1"
MWL = "1.2.840.10008.5.1.4.31"
MPPS, MPPS_RETRIEVE = "1.2.840.10008.3.1.2.3.3", "1.2.840.10008.3.1.2.3.4"
MPPS_NOTIFICATION = "1.2.840.10008.3.1.2.3.5"
COMMITMENT, COMMITMENT_INSTANCE = "1.2.840.10008.1.20.1", "1.2.840.10008.1.20.1.1"
UPS_PUSH, UPS_WATCH, UPS_PULL = (f"1.2.840.10008.5.1.4.34.6.{n}" for n in (1, 2, 3))
ROLE = odil.AssociationParameters.PresentationContext.Role


def log(*words):
    print(*words, flush=True)


def to_data_set(obj):
    """DICOM JSON (dict) -> odil.DataSet; Specific Character Set UTF-8 is added where it is needed and missing."""
    if any(ord(c) > 127 for c in json.dumps(obj, ensure_ascii=False)):
        obj = {**obj, "00080005": {"vr": "CS", "Value": ["ISO_IR 192"]}}
    return odil.from_json(json.dumps(obj))


def to_json(data_set):
    """odil.DataSet -> DICOM JSON (dict). odil writes tags in lower case."""

    def upper(d):
        return {
            tag.upper(): {**e, "Value": [upper(i) for i in e["Value"]]} if e["vr"] == "SQ" and "Value" in e else e
            for tag, e in d.items()
        }

    return upper(json.loads(odil.as_json(data_set)))


def attribute(vr, *value):
    return {"vr": vr, "Value": list(value)} if value else {"vr": vr}


def uid_of(command, name):
    """The UID called name in a command set, or None."""
    element = getattr(R, name)
    values = command.as_string(element) if command.has(element) else []
    return bytes(values[0]).decode("ascii").rstrip("\0 ") if len(values) else None


def write_data_set(data_set, path):
    """A DICOM file (PS3.10 7) around the data set as it came: its strings are bytes to odil, whatever their character set."""
    stream = io.BytesIO()
    out = odil.iostream(stream)  # has to outlive the writer
    writer = odil.Writer(out, EVLE)
    writer.write_data_set(data_set)
    syntax = b"\x02\x00\x10\x00UI" + (len(EVLE) + 1).to_bytes(2, "little") + EVLE.encode() + b"\0"
    meta = b"\x02\x00\x00\x00UL\x04\x00" + len(syntax).to_bytes(4, "little") + syntax
    with open(path, "wb") as file:
        file.write(bytes(128) + b"DICM" + meta + stream.getvalue())


def connect(host, port, called, calling, syntaxes, timeout=20, abstract=(MWL,), role=ROLE.SCU):
    """An association with one presentation context for each abstract syntax. role: what we propose to be; odil proposes
    nothing for Unspecified."""
    association = odil.Association()
    association.set_peer_host(host)
    association.set_peer_port(int(port))
    association.set_tcp_timeout(timeout)
    context = odil.AssociationParameters.PresentationContext
    association.update_parameters().set_called_ae_title(called).set_calling_ae_title(calling).set_presentation_contexts(
        [context(uid, list(syntaxes), role) for uid in abstract])
    association.associate()
    return association


def request(association, command, abstract, data, instance, requested=False, named=None, **extra):
    """One DIMSE-N request and its response; data: DICOM JSON, None for none; requested: the instance is named as Requested,
    not as Affected SOP Instance; named: the class in the command, where it is another than that of the context; extra:
    further command elements."""
    fields, side = odil.DataSet(), "Requested" if requested else "Affected"
    fields.add(R.CommandField, [int(command)])
    fields.add(R.MessageID, [association.next_message_id()])
    fields.add(getattr(R, f"{side}SOPClassUID"), [named or abstract])
    fields.add(getattr(R, f"{side}SOPInstanceUID"), [instance])
    for name, value in extra.items():
        fields.add(getattr(R, name), [value])
    message = odil.messages.Message
    association.send_message(message(fields) if data is None else message(fields, to_data_set(data)), abstract)
    return association.receive_message()


def respond(association, request, abstract, status, data=None, **extra):
    """Answer the request message; data: DICOM JSON of the response's data set, or an odil.DataSet; extra: further
    command elements, ErrorComment="..." and the like."""
    command, asked = odil.DataSet(), request.get_command_set()
    command.add(R.CommandField, [int(request.get_command_field()) | 0x8000])
    command.add(R.MessageIDBeingRespondedTo, [asked.as_int(R.MessageID)[0]])
    command.add(R.AffectedSOPClassUID, [abstract])
    command.add(R.Status, [status])
    for name, value in extra.items():
        command.add(getattr(R, name), [value])
    message = odil.messages.Message
    if isinstance(data, dict):
        data = to_data_set(data)
    association.send_message(message(command, data) if data is not None else message(command), abstract)


def front(port, inner):
    """Fork a process that listens on 127.0.0.1:port and hands connections one by one to odil's port inner: odil
    itself listens on all addresses and, between two associations, not at all."""
    parent = os.getpid()
    if os.fork():
        return
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG: end with the parent
    listener = socket.create_server(("127.0.0.1", int(port)), backlog=64)
    while os.getppid() == parent:
        client, _ = listener.accept()
        for _ in range(250):
            try:
                server = socket.create_connection(("127.0.0.1", inner))
                break
            except OSError:
                time.sleep(0.02)
        other = {client: server, server: client}
        while len(other) == 2:
            for s in select.select(list(other), [], [])[0]:
                try:
                    data = s.recv(65536)
                    other[s].sendall(data)
                except OSError:
                    data = b""
                if not data:
                    other.clear()
                    break
        client.close(), server.close()
    os._exit(0)


def serve(port, handle, after=lambda: None):
    """Accept associations one after another, call handle(association, message) for each message, and after() once each
    association has ended. A second caller waits until the first has gone."""
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        inner = s.getsockname()[1]
    front(port, inner)
    while True:
        association = odil.Association()
        association.set_tcp_timeout(2000)  # int32 microseconds: 2147 s at most
        try:
            association.receive_association("v4", inner)
            names = association.get_negotiated_parameters()
            log("ASSOCIATION", names.get_calling_ae_title(), "->", names.get_called_ae_title())
            while True:
                handle(association, association.receive_message())
        except odil.AssociationReleased:
            log("RELEASED")
        except odil.AssociationAborted:
            log("ABORTED")
        except odil.Exception as e:
            log("ERROR", e)
        after()
