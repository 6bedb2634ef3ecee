/** The protocol machine of the upper layer as a table (PS3.8 9.2). Events and actions are named as there. */
export const STATES = [
  'Sta1', // idle
  'Sta2', // acceptor: transport connection open, waiting for A-ASSOCIATE-RQ
  'Sta3', // acceptor: waiting for the local answer to A-ASSOCIATE-RQ
  'Sta4', // requestor: waiting for the transport connection to open
  'Sta5', // requestor: waiting for A-ASSOCIATE-AC or -RJ
  'Sta6', // established, ready for data transfer
  'Sta7', // waiting for A-RELEASE-RP
  'Sta8', // waiting for the local answer to A-RELEASE-RQ
  'Sta9', // release collision, requestor: waiting for the local answer
  'Sta10', // release collision, acceptor: waiting for A-RELEASE-RP
  'Sta11', // release collision, requestor: waiting for A-RELEASE-RP
  'Sta12', // release collision, acceptor: waiting for the local answer
  'Sta13', // no association any more, waiting for the transport connection to close
] as const;

export type State = (typeof STATES)[number];

/** Evt1 to Evt19 in this order (PS3.8 Table 9-6 and following: PDUs received, primitives of the local user, others). */
export const EVENTS = [
  'A-ASSOCIATE request',
  'transport connected',
  'A-ASSOCIATE-AC received',
  'A-ASSOCIATE-RJ received',
  'transport connection indicated',
  'A-ASSOCIATE-RQ received',
  'A-ASSOCIATE response accept',
  'A-ASSOCIATE response reject',
  'P-DATA request',
  'P-DATA-TF received',
  'A-RELEASE request',
  'A-RELEASE-RQ received',
  'A-RELEASE-RP received',
  'A-RELEASE response',
  'A-ABORT request',
  'A-ABORT received',
  'transport closed',
  'ARTIM expired',
  'invalid PDU received',
] as const;

export type UpperLayerEvent = (typeof EVENTS)[number];

/** What each action ends in (PS3.8 Tables 9-6 to 9-9); two states where the action decides. */
export const ACTIONS = {
  'AE-1': ['Sta4'], // open the transport connection
  'AE-2': ['Sta5'], // send A-ASSOCIATE-RQ
  'AE-3': ['Sta6'], // confirm the acceptance
  'AE-4': ['Sta1'], // confirm the rejection, close the transport connection
  'AE-5': ['Sta2'], // start ARTIM
  'AE-6': ['Sta3', 'Sta13'], // stop ARTIM; indicate the request, or reject it when the provider cannot take it
  'AE-7': ['Sta6'], // send A-ASSOCIATE-AC
  'AE-8': ['Sta13'], // send A-ASSOCIATE-RJ, start ARTIM
  'DT-1': ['Sta6'], // send P-DATA-TF
  'DT-2': ['Sta6'], // indicate P-DATA
  'AR-1': ['Sta7'], // send A-RELEASE-RQ
  'AR-2': ['Sta8'], // indicate the release
  'AR-3': ['Sta1'], // confirm the release, close the transport connection
  'AR-4': ['Sta13'], // send A-RELEASE-RP, start ARTIM
  'AR-5': ['Sta1'], // stop ARTIM
  'AR-6': ['Sta7'], // indicate P-DATA
  'AR-7': ['Sta8'], // send P-DATA-TF
  'AR-8': ['Sta9', 'Sta10'], // indicate the release (collision): requestor, acceptor
  'AR-9': ['Sta11'], // send A-RELEASE-RP
  'AR-10': ['Sta12'], // confirm the release
  'AA-1': ['Sta13'], // send A-ABORT (service user), start or restart ARTIM
  'AA-2': ['Sta1'], // stop ARTIM, close the transport connection
  'AA-3': ['Sta1'], // indicate the abort, close the transport connection
  'AA-4': ['Sta1'], // indicate a provider abort
  'AA-5': ['Sta1'], // stop ARTIM
  'AA-6': ['Sta13'], // ignore the PDU
  'AA-7': ['Sta13'], // send A-ABORT
  'AA-8': ['Sta13'], // send A-ABORT (service provider), indicate a provider abort, start ARTIM
} as const satisfies Record<string, readonly [State, State?]>;

