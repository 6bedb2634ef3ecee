/** What the taps saw, for a person's eyes: one block a message, in the order of the wire. */
import { styleText } from 'node:util';
import { parsePath, pathToText } from '../dataset/attribute-path.ts';
import { isEmpty, itemsOf, sortedTags } from '../dataset/model.ts';
import type { Attribute, DataSet } from '../dataset/model.ts';
import { TRANSFER_SYNTAXES } from '../dataset/binary/transfer-syntax.ts';
import { COMMAND_FIELD } from '../dimse/command-set.ts';
import { SOP_CLASSES } from '../dimse/uids.ts';
import { statusText } from '../services/answer.ts';
import type {
  JsonObject,
  Seen,
  SeenDimseAnswer,
  SeenDimseRequest,
  SeenHttpAnswer,
  SeenHttpRequest,
} from './demo-seen.ts';
import { printable, valueText } from '../dataset/dump.ts';
import { displayWidth, fitted, wrapped } from './terminal.ts';

/** What is printed to: `process.stdout`, as far as it is used. */
export interface Paper {
  readonly columns?: number;
  readonly isTTY?: boolean;
  write(text: string): unknown;
}

export interface PrinterOptions {
  readonly paper: Paper;
  /** Who talks to the listener that saw it, and who the listener stands for: `classic modality`, `gateway`. */
  readonly partiesOf: (seen: Seen) => readonly [peer: string, listener: string];
}

const COLUMNS = { narrowest: 60, default: 100, widest: 140 } as const;
const INDENT = '    ';
/** Lines of one data set; more are counted. */
const MAXIMUM_LINES = 40;

const SOP_CLASS_NAMES: ReadonlyMap<string, string> = new Map([
  [SOP_CLASSES.verification, 'Verification'],
  [SOP_CLASSES.modalityWorklist, 'Modality Worklist Information Model – FIND'],
  [SOP_CLASSES.mpps, 'Modality Performed Procedure Step'],
  [SOP_CLASSES.mppsRetrieve, 'Modality Performed Procedure Step Retrieve'],
]);
const TRANSFER_SYNTAX_NAMES: ReadonlyMap<string, string> = new Map([
  [TRANSFER_SYNTAXES.implicitVrLittleEndian, 'Implicit VR Little Endian'],
  [TRANSFER_SYNTAXES.explicitVrLittleEndian, 'Explicit VR Little Endian'],
  [TRANSFER_SYNTAXES.deflated, 'Deflated Explicit VR Little Endian'],
]);
/** `C-FIND-RQ` by its Command Field. */
const COMMAND_NAMES: ReadonlyMap<number, string> = new Map(
  Object.entries(COMMAND_FIELD).map(([name, field]) => [
    field,
    name
      .replace(/^(.)/, (letter) => `${letter.toUpperCase()}-`)
      .replace(/(?=Rq$|Rsp$|Report)/g, '-')
      .toUpperCase(),
  ]),
);
const TAG_PATH = /^[0-9A-F]{8}/i;
const SHOWN_FIELDS = ['accept', 'content-type', 'location', 'warning'];

/** The shortest way to say what it was: `C-FIND-RQ`, `GET`, `200`, `C-FIND-RSP 0000H`. */
export function labelOf(seen: Seen): string {
  switch (seen.kind) {
    case 'dimse-request':
      return commandName(seen);
    case 'dimse-answer':
      return `${commandName(seen)} ${statusText(seen.command.status ?? 0)}`;
    case 'http-request':
      return seen.method;
    case 'http-answer':
      return String(seen.status);
  }
}

function nameOf(seen: Seen): string {
  if (seen.kind === 'http-request') return seen.method;
  return seen.kind === 'http-answer' ? `${seen.status} ${seen.reason}` : commandName(seen);
}

function commandName({ command }: SeenDimseRequest | SeenDimseAnswer): string {
  return COMMAND_NAMES.get(command.commandField) ?? `command ${statusText(command.commandField)}`;
}

export class DemoPrinter {
  readonly #paper: Paper;
  readonly #partiesOf: PrinterOptions['partiesOf'];
  readonly #columns: number;

  constructor({ paper, partiesOf }: PrinterOptions) {
    this.#paper = paper;
    this.#partiesOf = partiesOf;
    this.#columns = Math.min(COLUMNS.widest, Math.max(COLUMNS.narrowest, paper.columns ?? COLUMNS.default));
  }

