/**
 * `node scripts/bench/dcmjs-dimse-findings.ts`: repeats each claim of docs/decisions/0001-own-the-wire.md about dcmjs-dimse,
 * the one JavaScript library for DIMSE, and prints what was observed. Exit status 1 when a claim is not reproduced: then the
 * decision should be read again.
 */
import dcmjsDimse from 'dcmjs-dimse';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { startDcmjsScp } from '../peers/dcmjs.ts';
import { startWlmscpfs } from '../peers/dcmtk.ts';
import { makeLoadWorklist } from '../peers/worklist.ts';
import { Bed } from './bed.ts';
import { median, ms, timeMs } from './measure.ts';
import {
  associate,
  associateRq,
  command,
  explicit,
  EXPLICIT_LE,
  find,
  message,
  pdu,
  PDU,
  RawConnection,
  release,
  VERIFICATION,
  WORKLIST,
} from './wire.ts';
import { broadIdentifier } from './worklist-item.ts';

interface Finding {
  claim: string;
  observe: (bed: Bed) => Promise<{ reproduced: boolean; observed: string }>;
}

const { Client, Dataset, requests } = dcmjsDimse;
dcmjsDimse.log.setLevel('silent');

const HANG_MS = 5_000;
const SLOW_MS = 1_000;
const ITEMS = 1_000;
const ROUNDS = 5;

const ECHO_RQ = message({ field: 0x0030, sopClass: VERIFICATION, messageId: 2 });

async function dcmjsScp(bed: Bed, itemsFile?: string): ReturnType<typeof startDcmjsScp> {
  const scp = await startDcmjsScp(itemsFile);
  // It may hang in a loop that no signal handler gets into.
  bed.cleanup.add(() => scp.running.stop('SIGKILL'));
  return scp;
}

/** Whether the server still answers a C-ECHO of somebody else. */
async function answersOthers(port: number): Promise<boolean> {
  const other = await RawConnection.open(port);
  try {
    other.send(associateRq({ called: 'DCMJS', abstractSyntax: VERIFICATION }));
    return (await other.receive(HANG_MS))?.type === PDU.associateAc;
  } finally {
    other.close();
  }
}

const leak: Finding = {
  claim: 'Fields of one message leak into the next',
  observe: async (bed) => {
    const scp = await dcmjsScp(bed);
    const connection = await associate(scp.port, { called: 'DCMJS', abstractSyntax: VERIFICATION });
    // A C-CANCEL-RQ names the message it cancels, (0000,0120); a C-ECHO-RQ has no such field.
    const cancel = command({ field: 0x0fff, sopClass: VERIFICATION, messageId: 77, hasDataSet: false });
    const fragment = Buffer.concat([Buffer.alloc(6), cancel]);
    fragment.writeUInt32BE(cancel.length + 2);
    fragment.set([1, 3], 4);
    const marked = Buffer.from(fragment);
    // Message ID (0000,0110) of the request becomes Message ID Being Responded To (0000,0120).
    marked[marked.indexOf(Buffer.from('0000100102000000', 'hex')) + 2] = 0x20;
    connection.send(pdu(PDU.data, marked));
    connection.send(ECHO_RQ);
    const [line] = await scp.running.waitFor(/^C-ECHO .*$/m);
    connection.close();
    const leaked = /"MessageIDBeingRespondedTo":77/.test(line);
    return { reproduced: leaked, observed: `C-ECHO-RQ after a C-CANCEL-RQ of message 77 was read as ${line.slice(7)}` };
  },
};

const tinyPdu: Finding = {
  claim: 'A peer whose maximum PDU length is 6 hangs the whole server',
  observe: async (bed) => {
    const scp = await dcmjsScp(bed);
    const connection = await associate(scp.port, { called: 'DCMJS', abstractSyntax: WORKLIST, maximumPduLength: 6 });
    connection.send(message({ field: 0x0020, sopClass: WORKLIST, messageId: 1 }, broadIdentifier()));
    await connection.receive(1_000);
    const answers = await answersOthers(scp.port);
    connection.close();
    return {
      reproduced: !answers,
      observed: answers ? 'others are served' : `others wait for more than ${HANG_MS} ms`,
    };
  },
};

