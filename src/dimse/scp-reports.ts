/**
 * N-EVENT-REPORTs of ours on an association that the peer has opened: one at a time (PS3.7 D.3.3.3), under Message IDs of
 * our own, and only while no request of the peer waits for its answer. Many SCUs read what comes next as that answer.
 */
import { GatewayError } from '../errors.ts';
import { ServiceFailure } from '../services/port.ts';
import type { RetryClass } from '../services/port.ts';
import { COMMAND_FIELD, nextMessageId } from './command-set.ts';
import type { CommandSet } from './command-set.ts';
import type { CommitmentMessage } from './commitment-message.ts';

/** What reports need of their association. */
export interface ReportLine {
  /** No request of the peer is under way. */
  readonly isQuiet: boolean;
  send(contextId: number, command: CommandSet, dataSet: Buffer): Promise<void>;
  abort(): void;
  /** A report was sent, or is no longer waited for. */
  moved(): void;
}

export interface ReportResponse {
  readonly status: number;
  readonly command: CommandSet;
}

interface Report {
  readonly contextId: number;
  readonly message: CommitmentMessage;
  readonly timeoutMs: number;
  readonly settled: PromiseWithResolvers<ReportResponse>;
  timer: NodeJS.Timeout;
}

export class ScpReports {
  readonly #line: ReportLine;
  readonly #waiting: Report[] = [];
  #sent: Report | undefined;
  #messageId = 0;
  /** Given up, but the peer may still answer it. */
  #lateMessageId: number | undefined;
  #isOpen = true;

  constructor(line: ReportLine) {
    this.#line = line;
  }

  /** Reports can be sent. */
  get isOpen(): boolean {
    return this.#isOpen;
  }

  /** A report was sent and has no answer yet. */
  get isAwaited(): boolean {
    return this.#sent !== undefined;
  }

  /**
   * @param timeoutMs to the moment the report can be sent, and from then on to its answer
   * @throws ServiceFailure CONNECTION_LOST, UPSTREAM_TIMEOUT; `safe` when nothing was sent, else `ambiguous`
   */
  send(contextId: number, message: CommitmentMessage, timeoutMs: number): Promise<ReportResponse> {
    if (!this.#isOpen) return Promise.reject(gone('safe'));
    const settled = Promise.withResolvers<ReportResponse>();
    const timer = setTimeout(() => this.#waitedTooLong(report), timeoutMs);
    const report: Report = { contextId, message, timeoutMs, settled, timer };
    this.#waiting.push(report);
    this.sendNext();
    return settled.promise;
  }

  /** The peer waits for nothing any more. */
  sendNext(): void {
    if (this.#sent !== undefined || !this.#line.isQuiet) return;
    const report = this.#waiting.shift();
    if (report === undefined) return;
    const { contextId, message, timeoutMs } = report;
    clearTimeout(report.timer);
    report.timer = setTimeout(() => this.#answerIsMissing(report), timeoutMs);
    this.#sent = report;
    const messageId = (this.#messageId = nextMessageId(this.#messageId));
    // What goes wrong in sending ends the association, and with it the report.
    this.#line.send(contextId, { ...message.fields, messageId }, message.dataSet).catch(() => this.#line.abort());
    this.#line.moved();
  }

  /** @throws GatewayError MESSAGE_INVALID for a response that belongs to no report */
  receive(command: CommandSet): void {
    const { commandField, messageIdBeingRespondedTo, status } = command;
    if (commandField !== COMMAND_FIELD.nEventReportRsp || messageIdBeingRespondedTo === undefined) throw unexpected();
    if (messageIdBeingRespondedTo === this.#lateMessageId) {
      this.#lateMessageId = undefined;
      return this.#line.moved();
    }
    const sent = this.#sent;
    if (sent === undefined || messageIdBeingRespondedTo !== this.#messageId) throw unexpected();
    if (status === undefined) throw new GatewayError('MESSAGE_INVALID', 'A response without status');
    clearTimeout(sent.timer);
    this.#sent = undefined;
    sent.settled.resolve({ status, command });
    this.#line.moved();
    this.sendNext();
  }

  /** Nothing more is sent; what was sent can still be answered. */
  stop(): void {
    this.#isOpen = false;
    for (const report of this.#waiting.splice(0)) fail(report, gone('safe'));
  }

  /** The association is gone. */
  end(): void {
    this.stop();
    if (this.#sent !== undefined) fail(this.#sent, gone('ambiguous'));
    this.#sent = undefined;
  }

  #waitedTooLong(report: Report): void {
    this.#waiting.splice(this.#waiting.indexOf(report), 1);
    const comment = 'the SCU had requests of its own under way';
    fail(report, new ServiceFailure('UPSTREAM_TIMEOUT', { retry: 'safe', comment }));
  }

  /** An SCU that takes no reports here may well go on with its requests; it gets no further report. */
  #answerIsMissing(report: Report): void {
    this.#sent = undefined;
    this.#lateMessageId = this.#messageId;
    this.stop();
    const comment = `no N-EVENT-REPORT-RSP in ${report.timeoutMs / 1000} s`;
    fail(report, new ServiceFailure('UPSTREAM_TIMEOUT', { retry: 'ambiguous', comment }));
    this.#line.moved();
  }
}

function fail(report: Report, failure: ServiceFailure): void {
  clearTimeout(report.timer);
  report.settled.reject(failure);
}

function gone(retry: RetryClass): ServiceFailure {
  const comment =
    retry === 'safe' ? 'the SCU does not keep its association' : 'the association ended before the answer';
  return new ServiceFailure('CONNECTION_LOST', { retry, comment });
}

function unexpected(): GatewayError {
  return new GatewayError('MESSAGE_INVALID', 'A response that nobody asked for');
}
