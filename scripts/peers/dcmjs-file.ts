/** A data set as dcmjs-dimse would send it, as a DICOM file (PS3.10 7). */
import type dcmjsDimse from 'dcmjs-dimse';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

const EXPLICIT_VR_LITTLE_ENDIAN = '1.2.840.10008.1.2.1';

export function writeDcmjsFile(folder: string, name: string, dataSet: InstanceType<typeof dcmjsDimse.Dataset>): string {
  const file = join(folder, `${name}.dcm`);
  const value = Buffer.from(`${EXPLICIT_VR_LITTLE_ENDIAN}\0`, 'latin1');
  const syntax = Buffer.concat([Buffer.from([2, 0, 0x10, 0, 0x55, 0x49, value.length, 0]), value]);
  const length = Buffer.from([2, 0, 0, 0, 0x55, 0x4c, 4, 0, syntax.length, 0, 0, 0]);
  dataSet.setTransferSyntaxUid(EXPLICIT_VR_LITTLE_ENDIAN);
  const body = Buffer.from(dataSet.getDenaturalizedDataset());
  writeFileSync(file, Buffer.concat([Buffer.alloc(128), Buffer.from('DICM'), length, syntax, body]));
  return file;
}