  title(text: string): void {
    const rule = '═'.repeat(Math.max(3, this.#columns - displayWidth(text) - 5));
    this.#line('');
    this.#line(this.#styled('bold', `═══ ${text} ${rule}`.slice(0, this.#columns)));
  }

  lines(texts: readonly string[]): void {
    for (const text of texts) this.#line(text);
  }

  /** One message as it was on the wire. */
  show(seen: Seen): void {
    const [peer, listener] = this.#partiesOf(seen);
    const isRequest = seen.kind === 'dimse-request' || seen.kind === 'http-request';
    const isInward = 'towards' in seen ? seen.towards === 'listener' : isRequest;
    const [from, to] = isInward ? [peer, listener] : [listener, peer];
    const arrow = isRequest ? '▶' : '◀';
    const style = isRequest ? 'cyan' : 'green';
    this.#line('');
    this.#line(this.#styled(style, printable(fitted(`${arrow} ${nameOf(seen)}   ${from} → ${to}`, this.#columns))));
    for (const line of this.#body(seen)) this.#line(INDENT + line);
  }

  #body(seen: Seen): string[] {
    switch (seen.kind) {
      case 'dimse-request':
        return [
          ...associationOf(seen),
          ...instanceOf(seen),
          ...attributesOf(seen),
          ...this.#dataSet(seen.data.first, dataSetName(seen)),
        ];
      case 'dimse-answer':
        return [statusOf(seen), ...this.#dataSet(seen.data.first, `data set${firstOf(seen.data.count)}`)];
      case 'http-request':
        return [...this.#target(seen), ...fieldsOf(seen), ...this.#json(seen.data.first, 'body')];
      case 'http-answer':
        return [...fieldsOf(seen), sizeOf(seen), ...this.#json(seen.data.first, `body${firstOf(seen.data.count)}`)];
    }
  }

  /** A path and, in a line each, its parameters with the keywords of their tags. */
  #target({ method, target }: SeenHttpRequest): string[] {
    const [path = '', query = ''] = target.split('?');
    const parameters = query === '' ? [] : query.split('&');
    const columns = this.#columns - INDENT.length - 8;
    return [
      `${method} ${printable(path)}`,
      ...parameters.flatMap((parameter, i) => {
        const text = decoded(parameter);
        const [name = '', value = ''] = text.split('=');
        const paths = (name === 'includefield' ? value.split(',') : [name]).filter((each) => TAG_PATH.test(each));
        const written = wrapped(text.split(','), ',', columns);
        const meaning = wrapped(shortened(paths.map(keywordPath)), ', ', columns);
        return [
          ...written.map((line, n) => `${n > 0 ? '    ' : i === 0 ? '  ?' : '  &'}${line}`),
          ...meaning.map((line, n) => `${n === 0 ? '    = ' : '      '}${line}`),
        ].map(printable);
      }),
    ];
  }

  #dataSet(dataSet: DataSet | undefined, name: string): string[] {
    return dataSet === undefined ? [] : this.#both(name, linesOf(dataSet));
  }

  #json(object: JsonObject | undefined, name: string): string[] {
    return object === undefined ? [] : this.#both(name, linesOfJson(object));
  }

  #both(name: string, { telling, empty }: Lines): string[] {
    return [name, ...this.#indented(telling), ...this.#empty(empty)];
  }

  #indented(lines: readonly string[]): string[] {
    const shown = lines.slice(0, MAXIMUM_LINES).map((line) => `  ${fitted(line, this.#columns - INDENT.length - 2)}`);
    return lines.length > MAXIMUM_LINES ? [...shown, `  … ${lines.length - MAXIMUM_LINES} more lines`] : shown;
  }

  #empty(names: readonly string[]): string[] {
    if (names.length === 0) return [];
    const text = wrapped(shortened(names), ', ', this.#columns - INDENT.length - 4);
    return [`  without value, ${names.length}:`, ...text.map((line) => `    ${line}`)];
  }

  #styled(style: Parameters<typeof styleText>[0], text: string): string {
    // The stream says whether it is a terminal that shows colours (NO_COLOR, FORCE_COLOR).
    return this.#paper.isTTY === true ? styleText(style, text, { stream: process.stdout }) : text;
  }

  #line(text: string): void {
    this.#paper.write(`${text}\n`);
  }
}

function associationOf({ callingAeTitle, calledAeTitle, context }: SeenDimseRequest): string[] {
  const { id, abstractSyntax, transferSyntax } = context;
  const syntax = TRANSFER_SYNTAX_NAMES.get(transferSyntax) ?? transferSyntax;
  return [
    printable(`association: calling AE title ${callingAeTitle}, called AE title ${calledAeTitle}`),
    printable(`presentation context ${id}: ${SOP_CLASS_NAMES.get(abstractSyntax) ?? abstractSyntax}, ${syntax}`),
  ];
}

function instanceOf({ command }: SeenDimseRequest): string[] {
  const { affectedSopInstanceUid, requestedSopInstanceUid } = command;
  if (affectedSopInstanceUid !== undefined) return [printable(`Affected SOP Instance UID ${affectedSopInstanceUid}`)];
  if (requestedSopInstanceUid === undefined) return [];
  return [printable(`Requested SOP Instance UID ${requestedSopInstanceUid}`)];
}

