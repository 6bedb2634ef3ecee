import { describe, expect, test } from '@jest/globals';
import type { CommandSet } from '../../../src/dimse/command-set.ts';
import type { Message } from '../../../src/dimse/message.ts';
import { PeerRequests } from '../../../src/dimse/peer-requests.ts';
import type { PeerAnswer } from '../../../src/dimse/peer-requests.ts';
import { EXPLICIT } from '../../support/dimse-bytes.ts';

const CONTEXT = { id: 1, abstractSyntax: '1.2.840.10008.1.20.1', transferSyntax: EXPLICIT };

function request(messageId: number, dataSet?: Buffer): Message {
  return { contextId: 1, command: { commandField: 0x0100, messageId }, dataSet };
}

interface Bed {
  readonly requests: PeerRequests;
  readonly log: string[];
  readonly sent: CommandSet[];
  /** Answers those that are being served, in the order in which they came. */
  readonly answers: ((answer: PeerAnswer | Error) => void)[];
  readonly allAnswered: Promise<void>;
}

function bed(maximumBytes = 100, send: () => Promise<void> = async () => undefined): Bed {
  const log: string[] = [];
  const sent: CommandSet[] = [];
  const answers: Bed['answers'] = [];
  const all = Promise.withResolvers<void>();
  const requests = new PeerRequests(
    ({ command }) => {
      log.push(`serve ${command.messageId}`);
      return new Promise((resolve, reject) =>
        answers.push((answer) => (answer instanceof Error ? reject(answer) : resolve(answer))),
      );
    },
    {
      send: (_context, response) => {
        sent.push(response);
        log.push(`answer ${response.messageIdBeingRespondedTo}`);
        return send();
      },
      answered: () => all.resolve(),
    },
    maximumBytes,
  );
  return { requests, log, sent, answers, allAnswered: all.promise };
}

/** Waits for the turns of promises that are settled already. */
const turns = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe('requests of a peer', () => {
  test('are served one after another in the order in which they came (PS3.7 D.3.3.3)', async () => {
    const { requests, log, answers, allAnswered } = bed();
    requests.receive(request(1), CONTEXT);
    requests.receive(request(2), CONTEXT);
    await turns();
    expect([log, requests.isEmpty]).toEqual([['serve 1'], false]);
    answers[0]?.({ status: 0 });
    await turns();
    answers[1]?.({ status: 0x0213 });
    await allAnswered;
    expect([log, requests.isEmpty]).toEqual([['serve 1', 'answer 1', 'serve 2', 'answer 2'], true]);
  });

  test('are answered with their status and its fields, and 0110H when serving fails', async () => {
    const { requests, sent, answers, allAnswered } = bed();
    requests.receive(request(1), CONTEXT);
    requests.receive(request(2), CONTEXT);
    await turns();
    answers[0]?.({ status: 0x0115, errorComment: 'as said' });
    await turns();
    answers[1]?.(new Error('fault'));
    await allAnswered;
    expect(sent).toEqual([
      { commandField: 0x8100, messageIdBeingRespondedTo: 1, status: 0x0115, errorComment: 'as said' },
      { commandField: 0x8100, messageIdBeingRespondedTo: 2, status: 0x0110 },
    ]);
  });

  test('are served to the end when nobody is left to be told', async () => {
    const { requests, log, answers, allAnswered } = bed(100, () => Promise.reject(new Error('gone')));
    requests.receive(request(1), CONTEXT);
    requests.receive(request(2), CONTEXT);
    await turns();
    answers[0]?.({ status: 0 });
    await turns();
    answers[1]?.({ status: 0 });
    await allAnswered;
    expect(log).toEqual(['serve 1', 'answer 1', 'serve 2', 'answer 2']);
  });

  test('are no more than 64 at a time', () => {
    const { requests } = bed();
    for (let id = 1; id <= 64; id++) requests.receive(request(id), CONTEXT);
    expect(() => requests.receive(request(65), CONTEXT)).toThrow(expect.objectContaining({ code: 'MESSAGE_INVALID' }));
  });

  test('take no more room than a message may, and give it back with their answer', async () => {
    const { requests, answers, allAnswered } = bed(100);
    requests.receive(request(1, Buffer.alloc(60)), CONTEXT);
    expect(() => requests.receive(request(2, Buffer.alloc(41)), CONTEXT)).toThrow(
      expect.objectContaining({ code: 'MESSAGE_INVALID' }),
    );
    await turns();
    answers[0]?.({ status: 0 });
    await allAnswered;
    requests.receive(request(3, Buffer.alloc(100)), CONTEXT);
  });
});
