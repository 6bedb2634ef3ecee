import { describe, expect, test } from '@jest/globals';
import { negotiate } from '../../../src/dimse/acceptor-negotiation.ts';
import type { OfferedServices } from '../../../src/dimse/offered-services.ts';
import { SOP_CLASSES } from '../../../src/dimse/uids.ts';
import type { ProposedContext } from '../../../src/dimse/upper-layer/pdu.ts';
import type { UserInformation } from '../../../src/dimse/upper-layer/user-information.ts';
import { associateRq, EXPLICIT, IMPLICIT } from '../../support/dimse-bytes.ts';
import { ROUTE } from '../../support/dimse-listener.ts';

const JPEG = '1.2.840.10008.1.2.4.50';
const { verification, modalityWorklist, mpps, mppsRetrieve } = SOP_CLASSES;
const OPTIONS = {
  maximumPduLength: 16_384,
  transferSyntaxes: [EXPLICIT, IMPLICIT],
  duplicateContexts: 'accept',
} as const;

const OFFERED: OfferedServices = {
  verification: true,
  worklist: undefined,
  mpps: undefined,
  storageCommitment: undefined,
  isReporter: false,
  isNotifier: false,
};

const context = (id: number, abstractSyntax: string, ...transferSyntaxes: string[]): ProposedContext => ({
  id,
  abstractSyntax,
  transferSyntaxes,
});

const COMMITMENT = '1.2.840.10008.1.20.1';

function negotiateCommitment(
  role: { scu: boolean; scp: boolean },
  offered: Partial<OfferedServices>,
): ReturnType<typeof negotiate> {
  const userInformation = { roles: [{ sopClassUid: COMMITMENT, ...role }], extended: [] };
  const request = associateRq({ contexts: [context(1, COMMITMENT, IMPLICIT)], userInformation });
  return negotiate(request, OPTIONS, { ...OFFERED, ...offered });
}

function answerTo(
  contexts: ProposedContext[],
  options: Parameters<typeof negotiate>[1] = OPTIONS,
  route: typeof ROUTE | 'none' = ROUTE,
  mppsRoute: typeof ROUTE | undefined = undefined,
): string[] {
  const worklist = route === 'none' ? undefined : route;
  const { answer } = negotiate(associateRq({ contexts }), options, { ...OFFERED, worklist, mpps: mppsRoute });
  return answer.contexts.map(({ id, result, transferSyntax }) =>
    `${id} ${result} ${result === 0 ? transferSyntax : ''}`.trim(),
  );
}

function userInformation(proposed: Partial<UserInformation>, route = ROUTE): UserInformation {
  const request = associateRq({ userInformation: { roles: [], extended: [], ...proposed } });
  return negotiate(request, OPTIONS, { ...OFFERED, worklist: route, mpps: route }).answer.userInformation;
}

describe('presentation contexts (PS3.8 9.3.3.2)', () => {
  test('takes the preferred of the proposed transfer syntaxes, whatever their order', () => {
    expect(answerTo([context(1, verification, IMPLICIT, EXPLICIT), context(3, verification, JPEG, IMPLICIT)])).toEqual([
      `1 0 ${EXPLICIT}`,
      `3 0 ${IMPLICIT}`,
    ]);
    const preferImplicit = { ...OPTIONS, transferSyntaxes: [IMPLICIT, EXPLICIT] };
    expect(answerTo([context(1, verification, EXPLICIT, IMPLICIT)], preferImplicit)).toEqual([`1 0 ${IMPLICIT}`]);
  });

  test('an unknown abstract syntax is result 3, no common transfer syntax is result 4', () => {
    expect(answerTo([context(1, '1.2.3', IMPLICIT), context(3, modalityWorklist, JPEG)])).toEqual(['1 3', '3 4']);
  });

  test('the worklist without a route for the requester is result 3, Verification is accepted all the same', () => {
    const contexts = [context(1, modalityWorklist, IMPLICIT), context(3, verification, IMPLICIT)];
    expect(answerTo(contexts, OPTIONS, 'none')).toEqual(['1 3', `3 0 ${IMPLICIT}`]);
  });

  test('MPPS and MPPS Retrieve are offered together, where a route offers them; else both are result 3', () => {
    const contexts = [context(1, mpps, IMPLICIT), context(3, mppsRetrieve, EXPLICIT), context(5, mpps, JPEG)];
    expect(answerTo(contexts)).toEqual(['1 3', '3 3', '5 3']);
    expect(answerTo(contexts, OPTIONS, 'none', ROUTE)).toEqual([`1 0 ${IMPLICIT}`, `3 0 ${EXPLICIT}`, '5 4']);
  });

  test('several contexts of one abstract syntax are accepted or refused by option', () => {
    const contexts = [
      context(1, modalityWorklist, JPEG),
      context(3, modalityWorklist, IMPLICIT),
      context(5, modalityWorklist, EXPLICIT),
    ];
    expect(answerTo(contexts)).toEqual(['1 4', `3 0 ${IMPLICIT}`, `5 0 ${EXPLICIT}`]);
    expect(answerTo(contexts, { ...OPTIONS, duplicateContexts: 'refuse' })).toEqual(['1 4', `3 0 ${IMPLICIT}`, '5 1']);
  });

  test('ids in any order, even ones, and one given twice are survived (trap 8)', () => {
    const contexts = [
      context(255, verification, IMPLICIT),
      context(2, modalityWorklist, IMPLICIT),
      context(2, verification, IMPLICIT),
    ];
    expect(answerTo(contexts)).toEqual([`255 0 ${IMPLICIT}`, `2 0 ${IMPLICIT}`]);
  });

  test('a context without transfer syntaxes is result 4', () => {
    expect(answerTo([context(1, verification)])).toEqual(['1 4']);
  });
});

