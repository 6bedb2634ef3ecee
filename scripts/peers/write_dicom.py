#!/usr/bin/python3
"""usage: write_dicom.py < LIST.json      LIST: [{"file": PATH, "dataSet": {DICOM JSON}, "characterSet": ["ISO_IR 100"]}]

Writes each data set as a DICOM file by pydicom, its text in the character set given (empty: default repertoire).
Debian: python3-pydicom.
"""
import json, sys
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian


def write(path, data_set, character_set):
    d = Dataset.from_json(data_set)
    if character_set:
        d.SpecificCharacterSet = character_set if len(character_set) > 1 else character_set[0]
    d.file_meta = FileMetaDataset()
    d.file_meta.MediaStorageSOPClassUID = "1.2.840.10008.3.1.2.3.3"
    d.file_meta.MediaStorageSOPInstanceUID = "2.25.1"
    d.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    d.is_little_endian, d.is_implicit_VR = True, False
    d.save_as(path, write_like_original=False)


for entry in json.load(sys.stdin):
    write(entry["file"], entry["dataSet"], entry["characterSet"])
