import { describe, expect, test } from '@jest/globals';
import { ACTIONS, actionFor, EVENTS, STATES } from '../../../../src/dimse/upper-layer/state-machine.ts';

/** PS3.8 Table 9-10, row by row as printed: event number, then `state:action` for every cell that is not empty. */
const PRINTED = [
  '1  1:AE-1',
  '2  4:AE-2',
  '3  2:AA-1 3:AA-8 5:AE-3 6:AA-8 7:AA-8 8:AA-8 9:AA-8 10:AA-8 11:AA-8 12:AA-8 13:AA-6',
  '4  2:AA-1 3:AA-8 5:AE-4 6:AA-8 7:AA-8 8:AA-8 9:AA-8 10:AA-8 11:AA-8 12:AA-8 13:AA-6',
  '5  1:AE-5',
  '6  2:AE-6 3:AA-8 5:AA-8 6:AA-8 7:AA-8 8:AA-8 9:AA-8 10:AA-8 11:AA-8 12:AA-8 13:AA-7',
  '7  3:AE-7',
  '8  3:AE-8',
  '9  6:DT-1 8:AR-7',
  '10 2:AA-1 3:AA-8 5:AA-8 6:DT-2 7:AR-6 8:AA-8 9:AA-8 10:AA-8 11:AA-8 12:AA-8 13:AA-6',
  '11 6:AR-1',
  '12 2:AA-1 3:AA-8 5:AA-8 6:AR-2 7:AR-8 8:AA-8 9:AA-8 10:AA-8 11:AA-8 12:AA-8 13:AA-6',
  '13 2:AA-1 3:AA-8 5:AA-8 6:AA-8 7:AR-3 8:AA-8 9:AA-8 10:AR-10 11:AR-3 12:AA-8 13:AA-6',
  '14 8:AR-4 9:AR-9 12:AR-4',
  '15 3:AA-1 4:AA-2 5:AA-1 6:AA-1 7:AA-1 8:AA-1 9:AA-1 10:AA-1 11:AA-1 12:AA-1',
  '16 2:AA-2 3:AA-3 5:AA-3 6:AA-3 7:AA-3 8:AA-3 9:AA-3 10:AA-3 11:AA-3 12:AA-3 13:AA-2',
  '17 2:AA-5 3:AA-4 4:AA-4 5:AA-4 6:AA-4 7:AA-4 8:AA-4 9:AA-4 10:AA-4 11:AA-4 12:AA-4 13:AR-5',
  '18 2:AA-2 13:AA-2',
  '19 2:AA-1 3:AA-8 5:AA-8 6:AA-8 7:AA-8 8:AA-8 9:AA-8 10:AA-8 11:AA-8 12:AA-8 13:AA-7',
];

/** PS3.8 Tables 9-6 to 9-9: the next state of each action. */
const NEXT_STATES: Record<string, string> = {
  'AE-1': 'Sta4', 'AE-2': 'Sta5', 'AE-3': 'Sta6', 'AE-4': 'Sta1', 'AE-5': 'Sta2', 'AE-6': 'Sta3 Sta13', 'AE-7': 'Sta6',
  'AE-8': 'Sta13', 'DT-1': 'Sta6', 'DT-2': 'Sta6', 'AR-1': 'Sta7', 'AR-2': 'Sta8', 'AR-3': 'Sta1', 'AR-4': 'Sta13',
  'AR-5': 'Sta1', 'AR-6': 'Sta7', 'AR-7': 'Sta8', 'AR-8': 'Sta9 Sta10', 'AR-9': 'Sta11', 'AR-10': 'Sta12',
  'AA-1': 'Sta13', 'AA-2': 'Sta1', 'AA-3': 'Sta1', 'AA-4': 'Sta1', 'AA-5': 'Sta1', 'AA-6': 'Sta13', 'AA-7': 'Sta13',
  'AA-8': 'Sta13',
}; // prettier-ignore

describe('the state machine (PS3.8 9.2)', () => {
  test.each(PRINTED)('follows Table 9-10, event %s', (row) => {
    const [number = '', ...cells] = row.split(/ +/);
    const event = EVENTS[Number(number) - 1];
    if (event === undefined) throw new Error('no such event');
    const actual = STATES.flatMap((state) => {
      const action = actionFor(event, state);
      return action === undefined ? [] : [`${state.slice(3)}:${action}`];
    });
    expect(actual).toEqual(cells);
  });

  test('has every event and action of the standard, with the next states of Tables 9-6 to 9-9', () => {
    expect(EVENTS).toHaveLength(19);
    expect(STATES).toHaveLength(13);
    const actual = Object.fromEntries(Object.entries(ACTIONS).map(([action, states]) => [action, states.join(' ')]));
    expect(actual).toEqual(NEXT_STATES);
  });
});
