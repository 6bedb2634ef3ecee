/** What becomes of one request of a peer: refused by a limit, not understood, or served. */
import { isRefusal } from '../access/peer-limits.ts';
import type { PeerRefusal, PeerTurn } from '../access/peer-limits.ts';
import { TRANSFER_SYNTAXES } from '../dataset/binary/transfer-syntax.ts';
import type { Logger } from '../observe/log.ts';
import type { Requester } from '../services/port.ts';
import { COMMAND_FIELD, DIMSE_STATUS, isComposite } from './command-set.ts';
import type { ScpExchange, ScpServiceEntry } from './scp-exchange.ts';
import { SOP_CLASSES } from './uids.ts';

export interface DispatchHost {
  readonly services: ReadonlyMap<number, ScpServiceEntry>;
  /** A request of a peer, which goes on or is refused. */
  begin(requester: Requester): PeerTurn | PeerRefusal;
}

/** Error Comment (0000,0902): at most 64 characters. */
const TOO_MANY = {
  rate: 'too many requests of this peer: try again later',
  concurrency: 'too many requests of this peer at a time: try again later',
} as const satisfies Record<PeerRefusal['why'], string>;
/** What a deflated data set is taken for: lists of like UIDs grow as much. */
const INFLATION = 32;
const NO_MEMORY = 'others hold the memory for this: try again later';

/**
 * Rejects with what the service rejects with; then no final response has left.
 * @param isRoom there is memory for what its data set becomes
 */
export async function serveRequest(
  exchange: ScpExchange,
  isRoom: boolean,
  host: DispatchHost,
  maximumMessageBytes: number,
  logger: Logger,
): Promise<void> {
  const { dataSet, dropped = isRoom ? undefined : 'memory' } = exchange.message;
  const turn = host.begin(exchange.facts.requester);
  if (isRefusal(turn)) return refuse(exchange, TOO_MANY[turn.why], logger);
  const isDeflated = exchange.context.transferSyntax === TRANSFER_SYNTAXES.deflated;
  turn.weigh((dataSet?.length ?? 0) * (isDeflated ? INFLATION : 1));
  try {
    if (dropped === undefined) await dispatch(exchange, host.services);
    else {
      const why = dropped === 'memory' ? NO_MEMORY : `data set of more than ${maximumMessageBytes} bytes`;
      await refuse(exchange, why, logger);
    }
  } finally {
    turn.end();
  }
}

/** By a limit of ours: C-services say A700H, N-services 0213H, Resource Limitation. */
async function refuse(exchange: ScpExchange, why: string, logger: Logger): Promise<void> {
  logger.warn('request refused', { why });
  const isOfComposite = isComposite(exchange.message.command.commandField);
  const status = isOfComposite ? DIMSE_STATUS.outOfResources : DIMSE_STATUS.resourceLimitation;
  await exchange.respond(status, { errorComment: why });
}

async function dispatch(exchange: ScpExchange, services: DispatchHost['services']): Promise<void> {
  const { commandField, affectedSopClassUid, requestedSopClassUid } = exchange.message.command;
  const isOfComposite = isComposite(commandField);
  const { abstractSyntax } = exchange.context;
  const service = services.get(commandField);
  const sopClass = affectedSopClassUid ?? requestedSopClassUid ?? abstractSyntax;
  // A C-FIND waits its turn whatever its id; 0210H is a status of N-services.
  if (!isOfComposite && exchange.isDuplicate) {
    await exchange.respond(DIMSE_STATUS.duplicateInvocation);
  } else if (sopClass !== abstractSyntax && !isMppsRetrieve(commandField, sopClass, abstractSyntax)) {
    await exchange.respond(isOfComposite ? DIMSE_STATUS.sopClassNotSupported : DIMSE_STATUS.noSuchSopClass);
  } else if (service?.abstractSyntaxes.includes(abstractSyntax) !== true) {
    await exchange.respond(DIMSE_STATUS.unrecognizedOperation);
  } else {
    await service.serve(exchange);
  }
}

/**
 * An N-GET on a context of MPPS Retrieve that names the class of the instance it asks for, as odil and DCMTK do: what is
 * meant is plain.
 */
function isMppsRetrieve(commandField: number, sopClass: string, abstractSyntax: string): boolean {
  return (
    commandField === COMMAND_FIELD.nGetRq &&
    sopClass === SOP_CLASSES.mpps &&
    abstractSyntax === SOP_CLASSES.mppsRetrieve
  );
}
