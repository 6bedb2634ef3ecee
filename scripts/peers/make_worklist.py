#!/usr/bin/python3
"""usage: make_worklist.py charsets FOLDER          one record per character set; prints the list of files as JSON
       make_worklist.py load FOLDER COUNT COMMENT_LENGTH [AETITLE]
                                               FOLDER/items.json and, with AETITLE, FOLDER/AETITLE/*.wl

Worklist records written by pydicom, with a lockfile as wlmscpfs wants it. Debian: python3-pydicom.
"""
import json, os, sys
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, generate_uid

# Name, Specific Character Set, patient name, and a description in the same script where the set has one. Multi-valued
# sets need code extensions (PS3.5 6.1.2.5); the Japanese, Korean and Chinese names are those of PS3.5 annexes H to K.
CHARSETS = [
    ("ascii", [], "VIVALDI^ANTONIO", "EXAM74"),
    ("latin1", ["ISO_IR 100"], "Müller^Jörg", "Schädel süß"),
    ("latin2", ["ISO_IR 101"], "Wałęsa^Lech", "Głowa"),
    ("cyrillic", ["ISO_IR 144"], "Люкceмбypг", "Голова"),
    ("greek", ["ISO_IR 126"], "Διονυσιος", "Κεφαλή"),
    ("arabic", ["ISO_IR 127"], "قباني^لنزار", "رأس"),
    ("hebrew", ["ISO_IR 138"], "שרון^דבורה", "ראש"),
    ("thai", ["ISO_IR 166"], "นามสกุล^ชื่อ", "ศีรษะ"),
    ("utf8", ["ISO_IR 192"], "Wang^XiaoDong=王^小東", "頭部 Κεφαλή Голова"),
    ("gb18030", ["GB18030"], "Wang^XiaoDong=王^小东", "头部"),
    ("katakana", ["ISO_IR 13"], "ﾔﾏﾀﾞ^ﾀﾛｳ=", "ﾄｳﾌﾞ"),
    ("kanji", ["", "ISO 2022 IR 87"], "Yamada^Tarou=山田^太郎=やまだ^たろう", "頭部"),
    ("kana-kanji", ["ISO 2022 IR 13", "ISO 2022 IR 87"], "ﾔﾏﾀﾞ^ﾀﾛｳ=山田^太郎=やまだ^たろう", "頭部"),
    ("korean", ["", "ISO 2022 IR 149"], "Hong^Gildong=洪^吉洞=홍^길동", "두부"),
]
# ISO 2022 IR 58 is not here: pydicom 2.3 writes it without its escape sequence.


def record(n, name, description, charset=(), comment=""):
    modality = ("MR", "CT", "US", "CR")[n % 4]
    d = Dataset()
    if charset:
        d.SpecificCharacterSet = list(charset) if len(charset) > 1 else charset[0]
    d.AccessionNumber = f"ACC{n:05d}"
    d.ReferringPhysicianName = "REFERRING^DOC"
    d.ReferencedStudySequence = []
    d.ReferencedPatientSequence = []
    d.PatientName = name
    d.PatientID = f"PID{n:05d}"
    d.PatientBirthDate = "19700102"
    d.PatientSex = "F"
    d.PatientSize = "1.70"
    d.PatientWeight = "70.5"
    d.MedicalAlerts = ""
    d.Allergies = ""
    d.StudyInstanceUID = f"1.2.276.0.7230010.3.2.{1000 + n}"
    d.RequestingPhysician = "REQUESTING^DOC"
    d.RequestedProcedureDescription = description
    d.AdmissionID = f"ADM{n:05d}"
    code = Dataset()
    code.CodeValue, code.CodingSchemeDesignator, code.CodeMeaning = f"P{n % 17}", "99LOCAL", f"EXAM {modality}"
    d.RequestedProcedureCodeSequence = [code]
    step = Dataset()
    step.Modality = modality
    step.RequestedContrastAgent = ""
    step.ScheduledStationAETitle = f"{modality}01"
    step.ScheduledProcedureStepStartDate = f"2026{1 + n // 28 % 12:02d}{1 + n % 28:02d}"
    step.ScheduledProcedureStepStartTime = f"{7 + n % 12:02d}3000"
    step.ScheduledPerformingPhysicianName = "PERFORMING^DOC"
    step.ScheduledProcedureStepDescription = description
    step.ScheduledProcedureStepID = f"SPS{n:05d}"
    step.ScheduledStationName = f"STN{modality}"
    step.ScheduledProcedureStepLocation = "ROOM 1"
    step.PreMedication = ""
    step.CommentsOnTheScheduledProcedureStep = comment.strip()
    d.ScheduledProcedureStepSequence = [step]
    d.RequestedProcedureID = f"RP{n:05d}"
    d.RequestedProcedurePriority = "MEDIUM"
    return d


def save(d, path):
    d.file_meta = FileMetaDataset()
    d.file_meta.MediaStorageSOPClassUID = "1.2.276.0.7230010.3.1.0.1"
    d.file_meta.MediaStorageSOPInstanceUID = generate_uid()
    d.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    d.is_little_endian, d.is_implicit_VR = True, False
    d.save_as(path, write_like_original=False)


def to_json(d):
    """pydicom writes "Value": [] for an empty sequence; PS3.18 F.2.5 wants the vr alone."""
    return {tag: {k: v for k, v in e.items() if v != []} for tag, e in d.to_json_dict().items()}


def lockfile(folder):
    os.makedirs(folder, exist_ok=True)
    open(os.path.join(folder, "lockfile"), "w").close()


if sys.argv[1] == "charsets":
    folder, files = sys.argv[2], []
    lockfile(folder)
    for n, (label, charset, name, description) in enumerate(CHARSETS, 1):
        files.append(os.path.join(folder, f"{n:02d}-{label}.wl"))
        save(record(n, name, description, charset), files[-1])
    print(json.dumps(files))
else:
    folder, count, comment = sys.argv[2], int(sys.argv[3]), "comment " * (int(sys.argv[4]) // 8)
    records = [record(n, f"LOAD^PATIENT{n:05d}", "EXAM OF THE HEAD", comment=comment) for n in range(1, count + 1)]
    os.makedirs(folder, exist_ok=True)
    with open(os.path.join(folder, "items.json"), "w") as f:
        f.write("[" + ",".join(json.dumps(to_json(d)) for d in records) + "]")
    if len(sys.argv) > 5:
        lockfile(os.path.join(folder, sys.argv[5]))
        for n, d in enumerate(records, 1):
            save(d, os.path.join(folder, sys.argv[5], f"{n:05d}.wl"))
