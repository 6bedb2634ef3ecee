/** Messages of the Storage Commitment Push Model as scripted peers send and read them (PS3.4 J.3). */
import { decodeDataSet } from '../../../src/dataset/binary/decode.ts';
import { encodeDataSet } from '../../../src/dataset/binary/encode.ts';
import { attribute, dataSetOf, itemsOf } from '../../../src/dataset/model.ts';
import type { DataSet } from '../../../src/dataset/model.ts';
import type { CommandSet } from '../../../src/dimse/command-set.ts';
import { MessageAssembler } from '../../../src/dimse/message.ts';
import type { Message } from '../../../src/dimse/message.ts';
import { encodePdu, PDU_TYPE } from '../../../src/dimse/upper-layer/pdu.ts';
import type { Instance, Outcome } from '../../../scripts/peers/commitment.ts';
import { acceptAll, associateRq, decodeRaw, EXPLICIT, message, RELEASE_RP, RELEASE_RQ } from '../dimse-bytes.ts';
import { RawPeer } from '../raw-peer.ts';

const CLASS = '1.2.840.10008.1.20.1';
const INSTANCE = '1.2.840.10008.1.20.1.1';
const CONTEXT = 1;
/** Longer than any answer takes that is still to come. */
const PATIENCE_MS = 20_000;

const ACTION_RQ = 0x0130;
const EVENT_RQ = 0x0100;

function itemOf({ sopClass, instance, reason }: Instance & { readonly reason?: number }): DataSet {
  return dataSetOf({
    '00081150': attribute('UI', sopClass),
    '00081155': attribute('UI', instance),
    ...(reason !== undefined && { '00081197': attribute('US', reason) }),
  });
}

/** Both lists of a message; of an N-ACTION only the first. */
export function readLists(dataSet: DataSet): Outcome & { readonly uid: string } {
  const uid = (item: DataSet, tag: string): string => item[tag]?.Value?.[0] as string;
  const named = (item: DataSet): Instance => ({ sopClass: uid(item, '00081150'), instance: uid(item, '00081155') });
  return {
    uid: uid(dataSet, '00081195'),
    committed: itemsOf(dataSet['00081199']).map(named),
    failed: itemsOf(dataSet['00081198']).map((item) => ({
      ...named(item),
      reason: item['00081197']?.Value?.[0] as number,
    })),
  };
}

/** One association, from either end: messages of both directions, each request answered by its Message ID. */
export class Wire {
  readonly peer: RawPeer;
  /** What the peer requests. */
  readonly #onRequest: (message: Message, wire: Wire) => Promise<void>;
  readonly #waiting = new Map<number, (status: CommandSet | undefined) => void>();
  #messageId = 0;
  #isReleasing = false;
  /** Resolves when the peer has released, aborted, or is gone. */
  readonly ended: Promise<void>;
  readonly #onAssociate: ((calledAeTitle: string) => boolean) | undefined;

  private constructor(
    peer: RawPeer,
    onRequest: (message: Message, wire: Wire) => Promise<void>,
    onAssociate?: (callingAeTitle: string) => boolean,
  ) {
    this.peer = peer;
    this.#onRequest = onRequest;
    this.#onAssociate = onAssociate;
    this.ended = this.#read();
  }

  /** The acceptor's side. @param accepts whether an association is accepted */
  static accepted(
    peer: RawPeer,
    onRequest: (message: Message, wire: Wire) => Promise<void>,
    accepts: () => boolean,
  ): Wire {
    return new Wire(peer, onRequest, accepts);
  }

  /** The requestor's side; undefined: there was no association. @param role what we are */
  static async associate(
    port: number,
    titles: { readonly callingAeTitle: string; readonly calledAeTitle: string },
    role: 'scu' | 'scp',
    onRequest: (message: Message, wire: Wire) => Promise<void>,
  ): Promise<Wire | undefined> {
    let peer: RawPeer;
    try {
      peer = await RawPeer.connect(port);
    } catch {
      return undefined;
    }
    const request = associateRq({
      ...titles,
      contexts: [{ id: CONTEXT, abstractSyntax: CLASS, transferSyntaxes: [EXPLICIT] }],
    });
    const roles = role === 'scp' ? [{ sopClassUid: CLASS, scu: false, scp: true }] : [];
    peer.send(encodePdu({ ...request, userInformation: { ...request.userInformation, roles } }));
    const patience = setTimeout(() => peer.destroy(), PATIENCE_MS);
    const answer = await peer.receive();
    clearTimeout(patience);
    if (answer?.type === PDU_TYPE.associateAc) return new Wire(peer, onRequest);
    peer.destroy();
    return undefined;
  }