export type Action = keyof typeof ACTIONS;

/** PS3.8 Table 9-10, one column per state. */
const TABLE: Record<UpperLayerEvent, string> = {
  //                               1    2    3    4    5    6    7    8    9    10    11   12   13
  'A-ASSOCIATE request':           'AE-1 -    -    -    -    -    -    -    -    -     -    -    -',
  'transport connected':           '-    -    -    AE-2 -    -    -    -    -    -     -    -    -',
  'A-ASSOCIATE-AC received':       '-    AA-1 AA-8 -    AE-3 AA-8 AA-8 AA-8 AA-8 AA-8  AA-8 AA-8 AA-6',
  'A-ASSOCIATE-RJ received':       '-    AA-1 AA-8 -    AE-4 AA-8 AA-8 AA-8 AA-8 AA-8  AA-8 AA-8 AA-6',
  'transport connection indicated':'AE-5 -    -    -    -    -    -    -    -    -     -    -    -',
  'A-ASSOCIATE-RQ received':       '-    AE-6 AA-8 -    AA-8 AA-8 AA-8 AA-8 AA-8 AA-8  AA-8 AA-8 AA-7',
  'A-ASSOCIATE response accept':   '-    -    AE-7 -    -    -    -    -    -    -     -    -    -',
  'A-ASSOCIATE response reject':   '-    -    AE-8 -    -    -    -    -    -    -     -    -    -',
  'P-DATA request':                '-    -    -    -    -    DT-1 -    AR-7 -    -     -    -    -',
  'P-DATA-TF received':            '-    AA-1 AA-8 -    AA-8 DT-2 AR-6 AA-8 AA-8 AA-8  AA-8 AA-8 AA-6',
  'A-RELEASE request':             '-    -    -    -    -    AR-1 -    -    -    -     -    -    -',
  'A-RELEASE-RQ received':         '-    AA-1 AA-8 -    AA-8 AR-2 AR-8 AA-8 AA-8 AA-8  AA-8 AA-8 AA-6',
  'A-RELEASE-RP received':         '-    AA-1 AA-8 -    AA-8 AA-8 AR-3 AA-8 AA-8 AR-10 AR-3 AA-8 AA-6',
  'A-RELEASE response':            '-    -    -    -    -    -    -    AR-4 AR-9 -     -    AR-4 -',
  'A-ABORT request':               '-    -    AA-1 AA-2 AA-1 AA-1 AA-1 AA-1 AA-1 AA-1  AA-1 AA-1 -',
  'A-ABORT received':              '-    AA-2 AA-3 -    AA-3 AA-3 AA-3 AA-3 AA-3 AA-3  AA-3 AA-3 AA-2',
  'transport closed':              '-    AA-5 AA-4 AA-4 AA-4 AA-4 AA-4 AA-4 AA-4 AA-4  AA-4 AA-4 AR-5',
  'ARTIM expired':                 '-    AA-2 -    -    -    -    -    -    -    -     -    -    AA-2',
  'invalid PDU received':          '-    AA-1 AA-8 -    AA-8 AA-8 AA-8 AA-8 AA-8 AA-8  AA-8 AA-8 AA-7',
}; // prettier-ignore

const TRANSITIONS = new Map<UpperLayerEvent, Map<State, Action>>(
  EVENTS.map((event) => [event, new Map(rowOf(TABLE[event]))]),
);

function rowOf(text: string): [State, Action][] {
  return text.split(/ +/).flatMap((cell, i): [State, Action][] => {
    const state = STATES[i];
    return cell === '-' || state === undefined ? [] : [[state, cell as Action]];
  });
}

/** The action for an event in a state; undefined where the table is empty: the event cannot or must not happen there. */
export function actionFor(event: UpperLayerEvent, state: State): Action | undefined {
  return TRANSITIONS.get(event)?.get(state);
}
