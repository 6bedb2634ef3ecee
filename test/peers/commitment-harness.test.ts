/** Storage commitment among the peers themselves, without a gateway: what the other files compare with is true. */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import {
  askWithOdil,
  askWithOrthanc,
  eventInformation,
  introduceToOrthanc,
  MANNERS,
  outcomeAtOrthanc,
  startOdilCommitmentListener,
  startOdilCommitmentScp,
  storeInOrthanc,
  type CommitmentScp,
  type Manner,
} from '../../scripts/peers/commitment.ts';
import { startOrthanc, type Orthanc } from '../../scripts/peers/orthanc.ts';
import { expectSoundPdus, Peers } from '../support/peers.ts';
import { COMMITMENT_CASES, freshTransactionUid, KNOWN, type CommitmentCase } from './commitment-cases.ts';

describe('storage commitment among the peers themselves', () => {
  const peers = new Peers();
  let folder = '';
  let listener: CommitmentScp;
  let orthanc: Orthanc;

  beforeAll(async () => {
    folder = await peers.folder();
    await peers.startJudging();
    listener = peers.watch(await startOdilCommitmentListener());
    orthanc = peers.watch(await startOrthanc(folder, []));
    await introduceToOrthanc(orthanc, 'odil', listener);
    await storeInOrthanc(orthanc, folder, KNOWN);
  });
  afterAll(() => peers.close());

  const eventOf = async (uid: string): Promise<unknown> => {
    await listener.running.waitFor(new RegExp(`"N-EVENT-REPORT".*"${uid.replaceAll('.', '\\.')}".*\n`));
    const events = listener.messages().filter(({ dataSet }) => JSON.stringify(dataSet).includes(`"${uid}"`));
    expect(events).toHaveLength(1);
    return events[0];
  };

  test.each(MANNERS)('odil → odil, reporting %s', async (manner: Manner) => {
    const scp = peers.watch(await startOdilCommitmentScp(folder, KNOWN, manner, listener.port));
    for (const { asked, outcome } of COMMITMENT_CASES) {
      const uid = freshTransactionUid();
      const isSame = manner.startsWith('same');
      const messages = await askWithOdil(scp, uid, asked, { waitS: manner === 'same' ? 10 : 0 });
      const event = isSame ? messages.find(({ message }) => message === 'N-EVENT-REPORT') : await eventOf(uid);
      const order = messages.map(({ message }) => message);
      expect({ order, event }).toEqual({
        order: { same: ['N-ACTION', 'N-EVENT-REPORT'], 'same-before': ['N-EVENT-REPORT', 'N-ACTION'] }[
          manner as string
        ] ?? ['N-ACTION'],
        event: {
          message: 'N-EVENT-REPORT',
          // Of the one who proposed the association.
          ...(isSame ? { calling: 'ODILSCU', called: 'ODIL' } : { calling: 'ODIL', called: 'ODILSCU' }),
          isNew: !isSame,
          eventType: outcome.failed.length > 0 ? 2 : 1,
          role: isSame ? 'SCU' : 'SCP',
          status: '0000',
          dataSet: eventInformation(uid, outcome),
        },
      });
    }
  });

  test.each(COMMITMENT_CASES.map((one) => [one.title, one] as const))(
    'odil → Orthanc: %s',
    async (_title, one: CommitmentCase) => {
      const uid = freshTransactionUid();
      const [answer] = await askWithOdil(orthanc, uid, one.asked);
      expect(answer).toMatchObject({ message: 'N-ACTION', status: '0000' });
      expect(await eventOf(uid)).toMatchObject({ isNew: true, dataSet: eventInformation(uid, one.outcome) });
    },
  );

  test('Orthanc → odil', async () => {
    const scp = peers.watch(await startOdilCommitmentScp(folder, KNOWN, 'later', orthanc.port));
    await introduceToOrthanc(orthanc, 'archive', scp);
    for (const { asked, outcome } of COMMITMENT_CASES) {
      const uid = await askWithOrthanc(orthanc, 'archive', asked);
      expect(await outcomeAtOrthanc(orthanc, uid)).toEqual({ remote: 'ODIL', ...outcome });
    }
  });

  test('tshark finds nothing wrong with them', async () => {
    expectSoundPdus(await peers.judge());
  });
});
