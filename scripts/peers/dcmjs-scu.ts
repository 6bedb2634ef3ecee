/**
 * usage: node dcmjs-scu.ts PORT AET echo | mwl [MODALITY]
 * dcmjs-dimse as client. Prints one line `STATUS(four hex digits) DATASET` for each response.
 */
import dcmjsDimse from 'dcmjs-dimse';

const { Client, requests } = dcmjsDimse;
type Response = InstanceType<typeof dcmjsDimse.responses.CFindResponse>;

dcmjsDimse.log.setLevel('silent');

const [port, aeTitle = '', command, modality = ''] = process.argv.slice(2);
const client = new Client();
const request =
  command === 'echo'
    ? new requests.CEchoRequest()
    : requests.CFindRequest.createWorklistFindRequest({
        PatientName: '',
        PatientID: '',
        ScheduledProcedureStepSequence: [{ Modality: modality, ScheduledProcedureStepID: '' }],
      });
request.on('response', (response: Response) => {
  const status = response.getStatus().toString(16).padStart(4, '0');
  console.log(status, response.hasDataset() ? JSON.stringify(response.getDataset()?.getElements()) : '');
});
client.addRequest(request);
client.on('networkError', (error: Error) => {
  console.log('ERROR', error.message);
  process.exitCode = 1;
});
client.on('associationRejected', () => {
  console.log('REJECTED');
  process.exitCode = 1;
});
client.send('127.0.0.1', Number(port), 'DCMJS', aeTitle, {});
