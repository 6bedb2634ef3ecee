/**
 * A request for WebSocket passes every check that other requests pass: it is handed to them with a response of its own, whose
 * socket the transaction may take over. Every other end of it is an ordinary answer, after which the connection closes.
 */
import { ServerResponse } from 'node:http';
import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import type { Express, Request, Response } from 'express';
import type { Upgrade } from './transaction.ts';

export function isForWebSocket({ headers }: Pick<IncomingMessage, 'headers'>): boolean {
  return headers.upgrade?.trim().toLowerCase() === 'websocket';
}

/** Of the event `upgrade` of a server: HTTP has let go of the socket. */
export function serveUpgrade(app: Express, upgrade: Upgrade): void {
  const { request } = upgrade;
  // Without a listener an error of the socket would end the process.
  upgrade.socket.on('error', () => undefined);
  const socket = upgrade.socket as Socket;
  const response = new ServerResponse(request) as Response;
  response.shouldKeepAlive = false;
  response.on('finish', () => {
    response.detachSocket(socket);
    socket.destroySoon();
  });
  try {
    response.assignSocket(socket);
  } catch {
    // An answer to an earlier request of the connection is still under way.
    socket.destroy();
    return;
  }
  response.locals = { upgrade };
  app(request as Request, response);
}

export function upgradeOf({ locals }: Response): { upgrade?: Upgrade } {
  const upgrade = locals.upgrade as Upgrade | undefined;
  return upgrade === undefined ? {} : { upgrade };
}
