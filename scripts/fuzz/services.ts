/** What the services do with any data set a peer sends: each must end in a result or a typed error. */
import { encodeDataSet } from '../../src/dataset/binary/encode.ts';
import { TRANSFER_SYNTAXES } from '../../src/dataset/binary/transfer-syntax.ts';
import { parseJsonDataSet, toJson } from '../../src/dataset/json.ts';
import type { DataSet } from '../../src/dataset/model.ts';
import { fromXml, toXml } from '../../src/dataset/xml.ts';
import { fillType2, fillType2InItems, selectAttributes } from '../../src/services/mpps/complete.ts';
import { digestsOf, sequencesOf } from '../../src/services/mpps/digest.ts';
import { checkCreate, checkUpdate, failureOfIssues } from '../../src/services/mpps/validate.ts';
import { actionRequestOf, eventOf } from '../../src/services/storage-commitment/messages.ts';
import { referencesOf, responseModule, toldIn } from '../../src/services/storage-commitment/modules.ts';
import { settle } from '../../src/services/storage-commitment/settle.ts';
import { identifierFromQuery, queryFromIdentifier, reduceToRequested } from '../../src/services/worklist/identifier.ts';
import { matches } from '../../src/services/worklist/matching.ts';
import { parametersFromQuery } from '../../src/services/worklist/search-parameters.ts';
import { variedWorklist } from '../../test/support/worklists.ts';
import { attempt } from './target.ts';

const ENTRIES = variedWorklist();
const SERVER = { emptyValueMatching: true, multipleValueMatching: true, maximumUriLength: 1_000_000 };

/** As an identifier, as an entry, as an MPPS, as a storage commitment, and in every other encoding. */
export function useDataSet(dataSet: DataSet): string {
  return [reencode(dataSet), search(dataSet), perform(dataSet), commit(dataSet)].join('; ');
}

export function reencode(dataSet: DataSet): string {
  return [
    attempt(() => encodeDataSet(dataSet, TRANSFER_SYNTAXES.explicitVrLittleEndian)),
    attempt(() => encodeDataSet(dataSet, TRANSFER_SYNTAXES.implicitVrLittleEndian, { undefinedLengths: true })),
    attempt(() => void parseJsonDataSet(toJson(dataSet))),
    attempt(() => void fromXml(toXml(dataSet))),
  ].join(', ');
}

export function search(dataSet: DataSet): string {
  return attempt(() => {
    const query = queryFromIdentifier(dataSet, { fuzzyMatching: true, timezoneAdjustment: true });
    identifierFromQuery(query);
    for (const entry of ENTRIES) matches(entry, query);
    matches(dataSet, query);
    reduceToRequested(dataSet, query.identifier);
    parametersFromQuery(query, SERVER);
  });
}

export function perform(dataSet: DataSet): string {
  return attempt(() => {
    const { attributes } = fillType2(dataSet);
    fillType2InItems(dataSet);
    selectAttributes(dataSet, [['00100010'], ['00400270', '00400009']]);
    digestsOf(attributes);
    sequencesOf(attributes);
    const issues = [...checkCreate(attributes), ...checkUpdate(dataSet, undefined)];
    return issues.length === 0 ? 'valid' : failureOfIssues(issues).code;
  });
}

export function commit(dataSet: DataSet): string {
  const asked = attempt(() => {
    const references = referencesOf(dataSet);
    settle(references, toldIn(dataSet));
    responseModule(dataSet, { committed: references.slice(1), failed: [] });
  });
  const told = attempt(() => {
    const { committed } = eventOf(2, dataSet);
    settle(committed, toldIn(dataSet));
  });
  return [asked, told, attempt(() => void actionRequestOf(dataSet))].join(', ');
}
