/** Associate, C-ECHO, release, eight at a time: against a server of canned bytes and against dcmjs-dimse. */
import { startDcmjsScp } from '../peers/dcmjs.ts';
import { Bed } from './bed.ts';
import { compareMs, type Row } from './measure.ts';
import { associate, message, PDU, release, statusOf, VERIFICATION } from './wire.ts';

const ASSOCIATIONS = 800;
const PARALLEL = 8;

const ECHO_RQ = message({ field: 0x0030, sopClass: VERIFICATION, messageId: 1 });

async function echo(port: number, called: string): Promise<void> {
  const connection = await associate(port, { called, abstractSyntax: VERIFICATION });
  connection.send(ECHO_RQ);
  const answer = await connection.receive();
  if (answer?.type !== PDU.data || statusOf(answer.body.subarray(6)) !== 0) throw new Error('C-ECHO failed');
  await release(connection);
}

async function echoMany(port: number, called: string): Promise<void> {
  let left = ASSOCIATIONS;
  const worker = async (): Promise<void> => {
    while (left-- > 0) await echo(port, called);
  };
  await Promise.all(Array.from({ length: PARALLEL }, worker));
}

export async function benchEcho(): Promise<Row[]> {
  const bed = new Bed();
  try {
    const canned = await bed.server('canned-scp.ts', 'echo');
    const dcmjs = await startDcmjsScp();
    bed.cleanup.add(() => dcmjs.running.stop());
    const gateway = await bed.dimseToWeb('http://127.0.0.1:9/unused');
    const times = await compareMs({
      canned: () => echoMany(canned.port, 'CANNED'),
      gateway: () => echoMany(gateway.port('ward'), 'DIMSEWAY'),
      dcmjs: () => echoMany(dcmjs.port, 'DCMJS'),
    });
    const rate = (ms: number): string => `${Math.round((ASSOCIATIONS / ms) * 1000)}/s`;
    const detail = `gateway ${rate(times.gateway)}, canned bytes ${rate(times.canned)}, dcmjs-dimse ${rate(times.dcmjs)}`;
    const name = 'associate + C-ECHO + release, 8 in parallel, rate';
    return [
      { name: `${name} / canned`, value: times.canned / times.gateway, unit: '×', target: { atLeast: 0.6 }, detail },
      {
        name: `${name} / dcmjs-dimse`,
        value: times.dcmjs / times.gateway,
        unit: '×',
        target: { atLeast: 1.5 },
        detail,
      },
    ];
  } finally {
    await bed.close();
  }
}