const hugePdu: Finding = {
  claim: 'A peer that announces a 4 GB PDU and begins to send it hangs the whole server before any association',
  observe: async (bed) => {
    const scp = await dcmjsScp(bed);
    const before = await timeMs(() => answersOthers(scp.port));
    const connection = await RawConnection.open(scp.port);
    connection.send(Buffer.from('0100ffffffff', 'hex'));
    const chunk = Buffer.alloc(1 << 20);
    let sent = 0;
    let sending = true;
    const sendMore = (): void => {
      if (!sending) return;
      connection.socket.write(chunk, () => {
        sent += chunk.length;
        sendMore();
      });
    };
    sendMore();
    // Every chunk is joined to all that came before, so the wait of others grows until it shows on any machine.
    const start = performance.now();
    let waited = 0;
    while (waited < SLOW_MS && performance.now() - start < 50_000) {
      await new Promise((resolve) => setTimeout(resolve, 500));
      waited = await timeMs(() => answersOthers(scp.port).catch(() => false));
    }
    sending = false;
    const observed =
      `another peer's A-ASSOCIATE-RQ took ${ms(waited)} (${ms(before)} before) ` +
      `after ${((performance.now() - start) / 1000).toFixed(0)} s and ${(sent / 1e6).toFixed(0)} MB`;
    connection.close();
    return { reproduced: waited >= SLOW_MS, observed };
  },
};

const JAPANESE = {
  // PS3.5 H.3.1: Yamada^Tarou=山田^太郎, in \ISO 2022 IR 87.
  name: 'Yamada^Tarou=山田^太郎',
  bytes: Buffer.concat([
    Buffer.from('Yamada^Tarou=', 'latin1'),
    Buffer.from('1b2442 3b33 4544 1b2842 5e 1b2442 4240 4f3a 1b2842'.replaceAll(' ', ''), 'hex'),
  ]),
};

const charsets: Finding = {
  claim: 'Multi-valued character sets (all Japanese and Korean worklists) are corrupted',
  observe: async () => {
    const bytes = Buffer.concat([
      explicit(0x0008, 0x0005, 'CS', '\\ISO 2022 IR 87'),
      explicit(0x0010, 0x0010, 'PN', JAPANESE.bytes),
    ]);
    const dataSet = new Dataset(bytes, EXPLICIT_LE);
    const name = dataSet.getElements()['PatientName'] as { Alphabetic?: string; Ideographic?: string }[] | undefined;
    const read = [name?.[0]?.Alphabetic ?? '', name?.[0]?.Ideographic ?? ''].join('=');
    const written = Buffer.from(dataSet.getDenaturalizedDataset());
    const survives = read === JAPANESE.name && written.includes(JAPANESE.bytes);
    const observed = `read as ${JSON.stringify(name)}, written again as ${describeName(written)}`;
    return { reproduced: !survives, observed };
  },
};

function describeName(dataSet: Buffer): string {
  const start = dataSet.indexOf(Buffer.from('10001000', 'hex'));
  const charset = /ISO[_ ]?[A-Z0-9 ]*\d/.exec(dataSet.toString('latin1'))?.[0] ?? 'no character set';
  return `${JSON.stringify(dataSet.subarray(start + 8).toString('latin1'))} under ${charset}`;
}

const vanish: Finding = {
  claim: 'Private and unknown attributes vanish',
  observe: async () => {
    const bytes = Buffer.concat([
      explicit(0x0009, 0x0010, 'LO', 'ACME 1.0'),
      explicit(0x0009, 0x1001, 'LO', 'private value'),
      explicit(0x0010, 0x0020, 'LO', 'PID1'),
      explicit(0x0010, 0xfff0, 'LO', 'unknown value'),
    ]);
    const written = Buffer.from(new Dataset(bytes, EXPLICIT_LE).getDenaturalizedDataset());
    const kept = ['ACME 1.0', 'private value', 'unknown value', 'PID1'].filter((text) => written.includes(text));
    return {
      reproduced: kept.length < 4,
      observed: `of four attributes these are written again: ${kept.join(', ') || 'none'}`,
    };
  },
};

const ff01: Finding = {
  claim: 'FF01 is taken as the final response',
  observe: async (bed) => {
    const folder = await bed.cleanup.folder();
    await makeLoadWorklist(folder, 5);
    const scp = await startWlmscpfs(folder, { args: ['--sleep-during', '1'] });
    bed.cleanup.add(() => scp.running.stop());
    const statuses: string[] = [];
    const client = new Client();
    // Keys that wlmscpfs does not support are among those that this adds by itself: it answers FF01.
    const request = requests.CFindRequest.createWorklistFindRequest({ PatientName: '' });
    request.on('response', (response: InstanceType<typeof dcmjsDimse.responses.CFindResponse>) => {
      statuses.push(response.getStatus().toString(16).padStart(4, '0').toUpperCase());
    });
    client.addRequest(request);
    const ended = new Promise<void>((resolve) => {
      client.on('closed', () => resolve());
      client.on('networkError', () => resolve());
      setTimeout(resolve, 3 * HANG_MS);
    });
    client.send('127.0.0.1', scp.port, 'DCMJS', scp.aeTitle, {});
    await ended;
    const complete = statuses.length === 6 && statuses.at(-1) === '0000';
    return { reproduced: !complete, observed: `of five matches and a final response it got: ${statuses.join(', ')}` };
  },
};

