import { DIMSE_STATUS } from './command-set.ts';
import type { ScpExchange } from './scp-exchange.ts';

/** C-ECHO is always answered with success: the state of the far side is not mixed in (PS3.4 A). */
export function serveEcho(exchange: ScpExchange): Promise<void> {
  return exchange.respond(DIMSE_STATUS.success);
}
