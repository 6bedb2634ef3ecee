"""DIMSE messages on odil (Debian: python3-odil; run with /usr/bin/python3). Imported by odil_mwl_*.py.

odil does ACSE, PDUs and the data set encoding; data sets are given and printed as DICOM JSON.
"""
import ctypes, json, os, select, signal, socket, time
import odil

R = odil.registry
CMD = odil.messages.Message.Command
IVLE, EVLE = "1.2.840.10008.1.2", "1.2.840.10008.1.2.1"
MWL = "1.2.840.10008.5.1.4.31"


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


def connect(host, port, called, calling, syntaxes, timeout=20):
    """An association with one presentation context for Modality Worklist."""
    association = odil.Association()
    association.set_peer_host(host)
    association.set_peer_port(int(port))
    association.set_tcp_timeout(timeout)
    context = odil.AssociationParameters.PresentationContext
    association.update_parameters().set_called_ae_title(called).set_calling_ae_title(calling).set_presentation_contexts(
        [context(MWL, list(syntaxes), context.Role.SCU)])
    association.associate()
    return association


def respond(association, request, abstract, status, data=None):
    """Answer the request message; data: DICOM JSON of the response's data set."""
    command, asked = odil.DataSet(), request.get_command_set()
    command.add(R.CommandField, [int(request.get_command_field()) | 0x8000])
    command.add(R.MessageIDBeingRespondedTo, [asked.as_int(R.MessageID)[0]])
    command.add(R.AffectedSOPClassUID, [abstract])
    command.add(R.Status, [status])
    message = odil.messages.Message
    association.send_message(
        message(command, to_data_set(data)) if data is not None else message(command), abstract)


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


def serve(port, handle):
    """Accept associations one after another, call handle(association, message) for each message. A second caller waits
    until the first has gone."""
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
