/**
 * Modalities and web clients that send lives, each one life after another: what is not acknowledged is sent again, and
 * every answer is remembered that may not have been given.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { toJson } from '../../../src/dataset/json.ts';
import { SOP_CLASSES } from '../../../src/dimse/uids.ts';
import { PDU_TYPE } from '../../../src/dimse/upper-layer/pdu.ts';
import { associateRq, decodeRaw, EXPLICIT, MessageReader, RELEASE_RP, RELEASE_RQ } from '../dimse-bytes.ts';
import { createRq, setRq } from '../dimse-mpps.ts';
import { encodePdu } from '../../../src/dimse/upper-layer/pdu.ts';
import { call } from '../http-client.ts';
import { RawPeer } from '../raw-peer.ts';
import type { Life, LifeMessage } from './lives.ts';
import { Random } from './random.ts';

/**
 * `unreachable`: nothing was sent; `lost`: no answer came; a text: the status, e.g. `0110 A710` or `409`.
 */
export type Answer = 'done' | 'unreachable' | 'lost' | 'busy' | `status ${string}`;

interface Sender {
  send(message: LifeMessage, uid: string): Promise<Answer>;
  /** Ends what is kept between messages. */
  rest(): void;
}

export interface Ports {
  readonly ward: number;
  readonly web: number;
}

/** Longer than any answer takes that is still to come. */
const PATIENCE_MS = 20_000;
const PATH = '/dicomweb/modality-performed-procedure-steps';

class DimseModality implements Sender {
  readonly #port: number;
  readonly #callingAeTitle: string;
  #open: { readonly peer: RawPeer; readonly reader: MessageReader } | undefined;
  #messageId = 0;

  constructor(port: number, callingAeTitle: string) {
    this.#port = port;
    this.#callingAeTitle = callingAeTitle;
  }

