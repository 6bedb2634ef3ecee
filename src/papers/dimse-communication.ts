/** PS3.2 N.7.1 and N.7.2: associations, and the statuses of DIMSE with their conditions. */
import { DEFINED_TERMS } from '../dataset/character-set-terms.ts';
import { REJECTIONS } from '../dimse/policy.ts';
import { APPLICATION_CONTEXT, IMPLEMENTATION_CLASS_UID, IMPLEMENTATION_VERSION_NAME } from '../dimse/uids.ts';
import { statusText } from '../services/answer.ts';
import { mppsFailureFromDimse } from '../services/mpps/answers.ts';
import { FINAL_ERROR_ID, MPPS_OUTCOMES, mppsDimseOutcome } from '../services/mpps/outcomes.ts';
import type { MppsFailureCode, MppsOperation } from '../services/mpps/outcomes.ts';
import { ServiceFailure } from '../services/port.ts';
import type { FailureCode } from '../services/port.ts';
import { commitmentFailureFromDimse } from '../services/storage-commitment/answers.ts';
import { COMMITMENT_OUTCOMES, commitmentDimseOutcome } from '../services/storage-commitment/outcomes.ts';
import type { CommitmentFailureCode } from '../services/storage-commitment/outcomes.ts';
import { dimseOutcome, failureFromDimse, OUTCOMES } from '../services/worklist/outcomes.ts';
import type { WorklistFailureCode } from '../services/worklist/outcomes.ts';
import { heading, joined, list, table, text } from './document.ts';
import type { Block } from './document.ts';
import { dimseListeners, dimseUpstreams } from './site.ts';
import type { Site } from './site.ts';

export function associations(): Block[] {
  return [
    heading(2, 'N.7 Network and media communication details'),
    heading(3, 'N.7.1 Associations'),
    table('General', ['Item', 'Value'], [
      ['Application context', `\`${APPLICATION_CONTEXT}\``],
      ['Implementation class UID', `\`${IMPLEMENTATION_CLASS_UID}\``],
      ['Implementation version name', IMPLEMENTATION_VERSION_NAME],
      ['Asynchronous operations', 'One operation at a time, as acceptor and as requestor; a window that is proposed is answered 1, 1'],
      ['Role selection', 'As requestor proposed for reports of storage commitment and MPPS Notification, where this side is SCP; as acceptor agreed to for peers that report'],
      ['Transport', 'TCP; TLS where it is configured (N.8)'],
    ]),
    text(
      'As requestor an association is opened for a request and kept for the next ones; one that turns out to be gone is replaced ' +
        'once. As acceptor any number of requests is taken in an association, one after the other.',
    ),
    table(
      'Rejections as acceptor (PS3.8 9.3.4)',
      ['Result', 'Source', 'Reason', 'When'],
      Object.values(REJECTIONS).map(({ result, source, reason, text: when }) => [
        `${result} (${result === 1 ? 'permanent' : 'transient'})`,
        String(source),
        String(reason),
        when,
      ]),
    ),
  ]; // prettier-ignore
}

export function dimseStatuses(site: Site): Block[] {
  const isScp = dimseListeners(site).length > 0;
  const isScu = dimseUpstreams(site).length > 0;
  return [
    heading(3, 'N.7.2 Statuses of DIMSE'),
    ...(isScp ? asScp() : []),
    ...(isScu ? asScu() : []),
    heading(4, 'Own statuses of C-FIND'),
    text('A far end that is no SCP may fail as no status of PS3.4 says. These say so; a query that ends so has failed, whatever came before.'),
    table(
      'C0xx',
      ['Status', 'Error Comment', 'Failure'],
      Object.entries(OUTCOMES)
        .filter(([, { dimseStatus }]) => dimseStatus >= 0xc000 && dimseStatus <= 0xcfff)
        .sort(([, a], [, b]) => a.dimseStatus - b.dimseStatus)
        .map(([code, { dimseStatus, comment }]) => [statusText(dimseStatus), comment, `\`${code}\``]),
    ),
    heading(3, 'Character sets'),
    text('Specific Character Sets (0008,0005) that are read: ' + joined(DEFINED_TERMS.map((term) => `\`${term}\``)) + '.'),
    table(
      'Towards SCUs',
      ['Route', 'Tried in this order', 'Where none has every character'],
      site.config.routes.map(({ name, characterSets, unencodable }) => [
        `\`${name}\``,
        joined([...characterSets.map((set) => `\`${set}\``), 'that of the query', '`ISO_IR 192`']),
        { 'utf-8': '`ISO_IR 192` all the same', replace: 'what is missing becomes ?', fail: 'the query fails' }[unencodable],
      ]),
    ),
    table(
      'Towards SCPs',
      ['Upstream', 'Keys that are not plain ASCII', 'Answers that do not say theirs'],
      dimseUpstreams(site).map(([name, { characterSet, defaultCharacterSet }]) => [
        `\`${name}\``,
        `\`${characterSet ?? 'ISO_IR 192'}\``,
        `\`${defaultCharacterSet ?? 'ISO_IR 6'}\``,
      ]),
    ),
  ]; // prettier-ignore
}

/** Statuses by the table of outcomes, each with all that leads to it. */
function conditions(rows: readonly (readonly [status: number, code: string, comment: string])[]): string[][] {
  const byStatus = Map.groupBy(rows, ([status]) => status);
  return [...byStatus]
    .sort(([a], [b]) => a - b)
    .map(([status, all]) => [
      statusText(status),
      all.map(([, code, comment]) => `${comment} (\`${code}\`)`).join('\n'),
    ]);
}