describe('user information of the answer (PS3.7 D.3.3)', () => {
  const fuzzyRoute = { ...ROUTE, fuzzyMatching: true };
  const propose = (...information: number[]): Partial<UserInformation> => ({
    extended: [{ sopClassUid: modalityWorklist, information: Uint8Array.from(information) }],
  });

  test.each([
    [[1, 1, 1, 1], fuzzyRoute, [1, 1, 1, 0]],
    [[1, 1, 1, 1], ROUTE, [1, 1, 0, 0]],
    [[1, 1, 0, 0], { ...ROUTE, fuzzyMatching: true, timezoneAdjustment: true }, [1, 1, 0, 0]],
    [[1, 1, 1], fuzzyRoute, [1, 1, 1]],
    [[1], fuzzyRoute, [1]],
    [[1, 1, 1, 1, 1, 1], fuzzyRoute, [1, 1, 1, 0]],
  ])('extended negotiation %j is answered by the route', (proposed, route, answered) => {
    expect(userInformation(propose(...proposed), route).extended).toEqual([
      { sopClassUid: modalityWorklist, information: Uint8Array.from(answered) },
    ]);
  });

  test('extended negotiation of another class, or none, has no answer', () => {
    expect(
      userInformation({ extended: [{ sopClassUid: verification, information: Uint8Array.of(1) }] }).extended,
    ).toEqual([]);
    expect(userInformation({}).extended).toEqual([]);
  });

  test('what was agreed is what the search will use', () => {
    const request = associateRq({ userInformation: { roles: [], ...propose(1, 1, 1, 1) } as UserInformation });
    expect(negotiate(request, OPTIONS, { ...OFFERED, worklist: fuzzyRoute }).worklist).toEqual({
      fuzzyMatching: true,
      timezoneAdjustment: false,
    });
  });

  test('roles are agreed for the requestor as SCU only, and for accepted classes only', () => {
    const roles = [
      { sopClassUid: modalityWorklist, scu: true, scp: true },
      { sopClassUid: '1.2.3', scu: true, scp: false },
    ];
    expect(userInformation({ roles }).roles).toEqual([{ sopClassUid: modalityWorklist, scu: true, scp: false }]);
  });

  test.each([
    ['none', {}, [3], []],
    ['a route', { storageCommitment: ROUTE }, [0], [{ scu: true, scp: false }]],
    ['a reporter', { isReporter: true }, [0], [{ scu: false, scp: true }]],
    ['both', { storageCommitment: ROUTE, isReporter: true }, [0], [{ scu: true, scp: true }]],
  ])(
    'storage commitment with %s: both roles proposed are answered truly (PS3.4 J.3.3)',
    (_what, of, results, roles) => {
      const { answer } = negotiateCommitment({ scu: true, scp: true }, of);
      expect(answer.contexts.map(({ result }) => result)).toEqual(results);
      expect(answer.userInformation.roles).toEqual(roles.map((role) => ({ sopClassUid: COMMITMENT, ...role })));
    },
  );

  test('a context of storage commitment of which no proposed role is agreed is refused by the user', () => {
    const asScp = negotiateCommitment({ scu: false, scp: true }, { storageCommitment: ROUTE });
    expect(asScp.answer.contexts).toMatchObject([{ result: 1 }]);
    const asScu = negotiateCommitment({ scu: true, scp: false }, { isReporter: true });
    expect(asScu.answer.contexts).toMatchObject([{ result: 1 }]);
    expect([...asScp.contexts, ...asScu.contexts]).toEqual([]);
    const asNothing = negotiateCommitment({ scu: false, scp: false }, { isReporter: true });
    expect(asNothing.answer.contexts).toMatchObject([{ result: 0 }]);
  });

  test('unlimited asynchronous operations become one, and are not mentioned unasked', () => {
    expect(userInformation({ asynchronousOperations: { invoked: 0, performed: 0 } }).asynchronousOperations).toEqual({
      invoked: 1,
      performed: 1,
    });
    expect(userInformation({})).not.toHaveProperty('asynchronousOperations');
  });

  test('user identity is not checked and so not answered', () => {
    const userIdentity = { type: 2, responseRequested: true, primary: Buffer.from('a'), secondary: Buffer.from('b') };
    expect(userInformation({ userIdentity })).not.toHaveProperty('userIdentityResponse');
  });
});
