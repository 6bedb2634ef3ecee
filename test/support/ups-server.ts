/**
 * An origin server of UPS-RS for tests (PS3.18 11.4 to 11.13) over real sockets: JSON and XML, event reports by WebSocket. Its
 * workitems go by the state table of the standard (ups/worklist.ts). It keeps an account of what it was asked, and can be
 * late, lose its answers, fail, be restarted, and drop its subscribers.
 */
import { createServer } from 'node:http';
import type { IncomingMessage, OutgoingHttpHeaders, Server, ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { WebSocketServer } from 'ws';
import type { WebSocket } from 'ws';
import { toJson } from '../../src/dataset/json.ts';
import type { DataSet } from '../../src/dataset/model.ts';
import { toXml } from '../../src/dataset/xml.ts';
import { readBody } from './media-bodies.ts';
import { UpsAnswers } from './ups/answers.ts';
import type { Question, Reply, UpsManner, UpsTransaction } from './ups/answers.ts';
import { UPS_STATUS, UpsWorklist } from './ups/worklist.ts';

/**
 * `drop`: not done, the connection breaks; `lost`: done, and it breaks before the answer; `garbage`: done, answered with what
 * is no data set; a status: not done, answered so.
 */
export type UpsFault =
  'drop' | 'lost' | 'garbage' | { readonly status: number; readonly headers?: OutgoingHttpHeaders };

export interface UpsRequest {
  readonly transaction: UpsTransaction;
  /** Workitem or well-known one; empty of a search. */
  readonly uid: string;
  /** As it came. */
  readonly target: string;
  readonly payload: DataSet | undefined;
  /** Status of the answer; undefined: none was given. */
  status?: number;
}

const BASE = '/ups';

export class UpsServer {
  readonly requests: UpsRequest[] = [];
  /** Of a transaction, what the coming ones meet instead of their answer, one each. */
  readonly faults: Partial<Record<UpsTransaction, UpsFault[]>> = {};
  /** Awaited when a request has arrived (`before`), and when it is done, before its answer goes out (`after`). */
  at: ((moment: 'before' | 'after', transaction: UpsTransaction) => Promise<void> | void) | undefined;
  /** Every report that was made, whether its subscriber was there or not, with the AE title it was for. */
  readonly reports: { readonly aeTitle: string; readonly report: DataSet; readonly wasSent: boolean }[] = [];
  readonly worklist = new UpsWorklist((aeTitle, report) => this.#tell(aeTitle, report));
  readonly #options: UpsManner;
  readonly #answers: UpsAnswers;
  #server: Server;
  readonly #sockets = new Set<Socket>();
  readonly #webSockets = new WebSocketServer({ noServer: true });
  readonly #channels = new Map<WebSocket, string>();
  readonly #watchers = new Set<() => void>();
  #port = 0;

  static async start(options: UpsManner = {}): Promise<UpsServer> {
    const server = new UpsServer(options);
    await server.comeBack();
    return server;
  }

  private constructor(options: UpsManner) {
    this.#options = options;
    this.#answers = new UpsAnswers(this.worklist, options, () => this.baseUrl);
    this.#server = this.#newServer();
  }

  get port(): number {
    return this.#port;
  }

  /** Base URI of the service; plain HTTP. */
  get baseUrl(): string {
    return `http://127.0.0.1:${this.#port}${BASE}`;
  }

  /** AE titles that listen now. */
  get listening(): string[] {
    return [...this.#channels.values()];
  }

  /** Adds a workitem as its scheduler does. @throws Error when it is not taken */
  schedule(uid: string, workitem: DataSet): void {
    const status = this.worklist.create(uid, workitem);
    if (status !== UPS_STATUS.done) throw new Error(`workitem not taken: ${status.toString(16)}`);
  }

  /** Another performer claims it; gives its Transaction UID. */
  claimByAnother(uid: string): string {
    const transactionUid = this.worklist.newUid();
    const status = this.worklist.changeState(uid, transactionUid, 'IN PROGRESS');
    if (status !== UPS_STATUS.done) throw new Error(`not claimed: ${status.toString(16)}`);
    return transactionUid;
  }

  /** What was asked so far, in order: `changeState 200`, `update -` where no answer was given. */
  get account(): string[] {
    return this.requests.map(({ transaction, status }) => `${transaction} ${status ?? '-'}`);
  }

  /** Resolves when the condition holds, looked at after every request, report and change of a connection. */
  until(condition: () => boolean): Promise<void> {
    return new Promise((resolve) => {
      const look = (): void => {
        if (!condition()) return;
        this.#watchers.delete(look);
        resolve();
      };
      this.#watchers.add(look);
      look();
    });
  }

  /** Breaks every notification connection; what happens meanwhile is told to nobody. */
  dropChannels(): void {
    for (const channel of this.#channels.keys()) channel.terminate();
  }

  /** Breaks all connections and takes no new ones. */
  async goAway(): Promise<void> {
    for (const channel of this.#webSockets.clients) channel.terminate();
    for (const socket of this.#sockets) socket.destroy();
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }

  /** Listens again where it did, with what it had. */
  async comeBack(): Promise<void> {
    if (this.#port !== 0) this.#server = this.#newServer();
    await new Promise<void>((resolve) => this.#server.listen(this.#port, '127.0.0.1', resolve));
    this.#port = (this.#server.address() as AddressInfo).port;
  }

  close(): Promise<void> {
    return this.goAway();
  }

  #newServer(): Server {
    const server = createServer((message, response) => {
      response.on('error', () => undefined);
      this.#serve(message, response).catch(() => response.destroy());
    });
    server.on('connection', (socket: Socket) => {
      this.#sockets.add(socket);
      socket.on('error', () => undefined);
      socket.on('close', () => this.#sockets.delete(socket));
    });
    server.on('upgrade', (message, socket, head) => {
      const aeTitle = new RegExp(`^${BASE}/ws/subscribers/([^/?]+)$`).exec(message.url ?? '')?.[1];
      if (aeTitle === undefined) return void socket.end('HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n');
      this.#webSockets.handleUpgrade(message, socket, head, (channel) => {
        this.#channels.set(channel, decodeURIComponent(aeTitle));
        channel.on('error', () => undefined);
        channel.on('close', () => {
          this.#channels.delete(channel);
          this.#changed();
        });
        this.#changed();
      });
    });
    return server;
  }

  #tell(aeTitle: string, report: DataSet): void {
    const channels = [...this.#channels].filter(([, name]) => name === aeTitle).map(([channel]) => channel);
    for (const channel of channels) channel.send(toJson(report));
    this.reports.push({ aeTitle, report, wasSent: channels.length > 0 });
    this.#changed();
  }

  #changed(): void {
    for (const look of [...this.#watchers]) look();
  }

  async #serve(message: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = Buffer.concat(await message.toArray());
    const question = this.#understand(message, body);
    if (typeof question === 'number') return void response.writeHead(question).end();
    const { transaction, uid, payload } = question;
    const request: UpsRequest = { transaction, uid, target: message.url ?? '', payload };
    this.requests.push(request);
    await this.at?.('before', transaction);
    const fault = this.faults[transaction]?.shift();
    if (fault === 'drop') return this.#break(message);
    if (typeof fault === 'object') {
      request.status = fault.status;
      response.writeHead(fault.status, fault.headers).end();
      return this.#changed();
    }
    const reply = this.#answers.answer(question);
    await this.at?.('after', transaction);
    if (fault === 'lost') return this.#break(message);
    request.status = reply.status;
    if (fault === 'garbage') response.writeHead(200, { 'Content-Type': 'application/dicom+json' }).end('{"00741000":');
    else this.#write(reply, message.headers.accept ?? '', response);
    this.#changed();
  }

  #break(message: IncomingMessage): void {
    message.socket.destroy();
    this.#changed();
  }

  /** A number: the status of what is none of its transactions. */
  #understand(message: IncomingMessage, body: Buffer): Question | number {
    const [path = '', query = ''] = (message.url ?? '').split(/\?(.*)/s, 2);
    const method = message.method ?? '';
    const plain = { uid: '', aeTitle: '', query, payload: undefined };
    if (method === 'OPTIONS') return { ...plain, transaction: 'verify' };
    const found =
      /^\/ups\/workitems(?:\/([0-9.]+)(?:\/(state|cancelrequest(?:\/[^/]+)?|subscribers\/([^/]+)(\/suspend)?))?)?$/.exec(
        path,
      );
    if (found === null) return 404;
    const [, uid = '', action, aeTitle = '', suspend] = found;
    const transaction = transactionOf(method, uid, action, suspend !== undefined);
    if (transaction === undefined) return 405;
    const type = message.headers['content-type'] ?? '';
    if (body.length > 0 && this.#options.mediaType !== undefined && !type.includes(`+${this.#options.mediaType}`)) {
      return 415;
    }
    try {
      const payload = body.length === 0 ? undefined : readBody(type, body).dataSet;
      const requester = action?.startsWith('cancelrequest/') === true ? action.slice('cancelrequest/'.length) : aeTitle;
      return { transaction, uid, aeTitle: decodeURIComponent(requester), query, payload };
    } catch {
      return 400;
    }
  }

  #write({ status, headers, results, one }: Reply, accept: string, response: ServerResponse): void {
    const sent = results ?? (one === undefined ? undefined : [one]);
    if (sent === undefined) return void response.writeHead(status, { 'Content-Length': 0, ...headers }).end();
    const media = this.#options.mediaType ?? (/\+xml/.test(accept) && !/\+json|\*/.test(accept) ? 'xml' : 'json');
    if (accept !== '' && !accept.includes(`+${media}`) && !accept.includes('*'))
      return void response.writeHead(406).end();
    if (media === 'json') {
      const body = `[${sent.map(toJson).join(',')}]`;
      return void response.writeHead(status, { 'Content-Type': 'application/dicom+json', ...headers }).end(body);
    }
    if (one !== undefined) {
      return void response.writeHead(status, { 'Content-Type': 'application/dicom+xml', ...headers }).end(toXml(one));
    }
    const parts = sent.map((each) => `--PART\r\nContent-Type: application/dicom+xml\r\n\r\n${toXml(each)}\r\n`);
    const type = 'multipart/related; type="application/dicom+xml"; boundary=PART';
    response.writeHead(status, { 'Content-Type': type, ...headers }).end(`${parts.join('')}--PART--`);
  }
}

function transactionOf(
  method: string,
  uid: string,
  action: string | undefined,
  suspend: boolean,
): UpsTransaction | undefined {
  if (uid === '') return method === 'GET' ? 'search' : method === 'POST' ? 'create' : undefined;
  if (action === undefined) return method === 'GET' ? 'retrieve' : method === 'POST' ? 'update' : undefined;
  if (action === 'state') return method === 'PUT' ? 'changeState' : undefined;
  if (action.startsWith('cancelrequest')) return method === 'POST' ? 'requestCancellation' : undefined;
  if (suspend) return method === 'POST' ? 'suspend' : undefined;
  return method === 'POST' ? 'subscribe' : method === 'DELETE' ? 'unsubscribe' : undefined;
}
