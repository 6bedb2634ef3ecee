/**
 * `dimseway demo`: the embedded default, a classic modality that crosses to a web RIS and a web modality that crosses to
 * a classic RIS, and every message of it as it was on the wire.
 */
import { isDeepStrictEqual } from 'node:util';
import { GatewayError } from '../errors.ts';
import { ServiceFailure } from '../services/port.ts';
import { startBed } from './demo-bed.ts';
import type { DemoBed } from './demo-bed.ts';
import { CLASSIC_MODALITY, modalityContext, preparePlay } from './demo-play.ts';
import type { DemoStep } from './demo-play.ts';
import { DemoPrinter, labelOf } from './demo-print.ts';
import type { Seen } from './demo-seen.ts';
import { EXIT } from './report.ts';

export interface DemoOptions {
  /** Leave the gateway running until a signal comes, and go on showing what passes. */
  readonly keep: boolean;
}

/** Time of one step. */
const PATIENCE_MS = 15_000;
const GATEWAY = 'gateway';

/** @returns the exit status: 0 all went as it should, 1 it did not; nothing is left behind */
export async function demo({ keep }: DemoOptions): Promise<number> {
  // Whoever reads it may stop before the end.
  process.stdout.on('error', () => undefined);
  const interrupted = new AbortController();
  const onSignal = (): void => interrupted.abort();
  process.on('SIGINT', onSignal).on('SIGTERM', onSignal);
  const stage = { name: 'starting the gateway' };
  let bed: DemoBed | undefined;
  try {
    const seen: Seen[] = [];
    let isPlaying = true;
    const printer = new DemoPrinter({ paper: process.stdout, partiesOf });
    bed = await startBed({
      onSeen: (message) => {
        if (isPlaying) seen.push(message);
        printer.show(message);
      },
      onUnreadable: (error) => printer.lines([`(a connection that cannot be shown: ${error.message})`]),
    });
    printer.lines([
      'The embedded default is running. In front of its two listeners a tap shows what passes:',
      `  DIMSE on port ${bed.dimsePort}, DICOMweb on port ${bed.webPort}. The gateway calls itself through them, so that`,
      '  every message crosses from one protocol to the other over real sockets.',
    ]);
    const play = await preparePlay(bed);
    try {
      await playSteps(play.steps, { printer, seen, signal: interrupted.signal, onStep: (name) => (stage.name = name) });
    } finally {
      await play.close();
    }
    printer.title('Done: both directions, every message answered');
    isPlaying = false;
    if (keep) {
      stage.name = 'running on';
      printer.lines(whereToLook(bed));
      await untilAborted(interrupted.signal);
    }
    return EXIT.done;
  } catch (error) {
    const why = interrupted.signal.aborted ? 'interrupted' : explained(error);
    process.stderr.write(`The demonstration failed while ${stage.name}: ${why}\n`);
    return EXIT.failed;
  } finally {
    await bed?.close();
    process.off('SIGINT', onSignal).off('SIGTERM', onSignal);
  }
}

export interface Stage {
  readonly printer: Pick<DemoPrinter, 'title'>;
  /** What has passed the taps; emptied before each step. */
  readonly seen: Seen[];
  readonly signal: AbortSignal;
  /** Told which step comes now. */
  readonly onStep: (name: string) => void;
}

/** One step after the other. @throws ServiceFailure, or Error when other messages passed the taps than the step is about */
export async function playSteps(steps: readonly DemoStep[], { printer, seen, signal, onStep }: Stage): Promise<void> {
  for (const [index, step] of steps.entries()) {
    onStep(`playing step ${index + 1} (${step.title})`);
    printer.title(`${index + 1}. ${step.title}`);
    seen.length = 0;
    await step.run(modalityContext(signal, PATIENCE_MS));
    checkSeen(step, seen);
  }
}

function checkSeen({ expected }: DemoStep, seen: readonly Seen[]): void {
  const labels = seen.map(labelOf);
  if (isDeepStrictEqual(labels, expected)) return;
  throw new Error(`the messages should be ${expected.join(', ')}; there were ${labels.join(', ') || 'none'}`);
}

/** Ways in of `config/gateway.yaml`: the crossing ones are called by modalities, the others by the gateway itself. */
function partiesOf(seen: Seen): readonly [string, string] {
  if (seen.kind === 'dimse-request' || seen.kind === 'dimse-answer') {
    return seen.calledAeTitle === 'CROSSOVER' ? ['classic modality', GATEWAY] : [GATEWAY, 'classic RIS'];
  }
  return seen.target.startsWith('/crossover') ? ['web modality', GATEWAY] : [GATEWAY, 'web RIS'];
}

function whereToLook({ dimsePort, webPort, consolePort }: DemoBed): string[] {
  const search = 'modality-scheduled-procedure-steps?ScheduledProcedureStepSequence.Modality=CT';
  return [
    '',
    'It goes on running, and shows what passes. Ctrl+C ends it. From another terminal:',
    '',
    '  as a classic modality, with DCMTK, to the web RIS (-aec DIMSEWAY: straight to the RIS):',
    `    findscu -W -aet ${CLASSIC_MODALITY} -aec CROSSOVER -k PatientName -k PatientID \\`,
    `      -k 'ScheduledProcedureStepSequence[0].Modality=CT' 127.0.0.1 ${dimsePort}`,
    '  as a web modality, to the classic RIS (/dicomweb: straight to the RIS):',
    `    curl -H 'Accept: application/dicom+json' \\`,
    `      'http://127.0.0.1:${webPort}/crossover/${search}'`,
    '  as an operator:',
    `    curl http://127.0.0.1:${consolePort}/health/ready`,
    '',
  ];
}

async function untilAborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return;
  await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }));
}

function explained(error: unknown): string {
  if (error instanceof ServiceFailure) return `${error.code}: ${error.message}`;
  if (error instanceof GatewayError) {
    return `${error.code}: ${error.message}${error.fix === undefined ? '' : `\nFix: ${error.fix}`}`;
  }
  return error instanceof Error ? error.message : 'an unknown error';
}
