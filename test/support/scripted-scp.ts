/** The far end of an upstream of ours: accepts an association and answers as a test says. */
import { afterEach } from '@jest/globals';
import { encodeDataSet } from '../../src/dataset/binary/encode.ts';
import type { DataSet } from '../../src/dataset/model.ts';
import type { CommandSet } from '../../src/dimse/command-set.ts';
import type { Message } from '../../src/dimse/message.ts';
import { PDU_TYPE } from '../../src/dimse/upper-layer/pdu.ts';
import type { AssociateRq } from '../../src/dimse/upper-layer/pdu.ts';
import type { RoleSelection } from '../../src/dimse/upper-layer/user-information.ts';
import type { DimseUpstream, DimseUpstreamOptions } from '../../src/dimse/upstream.ts';
import { acceptAll, decodeRaw, EXPLICIT, message, MessageReader, RELEASE_RP } from './dimse-bytes.ts';
import { createUpstream } from './dimse-upstream.ts';
import { RawServer } from './raw-peer.ts';
import type { RawPeer } from './raw-peer.ts';

export type Play = (peer: RawPeer, index: number) => Promise<void> | void;

export interface ScriptedScp {
  /** Calls the server. */
  readonly upstream: DimseUpstream;
  readonly server: RawServer;
}

/** To be called once by a file of tests: what it serves is closed after each of them. */
export function scriptedScps(): (play: Play, options?: Partial<DimseUpstreamOptions>) => Promise<ScriptedScp> {
  const open: ScriptedScp[] = [];
  afterEach(async () => {
    for (const { upstream, server } of open.splice(0).reverse()) {
      void upstream.close();
      await server.close();
    }
  });
  return async (play, options = {}) => {
    const server = await RawServer.listen((peer, index) =>
      Promise.resolve(play(peer, index)).catch(() => peer.destroy()),
    );
    const upstream = createUpstream(server.port, options);
    open.push({ upstream, server });
    return { upstream, server };
  };
}

export interface AcceptOptions {
  /** Results of the contexts, 0 where none is given. */
  readonly results?: readonly number[];
  readonly roles?: readonly RoleSelection[];
  /** Sent together with the A-ASSOCIATE-AC. */
  readonly behind?: Buffer;
}

/** Explicit VR Little Endian in each context. */
export async function acceptAssociation(
  peer: RawPeer,
  { results = [], roles = [], behind = Buffer.alloc(0) }: AcceptOptions = {},
): Promise<{ request: AssociateRq; messages: MessageReader }> {
  const request = decodeRaw(await peer.receive());
  if (request.type !== PDU_TYPE.associateRq) throw new Error('no association request');
  const contexts = request.contexts.map(({ id }, index) => ({
    id,
    result: results[index] ?? 0,
    transferSyntax: EXPLICIT,
  }));
  const userInformation = { ...request.userInformation, roles };
  peer.send(acceptAll(request, { contexts, userInformation }), behind);
  return { request, messages: new MessageReader(peer) };
}

export function response(
  { contextId, command }: Message,
  fields: Partial<CommandSet> = {},
  dataSet?: DataSet | Buffer,
): Buffer {
  const answer = {
    commandField: command.commandField | 0x8000,
    messageIdBeingRespondedTo: command.messageId ?? 0,
    status: 0,
    ...fields,
  };
  return message(contextId, answer, Buffer.isBuffer(dataSet) ? dataSet : dataSet && encodeDataSet(dataSet, EXPLICIT));
}

/** Waits for A-RELEASE-RQ and agrees to it; resolves when the connection is closed. */
export async function agreeToRelease(peer: RawPeer): Promise<void> {
  const { type } = decodeRaw(await peer.receive());
  if (type !== PDU_TYPE.releaseRq) throw new Error(`PDU type ${type} where A-RELEASE-RQ was expected`);
  peer.send(RELEASE_RP);
  await peer.closed;
}