  async send({ kind, dataSet }: LifeMessage, uid: string): Promise<Answer> {
    const { peer, reader } = (this.#open ??= await this.#associate()) ?? {};
    if (peer === undefined || reader === undefined) return 'unreachable';
    const messageId = ++this.#messageId;
    peer.send(
      kind === 'create'
        ? createRq(dataSet, { affectedSopInstanceUid: uid, messageId })
        : setRq(dataSet, { requestedSopInstanceUid: uid, messageId }),
    );
    const patience = setTimeout(() => peer.destroy(), PATIENCE_MS);
    try {
      return answerOf((await reader.next()).command);
    } catch {
      // Gone, or it asks for a release: then it has not begun with the message.
      peer.send(RELEASE_RP);
      peer.socket.end();
      this.#open = undefined;
      return 'lost';
    } finally {
      clearTimeout(patience);
    }
  }

  rest(): void {
    const peer = this.#open?.peer;
    this.#open = undefined;
    if (peer === undefined) return;
    peer.send(RELEASE_RQ);
    void peer.receive().then(() => peer.destroy());
    const patience = setTimeout(() => peer.destroy(), 1_000);
    void peer.closed.then(() => clearTimeout(patience));
  }

  async #associate(): Promise<{ peer: RawPeer; reader: MessageReader } | undefined> {
    let peer: RawPeer;
    try {
      peer = await RawPeer.connect(this.#port);
    } catch {
      return undefined;
    }
    const contexts = [{ id: 1, abstractSyntax: SOP_CLASSES.mpps, transferSyntaxes: [EXPLICIT] }];
    peer.send(encodePdu(associateRq({ callingAeTitle: this.#callingAeTitle, contexts })));
    const patience = setTimeout(() => peer.destroy(), PATIENCE_MS);
    const answer = await peer.receive();
    clearTimeout(patience);
    if (answer !== undefined && decodeRaw(answer).type === PDU_TYPE.associateAc) {
      return { peer, reader: new MessageReader(peer) };
    }
    peer.destroy();
    return undefined;
  }
}

function answerOf({ status = -1, errorId }: { status?: number; errorId?: number }): Answer {
  if (status === 0) return 'done';
  if (status === 0x0213) return 'busy';
  return `status ${[status, ...(errorId === undefined ? [] : [errorId])].map(hex).join(' ')}`;
}

function hex(number: number): string {
  return number.toString(16).toUpperCase().padStart(4, '0');
}

class WebModality implements Sender {
  readonly #port: number;

  constructor(port: number) {
    this.#port = port;
  }

  async send({ kind, dataSet }: LifeMessage, uid: string): Promise<Answer> {
    try {
      const { status } = await call(this.#port, `${PATH}/${uid}${kind === 'update' ? '?update' : ''}`, {
        method: 'POST',
        headers: { 'Content-Type': 'application/dicom+json' },
        body: toJson(dataSet),
        signal: AbortSignal.timeout(PATIENCE_MS),
      });
      if (status === (kind === 'create' ? 201 : 200)) return 'done';
      return status === 503 ? 'busy' : `status ${status}`;
    } catch (error) {
      return (error as NodeJS.ErrnoException).code === 'ECONNREFUSED' ? 'unreachable' : 'lost';
    }
  }

  rest(): void {}
}

/** What a repeat is told whose first sending was taken: the instance is there, or is final. */
const TAKEN_BEFORE: Readonly<Record<'create' | 'update', readonly Answer[]>> = {
  create: ['status 0111', 'status 409'],
  update: ['status 0110 A710', 'status 409'],
};

export interface WardOptions {
  readonly ports: Ports;
  readonly seed: number;
  /** Sources at a time, of each protocol. */
  readonly sources: number;
  /** A source that was told to come again may have been heard all the same: the store could not tell. */
  readonly busyIsUnsure?: boolean;
}

/** All modalities of a hospital; `problems` are the answers that nothing justified. */
export class Ward {
  readonly #options: WardOptions;
  readonly problems: string[] = [];
  /** Messages that were acknowledged. */
  acknowledged = 0;
  /** Messages sent again. */
  repeated = 0;
  /** Answers 0213H and 503. */
  readonly busy = { dimse: 0, dicomweb: 0 };
  #isStopped = false;
  #next = Promise.withResolvers<void>();

  constructor(options: WardOptions) {
    this.#options = options;
  }

  /** Sends all lives to their end. */
  async send(lives: readonly Life[]): Promise<void> {
    const { sources } = this.#options;
    const queues = { dimse: [] as Life[], dicomweb: [] as Life[] };
    for (const life of lives) queues[life.protocol].push(life);
    await Promise.all(
      (['dimse', 'dicomweb'] as const).flatMap((protocol) =>
        Array.from({ length: sources }, (_, index) => this.#work(protocol, index, queues[protocol])),
      ),
    );
    this.#next.resolve();
  }

  /** Resolves at the very moment of the next acknowledgement, or when there are none any more. */
  nextAcknowledgement(): Promise<void> {
    return this.#next.promise;
  }

  /** Resolves when so many messages were acknowledged. */
  async hasSent(count: number): Promise<void> {
    while (this.acknowledged < count) await sleep(3);
  }

  /** Lives under way are left as they are. */
  stop(): void {
    this.#isStopped = true;
  }

  async #work(protocol: Life['protocol'], index: number, queue: Life[]): Promise<void> {
    const { ports, seed } = this.#options;
    const random = new Random(seed, `${protocol} ${index}`);
    const sender = protocol === 'dimse' ? new DimseModality(ports.ward, `CT${index}`) : new WebModality(ports.web);
    for (let life = queue.shift(); life !== undefined && !this.#isStopped; life = queue.shift()) {
      if (!(await this.#live(life, sender, random))) break;
    }
    sender.rest();
  }

  /** False: the life ended before its time. */
  async #live({ uid, protocol, messages }: Life, sender: Sender, random: Random): Promise<boolean> {
    for (const [index, message] of messages.entries()) {
      const isLast = index === messages.length - 1;
      let mayHaveArrived = false;
      for (;;) {
        const answer = await sender.send(message, uid);
        if (answer === 'done' || (mayHaveArrived && isTakenBefore(answer, message.kind, isLast))) break;
        if (answer === 'busy') this.busy[protocol]++;
        else if (answer !== 'unreachable' && answer !== 'lost') {
          this.problems.push(`${uid} message ${index}${mayHaveArrived ? ', repeated' : ''}: ${answer}`);
          return false;
        }
        if (this.#isStopped) return false;
        mayHaveArrived ||= answer === 'lost' || (answer === 'busy' && this.#options.busyIsUnsure === true);
        if (answer !== 'unreachable') this.repeated++;
        await sleep(random.integer(10, 60));
      }
      this.acknowledged++;
      this.#next.resolve();
      this.#next = Promise.withResolvers();
      if (random.chance(0.3)) sender.rest();
    }
    return true;
  }
}

function isTakenBefore(answer: Answer, kind: LifeMessage['kind'], isLast: boolean): boolean {
  return (kind === 'create' || isLast) && TAKEN_BEFORE[kind].includes(answer);
}
