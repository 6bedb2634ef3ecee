/**
 * usage: node dcmjs-mpps-scu.ts PORT CALLED_AET CALLING_AET FOLDER STEP...
 * dcmjs-dimse as MPPS SCU, all STEPs over one association: create:UID:FILE, set:UID:FILE, get:UID. FILE is a DICOM file.
 * Prints each response as one line of JSON; a data set in it becomes a DICOM file in FOLDER.
 */
import dcmjsDimse from 'dcmjs-dimse';
import { writeDcmjsFile } from './dcmjs-file.ts';

const { Client, Dataset, requests } = dcmjsDimse;
dcmjsDimse.log.setLevel('silent');

type Response = InstanceType<typeof dcmjsDimse.responses.NCreateResponse>;
type DataSet = InstanceType<typeof Dataset>;

const MPPS = '1.2.840.10008.3.1.2.3.3';
const MPPS_RETRIEVE = '1.2.840.10008.3.1.2.3.4';

const [port, called = '', calling = '', folder = '', ...steps] = process.argv.slice(2);
const client = new Client();

function requestOf(
  kind: string | undefined,
  uid: string,
  file: string,
): InstanceType<typeof dcmjsDimse.requests.NCreateRequest> {
  // No list asks for everything; its types do not know that one may be left out.
  if (kind === 'get') return new requests.NGetRequest(MPPS_RETRIEVE, uid, undefined as unknown as string[]);
  const request = kind === 'create' ? new requests.NCreateRequest(MPPS, uid) : new requests.NSetRequest(MPPS, uid);
  request.setDataset(Dataset.fromFile(file) as unknown as DataSet);
  return request;
}

for (const [index, text] of steps.entries()) {
  const [step, uid = '', file = ''] = text.split(':');
  const request = requestOf(step, uid, file);
  request.on('response', (response: Response) => {
    const dataSet = response.hasDataset() ? response.getDataset() : undefined;
    const line = {
      step,
      status: response.getStatus().toString(16).padStart(4, '0'),
      uid: response.getAffectedSopInstanceUid(),
      comment: response.getErrorComment(),
      file: dataSet === undefined ? undefined : writeDcmjsFile(folder, `${process.pid}-${index}`, dataSet),
    };
    console.log(JSON.stringify(line));
  });
  client.addRequest(request);
}
client.on('networkError', (error: Error) => {
  console.log('ERROR', error.message);
  process.exitCode = 1;
});
client.on('associationRejected', () => {
  console.log('REJECTED');
  process.exitCode = 1;
});
client.send('127.0.0.1', Number(port), calling, called, {});
