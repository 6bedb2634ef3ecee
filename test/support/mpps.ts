/** MPPS messages and a far end in memory that can be told to misbehave, for tests of delivery. */
import { attribute, dataSetOf } from '../../src/dataset/model.ts';
import type { DataSet } from '../../src/dataset/model.ts';
import { fillType2 } from '../../src/services/mpps/complete.ts';
import { ServiceFailure } from '../../src/services/port.ts';
import type { Completion, MppsContext, Requester, Upstream } from '../../src/services/port.ts';
import { contextOf, WARD } from './requests.ts';

export const MPPS_UID = '1.2.276.0.7230010.3.9.1';

/** A create that is complete by Table F.7.2-1. */
export function createMessage(patientId = 'PID-1'): DataSet {
  return fillType2(
    dataSetOf({
      '00080060': attribute('CS', 'CT'),
      '00100010': attribute('PN', { Alphabetic: 'Yamada^Tarou', Ideographic: '山田^太郎' }),
      '00100020': attribute('LO', patientId),
      '00400241': attribute('AE', 'CT1'),
      '00400244': attribute('DA', '20260301'),
      '00400245': attribute('TM', '0815'),
      '00400252': attribute('CS', 'IN PROGRESS'),
      '00400253': attribute('SH', 'PPS1'),
      '00400270': attribute(
        'SQ',
        dataSetOf({ '0020000D': attribute('UI', '1.2.3.4'), '00400009': attribute('SH', 'SPS1') }),
      ),
    }),
  ).attributes;
}

export function progressMessage(description = 'going on'): DataSet {
  return dataSetOf({ '00400254': attribute('LO', description) });
}

function series(uid: string, images: number): DataSet {
  return dataSetOf({
    '00080054': attribute('AE'),
    '0008103E': attribute('LO'),
    '00081050': attribute('PN'),
    '00081070': attribute('PN'),
    '00081140': attribute(
      'SQ',
      ...Array.from({ length: images }, (_, i) =>
        dataSetOf({
          '00081150': attribute('UI', '1.2.840.10008.5.1.4.1.1.2'),
          '00081155': attribute('UI', `${uid}.${i + 1}`),
        }),
      ),
    ),
    '00181030': attribute('LO', 'Thorax'),
    '0020000E': attribute('UI', uid),
    '00400220': attribute('SQ'),
  });
}

export function seriesMessage(...images: number[]): DataSet {
  return dataSetOf({
    '00400340': attribute('SQ', ...images.map((count, i) => series(`1.2.3.4.${i + 1}`, count))),
  });
}

export function finalMessage(state: 'COMPLETED' | 'DISCONTINUED' = 'COMPLETED', images = 2): DataSet {
  return dataSetOf({
    ...seriesMessage(images),
    '00400250': attribute('DA', '20260301'),
    '00400251': attribute('TM', '0830'),
    '00400252': attribute('CS', state),
  });
}

export function mppsContextOf(
  requester: Requester = WARD,
  answerDelivered: Promise<boolean> = Promise.resolve(true),
): MppsContext & ReturnType<typeof contextOf> {
  return Object.assign(contextOf(requester), { answerDelivered });
}

/** What the far end does with the next message instead of accepting it; `lost`: it accepts, but the answer is lost. */
export type Mood = 'accept' | 'lost' | 'vanish' | ServiceFailure;

const NO_ANSWER = (): ServiceFailure => new ServiceFailure('CONNECTION_LOST', { retry: 'ambiguous' });

/** An MPPS SCP in memory by the state machine of PS3.4 F.7.2; every message that arrived is kept in order. */
export class FarEnd implements Upstream {
  readonly instances = new Map<string, DataSet>();
  readonly arrived: string[] = [];
  /** For the coming messages, one each; then it accepts. */
  moods: Mood[] = [];
  canRetrieve = true;
  /** Awaited before a message of the instance is looked at. */
  readonly gates = new Map<string, Promise<void>>();

  async createMpps(uid: string, attributes: DataSet): Promise<Completion> {
    return this.#answer('create', uid, () => {
      if (this.instances.has(uid)) throw new ServiceFailure('DUPLICATE_INSTANCE');
      this.instances.set(uid, attributes);
      return { uid };
    });
  }

  async updateMpps(uid: string, modifications: DataSet): Promise<Completion> {
    return this.#answer('update', uid, () => {
      const instance = this.instances.get(uid);
      if (instance === undefined) throw new ServiceFailure('NO_SUCH_INSTANCE');
      if (instance['00400252']?.Value?.[0] !== 'IN PROGRESS') throw new ServiceFailure('INSTANCE_FINAL');
      this.instances.set(uid, dataSetOf({ ...instance, ...modifications }));
      return { uid };
    });
  }

  async retrieveMpps(uid: string): Promise<DataSet> {
    await this.gates.get(uid);
    if (!this.canRetrieve) throw new ServiceFailure('NOT_SUPPORTED');
    const instance = this.instances.get(uid);
    if (instance === undefined) throw new ServiceFailure('NO_SUCH_INSTANCE');
    return instance;
  }

  readonly commitmentResult = 'checked';
  requestCommitment(): Promise<never> {
    return Promise.reject(new ServiceFailure('NOT_SUPPORTED'));
  }
  checkCommitment(): Promise<never> {
    return Promise.reject(new ServiceFailure('NOT_SUPPORTED'));
  }
  notifyMpps(): Promise<never> {
    return Promise.reject(new ServiceFailure('NOT_SUPPORTED'));
  }

  reportCommitment(): Promise<never> {
    return Promise.reject(new ServiceFailure('NOT_SUPPORTED'));
  }
  async *search(): AsyncGenerator<DataSet> {}
  verify(): Promise<void> {
    return Promise.resolve();
  }
  close(): Promise<void> {
    return Promise.resolve();
  }

  async #answer(operation: string, uid: string, accept: () => Completion): Promise<Completion> {
    await this.gates.get(uid);
    const mood = this.moods.shift() ?? 'accept';
    if (mood instanceof ServiceFailure) throw mood;
    if (mood === 'vanish') throw NO_ANSWER();
    this.arrived.push(`${operation} ${uid}`);
    const completion = accept();
    if (mood === 'lost') throw NO_ANSWER();
    return completion;
  }
}
