/** What a peer says over an association from the first byte to the last, both sides of it. */
import { SOP_CLASSES } from '../../src/dimse/uids.ts';
import { encodePdu, PDU_TYPE } from '../../src/dimse/upper-layer/pdu.ts';
import type { ProposedContext } from '../../src/dimse/upper-layer/pdu.ts';
import { ABORT, acceptAll, associateRq, cancelRq, dataPdu, echoRq } from '../../test/support/dimse-bytes.ts';
import { EXPLICIT, findRq, IMPLICIT, message, RELEASE_RP, RELEASE_RQ } from '../../test/support/dimse-bytes.ts';
import { actionRq, COMMITMENT_CONTEXTS, eventRq, eventRsp } from '../../test/support/dimse-commitment.ts';
import { IDENTIFIER } from '../../test/support/dimse-listener.ts';
import { createRq, getRq, MPPS_CONTEXTS, setRq } from '../../test/support/dimse-mpps.ts';

/** With every sub-item of the user information that there is. */
const TALKATIVE = associateRq({
  userInformation: {
    maximumLength: 0,
    implementationClassUid: '1.2.3',
    implementationVersionName: 'FUZZ',
    asynchronousOperations: { invoked: 0, performed: 3 },
    roles: [{ sopClassUid: SOP_CLASSES.mpps, scu: true, scp: true }],
    extended: [{ sopClassUid: SOP_CLASSES.modalityWorklist, information: Buffer.of(1, 1, 1) }],
    userIdentity: {
      type: 2,
      responseRequested: true,
      primary: Buffer.from('jane'),
      secondary: Buffer.from('passcode'),
    },
  },
});

function request(contexts: readonly ProposedContext[]): Buffer {
  return encodePdu(associateRq({ contexts: [...contexts] }));
}

/** What a requestor sends: association, messages, release. */
export function associationSeeds(): Buffer[] {
  const worklist = encodePdu(associateRq());
  const mpps = request(MPPS_CONTEXTS);
  const commitment = request(COMMITMENT_CONTEXTS);
  return [
    Buffer.concat([worklist, echoRq(), RELEASE_RQ]),
    Buffer.concat([worklist, findRq(IDENTIFIER), cancelRq(1), RELEASE_RQ]),
    Buffer.concat([encodePdu(TALKATIVE), findRq(IDENTIFIER, 7), ABORT]),
    Buffer.concat([mpps, createRq(), setRq(), getRq(), RELEASE_RQ]),
    Buffer.concat([commitment, actionRq(), eventRq(), eventRsp(1), RELEASE_RQ]),
    Buffer.concat([acceptAll(associateRq()), message(1, { commandField: 0x8030, status: 0 }), RELEASE_RP]),
    Buffer.concat([worklist, dataPdu([1, 1, Buffer.alloc(8)], [3, 2, Buffer.alloc(0)]), RELEASE_RQ]),
    encodePdu({ type: PDU_TYPE.associateRj, result: 1, source: 1, reason: 7 }),
  ];
}

export const PDU_TOKENS: readonly Buffer[] = [
  ...[RELEASE_RQ, RELEASE_RP, ABORT, echoRq(), cancelRq(1), findRq(IDENTIFIER), actionRq(), createRq()],
  ...[
    `${EXPLICIT}`,
    `${IMPLICIT}`,
    '1.2.840.10008.',
    '\x40\0\0\x11',
    '\x30\0\0\x11',
    '\x20\0\0\x2e',
    '\x21\0\0\x19',
  ].map(latin),
  ...['\x50\0\0\x08', '\x51\0\0\x04\0\0\0\0', '\x54\0\0\x08', '\x56\0\0\x08', '\x58\0\0\x08', '\x59\0\0\x02'].map(
    latin,
  ),
  ...[
    '\x04\0\0\0\0\x06\0\0\0\x02\x01\x03',
    '\x04\0\xff\xff\xff\xff',
    '\0\0\0\x09\x02\0\0\0',
    '\0\0\0\x08\x02\0\0\0\x01\x01',
  ].map(latin),
];

function latin(text: string): Buffer {
  return Buffer.from(text, 'latin1');
}