function asScp(): Block[] {
  const mpps = (operation: MppsOperation): string[][] =>
    conditions(
      (Object.keys(MPPS_OUTCOMES) as MppsFailureCode[]).map((code) => [
        mppsDimseOutcome(failureWithAttribute(code), operation).status,
        code,
        MPPS_OUTCOMES[code].comment,
      ]),
    );
  const commitment = (operation: 'request' | 'report'): string[][] =>
    conditions(
      (Object.keys(COMMITMENT_OUTCOMES) as CommitmentFailureCode[]).map((code) => [
        commitmentDimseOutcome(new ServiceFailure(code), operation).status,
        code,
        COMMITMENT_OUTCOMES[code].comment,
      ]),
    );
  const find = (Object.keys(OUTCOMES) as WorklistFailureCode[]).map(
    (code) => [dimseOutcome(new ServiceFailure(code)).status, code, OUTCOMES[code].comment] as const,
  );
  const columns = ['Status', 'Condition'];
  return [
    heading(4, 'As SCP'),
    text(
      'A failure status that the far end gave is passed on where the operation knows it. Error Comment says in words what is the ' +
        'matter, Error ID, Attribute Identifier List and Offending Element where the status allows them.',
    ),
    table('C-ECHO', columns, [['0000H', 'always']]),
    table('C-FIND (Modality Worklist)', columns, [
      ['0000H', 'every result has been sent'],
      ['FF00H', 'a result'],
      ['FF01H', 'a result; an optional key was not supported'],
      ...conditions(find),
    ]),
    table('N-CREATE (MPPS)', columns, [...DONE, ...mpps('create')]),
    table('N-SET (MPPS)', columns, [...DONE, ...mpps('update')]),
    text(`0110H of an N-SET that comes after the final state has Error ID ${statusText(FINAL_ERROR_ID)} (PS3.4 Table F.7.2-2).`),
    table('N-GET (MPPS Retrieve)', columns, [...DONE, ...mpps('retrieve')]),
    table('N-ACTION (Storage Commitment)', columns, [
      ['0000H', 'the request is on the disk; its report follows'],
      ...commitment('request'),
    ]),
    table('N-EVENT-REPORT of a peer (Storage Commitment, MPPS Notification)', columns, [
      ['0000H', 'it is on the disk'],
      ...commitment('report'),
    ]),
  ]; // prettier-ignore
}

const DONE: readonly (readonly string[])[] = [
  ['0000H', 'done'],
  ['0107H', 'done without some attributes, where `warningsAsSuccess` is off'],
  ['0116H', 'done with other values, where `warningsAsSuccess` is off'],
];

/** Some failures have their status only where they name an attribute. */
function failureWithAttribute(code: FailureCode): ServiceFailure {
  return new ServiceFailure(code, { attributes: ['00100010'] });
}

const FIND_STATUSES = [0xa700, 0xa900, 0x0118, 0x0122, 0x0124, 0xc000, 0xfe00];
const MPPS_STATUSES = [0x0105, 0x0106, 0x0110, 0x0111, 0x0112, 0x0117, 0x0118, 0x0119, 0x0120, 0x0121, 0x0122, 0x0124, 0x0210, 0x0211, 0x0212, 0x0213]; // prettier-ignore
const COMMITMENT_STATUSES = [0x0110, 0x0112, 0x0114, 0x0115, 0x0117, 0x0118, 0x0119, 0x0123, 0x0124, 0x0211, 0x0213];

function asScu(): Block[] {
  const code = (failure: ServiceFailure | undefined): string =>
    failure === undefined ? 'done' : `\`${failure.code}\``;
  return [
    heading(4, 'As SCU'),
    text(
      'What a status of the far end is taken for; the one who asked is answered by the tables of its own protocol. 0001H, 0107H, ' +
        '0116H and BxxxH are successes with a warning. No answer in time: `UPSTREAM_TIMEOUT` and A-ABORT.',
    ),
    table(
      'C-FIND',
      ['Status', 'Before any result', 'After results'],
      FIND_STATUSES.map((status) => [
        status === 0xc000 ? 'CxxxH' : statusText(status),
        code(failureFromDimse(status)),
        code(failureFromDimse(status, { hadResults: true })),
      ]),
    ),
    table(
      'N-CREATE, N-SET, N-GET of MPPS',
      ['Status', 'N-CREATE', 'N-SET', 'N-GET'],
      MPPS_STATUSES.map((status) => [
        statusText(status),
        ...(['create', 'update', 'retrieve'] as const).map((operation) => code(mppsFailureFromDimse(status, operation))),
      ]),
    ),
    table(
      'N-ACTION, and N-EVENT-REPORT to an SCU',
      ['Status', 'N-ACTION', 'N-EVENT-REPORT'],
      COMMITMENT_STATUSES.map((status) => [
        statusText(status),
        ...(['request', 'report'] as const).map((operation) => code(commitmentFailureFromDimse(status, operation))),
      ]),
    ),
    list([
      'An N-CREATE or N-SET of which it is not known whether it was done is repeated where that is safe, or asked about by N-GET.',
      'What was stored first is tried again after a pause that grows, in order; what can never be delivered is put aside for a person.',
    ]),
  ]; // prettier-ignore
}
