/** What Node's HTTP parser refuses before there is a request: answered on the bare socket. */
import type { Socket } from 'node:net';
import { STATUS_CODES } from 'node:http';

/**
 * @param error of the `clientError` event
 * @param busy an answer to an earlier request of the connection may be under way, whose bytes must not be mixed with ours
 */
export function answerBadRequest(error: NodeJS.ErrnoException, socket: Socket, busy: boolean): void {
  if (error.code === 'ECONNRESET' || !socket.writable || busy) {
    socket.destroy();
    return;
  }
  const [status, message] = statusOf(error);
  const body = `${JSON.stringify({ status, error: message, code: 'BAD_REQUEST' })}\n`;
  socket.end(
    `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}\r\nConnection: close\r\nContent-Type: application/json\r\n` +
      `Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
  );
}

function statusOf(error: NodeJS.ErrnoException & { rawPacket?: Buffer }): [status: number, message: string] {
  switch (error.code) {
    case 'HPE_HEADER_OVERFLOW':
      // Only the piece that was too much is at hand: a request target has no white space, header fields do.
      return /^(?:[A-Z]+ )?\S*$/.test(error.rawPacket?.toString('latin1') ?? '\n')
        ? [414, 'The URI is too long']
        : [431, 'The header fields are too long'];
    case 'HPE_INVALID_VERSION':
      return [505, 'This version of HTTP is not spoken here'];
    case 'ERR_HTTP_REQUEST_TIMEOUT':
      return [408, 'The request did not come in time'];
    case 'HPE_INVALID_METHOD':
      return [400, 'The request line has no known method'];
    default:
      return [400, 'This is no HTTP request'];
  }
}