  /** N-ACTION; undefined: no answer came. */
  ask(uid: string, asked: readonly Instance[]): Promise<CommandSet | undefined> {
    const information = dataSetOf({
      '00081195': attribute('UI', uid),
      '00081199': attribute('SQ', ...asked.map(itemOf)),
    });
    const fields = { requestedSopClassUid: CLASS, requestedSopInstanceUid: INSTANCE, actionTypeId: 1 };
    return this.#request({ commandField: ACTION_RQ, ...fields }, information);
  }

  /** N-EVENT-REPORT; undefined: no answer came. */
  report(uid: string, { committed, failed }: Outcome): Promise<CommandSet | undefined> {
    const information = dataSetOf({
      '00081195': attribute('UI', uid),
      ...(committed.length > 0 && { '00081199': attribute('SQ', ...committed.map(itemOf)) }),
      ...(failed.length > 0 && { '00081198': attribute('SQ', ...failed.map(itemOf)) }),
    });
    const eventTypeId = failed.length > 0 ? 2 : 1;
    const fields = { affectedSopClassUid: CLASS, affectedSopInstanceUid: INSTANCE, eventTypeId };
    return this.#request({ commandField: EVENT_RQ, ...fields }, information);
  }

  respond({ command }: Message, status: number, errorId?: number): void {
    this.peer.send(
      message(CONTEXT, {
        commandField: command.commandField | 0x8000,
        messageIdBeingRespondedTo: command.messageId ?? 0,
        affectedSopClassUid: CLASS,
        affectedSopInstanceUid: INSTANCE,
        ...(command.actionTypeId !== undefined && { actionTypeId: command.actionTypeId }),
        ...(command.eventTypeId !== undefined && { eventTypeId: command.eventTypeId }),
        status,
        ...(errorId !== undefined && { errorId }),
      }),
    );
  }

  async release(): Promise<void> {
    this.#isReleasing = true;
    this.peer.send(RELEASE_RQ);
    const patience = setTimeout(() => this.peer.destroy(), 1_000);
    await this.ended;
    clearTimeout(patience);
  }

  #request(fields: CommandSet, information: DataSet): Promise<CommandSet | undefined> {
    const messageId = ++this.#messageId;
    return new Promise((resolve) => {
      const patience = setTimeout(() => this.peer.destroy(), PATIENCE_MS);
      const done = (answer: CommandSet | undefined): void => {
        clearTimeout(patience);
        this.#waiting.delete(messageId);
        resolve(answer);
      };
      this.#waiting.set(messageId, done);
      void this.ended.then(() => done(undefined));
      this.peer.send(message(CONTEXT, { ...fields, messageId }, encodeDataSet(information, EXPLICIT)));
    });
  }

  async #read(): Promise<void> {
    const assembler = new MessageAssembler(1 << 24);
    for (let raw = await this.peer.receive(); raw !== undefined; raw = await this.peer.receive()) {
      const pdu = decodeRaw(raw);
      if (pdu.type === PDU_TYPE.associateRq && this.#onAssociate?.(pdu.callingAeTitle) === true) {
        this.peer.send(acceptAll(pdu));
      } else if (pdu.type === PDU_TYPE.dataTf) {
        for (const value of pdu.values) {
          const whole = assembler.push(value);
          if (whole !== undefined) this.#take(whole);
        }
      } else {
        if (pdu.type === PDU_TYPE.releaseRq) this.peer.send(RELEASE_RP);
        this.peer.socket.end();
        break;
      }
    }
  }

  #take(whole: Message): void {
    const answered = whole.command.messageIdBeingRespondedTo;
    if (answered !== undefined) this.#waiting.get(answered)?.(whole.command);
    // Nothing may be sent after a release request, so that what came too late finds no answer (PS3.8 9.2, Sta7).
    else if (!this.#isReleasing) this.#onRequest(whole, this).catch(() => this.peer.destroy());
  }
}

/** The information of a request. */
export function informationOf({ dataSet }: Message): ReturnType<typeof readLists> {
  return readLists(decodeDataSet(dataSet ?? Buffer.alloc(0), EXPLICIT));
}
