/**
 * usage: node dcmjs-mpps-scp.ts PORT [FOLDER]
 * dcmjs-dimse as MPPS SCP on all interfaces: N-CREATE, N-SET, N-GET, instances kept in memory; checks states only (0111,
 * 0112, 0106, 0110). With FOLDER every message is one line of JSON, and its data set, as dcmjs took it, a DICOM file there.
 */
import dcmjsDimse from 'dcmjs-dimse';
import { writeDcmjsFile } from './dcmjs-file.ts';

const { Server, Scp, Dataset, responses, constants } = dcmjsDimse;
const { PresentationContextResult, SopClass, TransferSyntax } = constants;
dcmjsDimse.log.setLevel('silent');

type Association = InstanceType<typeof dcmjsDimse.association.Association>;
type DataSet = InstanceType<typeof Dataset>;
type Response = InstanceType<typeof responses.NCreateResponse>;

const MPPS = '1.2.840.10008.3.1.2.3.3';
const MPPS_RETRIEVE = '1.2.840.10008.3.1.2.3.4';

const [port, folder] = process.argv.slice(2);
const instances = new Map<string, Record<string, unknown>>();
let count = 0;

const stateOf = (elements: Record<string, unknown>): unknown => elements['PerformedProcedureStepStatus'];

class MppsScp extends Scp {
  private calling = '';

  override associationRequested(association: Association): void {
    this.calling = association.getCallingAeTitle();
    for (const { id } of association.getPresentationContexts() as { id: number }[]) {
      const context = association.getPresentationContext(id);
      const syntax = context
        .getTransferSyntaxUids()
        .find((uid) => [TransferSyntax.ExplicitVRLittleEndian, TransferSyntax.ImplicitVRLittleEndian].includes(uid));
      if (![SopClass.Verification, MPPS, MPPS_RETRIEVE].includes(context.getAbstractSyntaxUid()))
        context.setResult(PresentationContextResult.RejectAbstractSyntaxNotSupported);
      else if (syntax === undefined) context.setResult(PresentationContextResult.RejectTransferSyntaxesNotSupported);
      else context.setResult(PresentationContextResult.Accept, syntax);
    }
    this.sendAssociationAccept();
  }

  override cEchoRequest(
    request: InstanceType<typeof dcmjsDimse.requests.CEchoRequest>,
    callback: (response: InstanceType<typeof responses.CEchoResponse>) => void,
  ): void {
    const response = responses.CEchoResponse.fromRequest(request);
    response.setStatus(0);
    callback(response);
  }

  override nCreateRequest(
    request: InstanceType<typeof dcmjsDimse.requests.NCreateRequest>,
    callback: (response: Response) => void,
  ): void {
    const uid = request.getAffectedSopInstanceUid();
    const elements = request.getDataset()?.getElements() ?? {};
    const status = instances.has(uid) ? 0x0111 : stateOf(elements) === 'IN PROGRESS' ? 0 : 0x0106;
    this.tell('N-CREATE', uid, status, request.getDataset());
    if (status === 0) instances.set(uid, elements);
    const response = responses.NCreateResponse.fromRequest(request);
    response.setStatus(status);
    callback(response);
  }

  override nSetRequest(
    request: InstanceType<typeof dcmjsDimse.requests.NSetRequest>,
    callback: (response: InstanceType<typeof responses.NSetResponse>) => void,
  ): void {
    const uid = request.getRequestedSopInstanceUid();
    const stored = instances.get(uid);
    const status = stored === undefined ? 0x0112 : stateOf(stored) === 'IN PROGRESS' ? 0 : 0x0110;
    this.tell('N-SET', uid, status, request.getDataset());
    if (status === 0) Object.assign(stored ?? {}, request.getDataset()?.getElements());
    const response = responses.NSetResponse.fromRequest(request);
    response.setStatus(status);
    callback(response);
  }

  override nGetRequest(
    request: InstanceType<typeof dcmjsDimse.requests.NGetRequest>,
    callback: (response: InstanceType<typeof responses.NGetResponse>) => void,
  ): void {
    const uid = request.getRequestedSopInstanceUid();
    const stored = instances.get(uid);
    this.tell('N-GET', uid, stored === undefined ? 0x0112 : 0, undefined);
    const response = responses.NGetResponse.fromRequest(request);
    response.setStatus(stored === undefined ? 0x0112 : 0);
    if (stored !== undefined) response.setDataset(new Dataset(stored));
    callback(response);
  }

  override associationReleaseRequested(): void {
    this.sendAssociationReleaseResponse();
  }

  private tell(message: string, uid: string, status: number, dataSet: DataSet | undefined): void {
    if (folder === undefined) return;
    const file = dataSet === undefined ? undefined : writeDcmjsFile(folder, `${process.pid}-${++count}`, dataSet);
    const line = { message, uid, calling: this.calling.trim(), status: status.toString(16).padStart(4, '0'), file };
    console.log(JSON.stringify(line));
  }
}

const server = new Server(MppsScp);
server.on('networkError', (error: Error) => console.log('ERROR', error.message));
server.listen(Number(port));