const slow: Finding = {
  claim: '1,000 worklist answers take longer than from DCMTK, and hundreds of times as long as raw bytes',
  observe: async (bed) => {
    const folder = await bed.cleanup.folder();
    await makeLoadWorklist(folder, ITEMS);
    const natural = join(folder, 'natural.json');
    await writeFile(natural, JSON.stringify(Array.from({ length: ITEMS }, (_, i) => naturalItem(i))));
    const wlm = await startWlmscpfs(folder);
    bed.cleanup.add(() => wlm.running.stop());
    const servers = {
      'dcmjs-dimse': (await dcmjsScp(bed, natural)).port,
      wlmscpfs: wlm.port,
      'raw bytes': (await bed.server('canned-scp.ts', 'find', String(ITEMS))).port,
    };
    const times: Record<string, number> = {};
    for (const [name, port] of Object.entries(servers)) {
      const rounds: number[] = [];
      for (let round = 0; round < ROUNDS; round++) rounds.push(await timeMs(() => findAll(port)));
      times[name] = median(rounds);
    }
    const { 'dcmjs-dimse': dcmjs = 0, wlmscpfs = 0, 'raw bytes': raw = 0 } = times;
    return {
      reproduced: dcmjs > wlmscpfs && dcmjs > 100 * raw,
      observed: `dcmjs-dimse ${ms(dcmjs)}, wlmscpfs (TCP_NODELAY=1) ${ms(wlmscpfs)}, raw bytes ${ms(raw)}, medians of ${ROUNDS}`,
    };
  },
};

async function findAll(port: number): Promise<void> {
  const connection = await associate(port, { called: 'OFFIS', abstractSyntax: WORKLIST });
  const { matches, status } = await find(connection, broadIdentifier());
  if (matches !== ITEMS || status !== 0) throw new Error(`${matches} matches, status ${status}`);
  await release(connection);
}

/** The item of the benches in dcmjs's own form. */
function naturalItem(n: number): Record<string, unknown> {
  return {
    _vrMap: {},
    AccessionNumber: `ACC${n}`,
    ReferringPhysicianName: 'REFERRING^DOC',
    PatientName: `LOAD^PATIENT${n}`,
    PatientID: `PID${n}`,
    PatientBirthDate: '19700102',
    PatientSex: 'F',
    PatientWeight: '70.5',
    MedicalAlerts: '',
    StudyInstanceUID: `1.2.276.0.7230010.3.2.${n}`,
    RequestingPhysician: 'REQUESTING^DOC',
    RequestedProcedureDescription: 'EXAM OF THE HEAD',
    AdmissionID: `ADM${n}`,
    ScheduledProcedureStepSequence: [
      {
        Modality: 'CT',
        ScheduledStationAETitle: 'CT01',
        ScheduledProcedureStepStartDate: '20260102',
        ScheduledProcedureStepStartTime: '083000',
        ScheduledPerformingPhysicianName: 'PERFORMING^DOC',
        ScheduledProcedureStepDescription: 'EXAM OF THE HEAD',
        ScheduledProcedureStepID: `SPS${n}`,
        ScheduledStationName: 'STNCT',
      },
    ],
    RequestedProcedureID: `RP${n}`,
    RequestedProcedurePriority: 'MEDIUM',
  };
}

console.log(`dcmjs-dimse ${dcmjsDimse.version}, Node ${process.version}\n`);
let missed = 0;
for (const { claim, observe } of [leak, tinyPdu, hugePdu, charsets, vanish, ff01, slow]) {
  const bed = new Bed();
  try {
    const { reproduced, observed } = await observe(bed);
    if (!reproduced) missed++;
    console.log(`${reproduced ? 'reproduced    ' : 'NOT REPRODUCED'}  ${claim}\n${' '.repeat(16)}${observed}`);
  } finally {
    await bed.close();
  }
}
process.exit(missed === 0 ? 0 : 1);