/** Of an N-GET: what is asked for. */
function attributesOf({ command }: SeenDimseRequest): string[] {
  const { attributeIdentifierList: tags = [] } = command;
  return tags.length === 0 ? [] : [`Attribute Identifier List ${tags.map(keywordPath).join(', ')}`];
}

function dataSetName({ command }: SeenDimseRequest): string {
  return command.commandField === COMMAND_FIELD.cFindRq ? 'identifier' : 'data set';
}

function statusOf({ command, pending, data }: SeenDimseAnswer): string {
  const before = pending === undefined ? '' : `status ${statusText(pending)} (pending) × ${data.count}, then `;
  const { status = 0, errorComment } = command;
  const meaning = status === 0 ? ' (success)' : '';
  return printable(
    `${before}status ${statusText(status)}${meaning}${errorComment === undefined ? '' : `: ${errorComment}`}`,
  );
}

function firstOf(count: number): string {
  return count > 1 ? `, the first of ${count}` : '';
}

function fieldsOf({ fields }: SeenHttpRequest | SeenHttpAnswer): string[] {
  return SHOWN_FIELDS.flatMap((name) => {
    const value = fields.get(name);
    const title = name.replace(/(^|-)[a-z]/g, (letter) => letter.toUpperCase());
    return value === undefined ? [] : [printable(`${title}: ${value}`)];
  });
}

function sizeOf({ bodyBytes, data }: SeenHttpAnswer): string {
  if (bodyBytes === 0) return 'no body';
  const dataSets = data.count === 1 ? '1 data set' : `${data.count} data sets`;
  return data.count === 0 ? `${bodyBytes} bytes` : `${bodyBytes} bytes, ${dataSets}`;
}

/** What has a value, a line each, items indented; and the paths of what has none. */
interface Lines {
  readonly telling: readonly string[];
  readonly empty: readonly string[];
}

/** `00080060 CS Modality: CT` */
function linesOf(dataSet: DataSet, around = ''): Lines {
  const telling: string[] = [];
  const empty: string[] = [];
  for (const tag of sortedTags(dataSet)) {
    const attribute = dataSet[tag] as Attribute;
    const keyword = keywordPath(tag);
    const items = itemsOf(attribute).map((item) => linesOf(item, `${around}${keyword}.`));
    empty.push(...(isEmpty(attribute) ? [`${around}${keyword}`] : items.flatMap((item) => item.empty)));
    const inner = items.flatMap((item) => item.telling.map((line) => `  ${line}`));
    const tells = attribute.vr === 'SQ' ? inner.length > 0 : !isEmpty(attribute);
    if (tells) telling.push(`${tag} ${attribute.vr} ${keyword}: ${valueText(attribute)}`, ...inner);
  }
  return { telling, empty };
}

/** `"00080060": {"vr":"CS","Value":["CT"]}` */
function linesOfJson(object: JsonObject, around = ''): Lines {
  const telling: string[] = [];
  const empty: string[] = [];
  for (const [tag, member] of Object.entries(object)) {
    const path = `${around}${keywordPath(tag)}`;
    const items = itemsOfJson(member).map((item) => linesOfJson(item, `${path}.`));
    const text = printable(JSON.stringify(member));
    if (items.length > 0) {
      empty.push(...items.flatMap((item) => item.empty));
      const inner = items.map((item) => item.telling.map((line) => `  ${line}`)).filter((lines) => lines.length > 0);
      const between = inner.flatMap((lines, i) => (i === 0 ? lines : ['},{', ...lines]));
      if (inner.length > 0) telling.push(`"${tag}": {"vr":"SQ","Value":[{`, ...between, '}]}');
    } else if (/"(Value|InlineBinary|BulkDataURI)"/.test(text)) telling.push(`"${tag}": ${text}`);
    else empty.push(path);
  }
  return { telling, empty };
}

function itemsOfJson(member: unknown): JsonObject[] {
  const { vr, Value: items } = (member ?? {}) as { vr?: unknown; Value?: unknown };
  if (vr !== 'SQ' || !Array.isArray(items)) return [];
  return items.filter((item): item is JsonObject => typeof item === 'object' && item !== null);
}

/** `.Modality` after another attribute of the same sequence. */
function shortened(paths: readonly string[]): string[] {
  return paths.map((path, i) => {
    const parent = path.slice(0, path.lastIndexOf('.') + 1);
    const before = paths[i - 1] ?? '';
    const isSibling = parent !== '' && before.slice(0, before.lastIndexOf('.') + 1) === parent;
    return isSibling ? path.slice(parent.length - 1) : path;
  });
}

/** Keywords in place of tags; what is no path stays as it is. */
function keywordPath(path: string): string {
  try {
    return pathToText(parsePath(path), 'keyword');
  } catch {
    return path;
  }
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
