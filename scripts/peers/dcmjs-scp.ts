/**
 * usage: node dcmjs-scp.ts PORT [ITEMS.json]
 * dcmjs-dimse as server on all interfaces: C-ECHO (its command is printed), and a worklist C-FIND that answers every item of ITEMS (a JSON array of
 * dcmjs's own natural data sets; three built-in steps without it), matching Modality and PatientName.
 */
import dcmjsDimse from 'dcmjs-dimse';
import { readFileSync } from 'node:fs';

const { Server, Scp, Dataset, responses, constants } = dcmjsDimse;
const { Status, PresentationContextResult, SopClass, TransferSyntax } = constants;
dcmjsDimse.log.setLevel('silent');

type Elements = Record<string, unknown>;

const step = (n: number, name: string, modality: string): Elements => ({
  _vrMap: {},
  SpecificCharacterSet: 'ISO_IR 192',
  AccessionNumber: `ACC${n}`,
  PatientName: name,
  PatientID: `PID${n}`,
  StudyInstanceUID: `1.2.3.${n}`,
  RequestedProcedureID: `RP${n}`,
  ScheduledProcedureStepSequence: [
    {
      Modality: modality,
      ScheduledStationAETitle: 'MOD',
      ScheduledProcedureStepStartDate: '20260102',
      ScheduledProcedureStepStartTime: '101500',
      ScheduledProcedureStepID: `SPS${n}`,
    },
  ],
});

const [port, itemsFile] = process.argv.slice(2);
const items =
  itemsFile === undefined
    ? [step(1, 'Müller^Jörg', 'MR'), step(2, 'Yamada^Tarou=山田^太郎', 'CT'), step(3, 'DOE^JANE', 'US')]
    : (JSON.parse(readFileSync(itemsFile, 'utf8')) as Elements[]);

const modalityOf = (elements: Elements): unknown =>
  (elements['ScheduledProcedureStepSequence'] as Elements[] | undefined)?.[0]?.['Modality'];

class WorklistScp extends Scp {
  override associationRequested(association: InstanceType<typeof dcmjsDimse.association.Association>): void {
    for (const { id } of association.getPresentationContexts() as { id: number }[]) {
      const context = association.getPresentationContext(id);
      const known = [SopClass.Verification, SopClass.ModalityWorklistInformationModelFind];
      if (!known.includes(context.getAbstractSyntaxUid())) {
        context.setResult(PresentationContextResult.RejectAbstractSyntaxNotSupported);
        continue;
      }
      const syntax = context
        .getTransferSyntaxUids()
        .find((uid) => [TransferSyntax.ExplicitVRLittleEndian, TransferSyntax.ImplicitVRLittleEndian].includes(uid));
      if (syntax === undefined) context.setResult(PresentationContextResult.RejectTransferSyntaxesNotSupported);
      else context.setResult(PresentationContextResult.Accept, syntax);
    }
    this.sendAssociationAccept();
  }

  override cEchoRequest(
    request: InstanceType<typeof dcmjsDimse.requests.CEchoRequest>,
    callback: (response: InstanceType<typeof responses.CEchoResponse>) => void,
  ): void {
    console.log('C-ECHO', JSON.stringify(request.getCommandDataset()?.getElements()));
    const response = responses.CEchoResponse.fromRequest(request);
    response.setStatus(Status.Success);
    callback(response);
  }

  override cFindRequest(
    request: InstanceType<typeof dcmjsDimse.requests.CFindRequest>,
    callback: (answers: InstanceType<typeof responses.CFindResponse>[]) => void,
  ): void {
    const wanted = modalityOf(request.getDataset()?.getElements() ?? {});
    const hits = items.filter((item) => wanted === undefined || wanted === '' || modalityOf(item) === wanted);
    const answer = (status: number, item?: Elements): InstanceType<typeof responses.CFindResponse> => {
      const response = responses.CFindResponse.fromRequest(request);
      // By itself it answers every C-FIND in the name of Study Root Query/Retrieve.
      response.setAffectedSopClassUid(request.getAffectedSopClassUid());
      response.setStatus(status);
      if (item !== undefined) response.setDataset(new Dataset(item));
      return response;
    };
    callback([...hits.map((item) => answer(Status.Pending, item)), answer(Status.Success)]);
  }

  override associationReleaseRequested(): void {
    this.sendAssociationReleaseResponse();
  }
}

const server = new Server(WorklistScp);
server.on('networkError', (error: Error) => console.log('ERROR', error.message));
server.listen(Number(port));
