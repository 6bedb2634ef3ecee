/**
 * `dimseway doctor [UPSTREAM…]`: looks at every upstream from the name of its host to the transactions the routes need, and
 * at the certificates of the gateway. It changes nothing, here or there.
 */
import { loadConfig } from '../config/load.ts';
import type { Config, UpstreamConfig } from '../config/schema.ts';
import { seenCertificate } from '../doctor/certificates.ts';
import { examine } from '../doctor/examine.ts';
import type { ExamineOptions } from '../doctor/examine.ts';
import { Examination, failed, skipped } from '../doctor/finding.ts';
import type { Finding, FindingState } from '../doctor/finding.ts';
import { needsOf } from '../doctor/needs.ts';
import type { Need } from '../doctor/needs.ts';
import { GatewayError } from '../errors.ts';
import { SILENT } from '../observe/log.ts';
import { ServerTls } from '../tls/server-tls.ts';
import type { ServerTlsOptions } from '../tls/tls-options.ts';
import { createUpstream, dimseOptions, userAgentOptions } from '../upstream-parts.ts';
import { printable } from '../dataset/dump.ts';
import { EXIT, report, UsageError } from './report.ts';
import { inColumns } from './terminal.ts';

export interface DoctorOptions {
  readonly config: string;
  /** None: every one, and the certificates of the gateway. */
  readonly upstreams: readonly string[];
  readonly timeoutMs: number;
  readonly json: boolean;
}

/** @returns 0 nothing failed, 1 something did, 2 usage or configuration */
export async function doctor({ config: file, upstreams, timeoutMs, json }: DoctorOptions): Promise<number> {
  try {
    const { config } = await loadConfig(file, process.env);
    const unknown = upstreams.find((name) => config.upstreams[name] === undefined);
    if (unknown !== undefined) {
      const known = Object.keys(config.upstreams).join(', ');
      throw new UsageError(`There is no upstream "${unknown}" in ${file}. Known: ${known || 'none'}.`);
    }
    const options = { timeoutMs, now: Date.now };
    const names = upstreams.length > 0 ? upstreams : Object.keys(config.upstreams);
    const found = await Promise.all([
      ...(upstreams.length > 0 ? [] : ownCertificates(config, options)),
      ...names.map((name) => examineUpstream(name, config, options)),
    ]);
    const findings = found.flat();
    process.stdout.write(json ? `${JSON.stringify(findings, undefined, 2)}\n` : text(findings));
    return findings.some(({ state }) => state === 'failed') ? EXIT.failed : EXIT.done;
  } catch (error) {
    return report(error);
  }
}

async function examineUpstream(name: string, config: Config, options: ExamineOptions): Promise<readonly Finding[]> {
  const examination = new Examination(`upstreams.${name}`);
  const upstream = config.upstreams[name] as UpstreamConfig;
  const needs = needsOf(name, config);
  if (needs.size === 0) examination.note('routes', skipped('no route leads there: only the way is looked at'));
  try {
    await look(examination, name, upstream, needs, options);
  } catch (error) {
    if (!(error instanceof GatewayError)) throw error;
    examination.note('setup', failed(`${error.code}: ${error.message}`, error.fix ?? 'See docs/errors.md.'));
  }
  return examination.findings;
}

async function look(
  examination: Examination,
  name: string,
  config: UpstreamConfig,
  needs: ReadonlySet<Need>,
  options: ExamineOptions,
): Promise<void> {
  if (config.protocol === 'ris') {
    examination.note('ris', skipped('embedded: it is where the gateway is'));
    return;
  }
  const upstream = await createUpstream(name, config, SILENT);
  try {
    if (config.protocol === 'dimse') {
      const own = await dimseOptions(name, config, SILENT);
      await examine(examination, { protocol: 'dimse', options: own, upstream }, needs, options);
      own.tls?.close();
    } else {
      const agent = await userAgentOptions(name, config, SILENT);
      await examine(
        examination,
        { protocol: 'web', baseUrl: config.baseUrl, options: agent, upstream },
        needs,
        options,
      );
    }
  } finally {
    await upstream.close();
  }
}

/** Of the listeners and the console, whose days are as numbered as those of the far ends. */
function ownCertificates({ listeners, console }: Config, { now }: ExamineOptions): Promise<readonly Finding[]>[] {
  const parts: [string, ServerTlsOptions | undefined][] = [
    ...Object.entries(listeners).map(([name, { tls }]): [string, ServerTlsOptions | undefined] => [
      `listeners.${name}`,
      tls,
    ]),
    ['console', console?.tls],
  ];
  return parts.flatMap(([owner, tls]) => (tls === undefined ? [] : [ownCertificate(owner, tls, now())]));
}

async function ownCertificate(owner: string, options: ServerTlsOptions, nowMs: number): Promise<readonly Finding[]> {
  const examination = new Examination(owner);
  try {
    const tls = await ServerTls.load(owner, options, SILENT);
    for (const facts of tls.certificates()) {
      examination.note(facts.role === 'own' ? 'certificate' : 'authority', seenCertificate(facts, nowMs));
    }
    tls.close();
  } catch (error) {
    if (!(error instanceof GatewayError)) throw error;
    examination.note('certificate', failed(`${error.code}: ${error.message}`, error.fix ?? 'See docs/errors.md.'));
  }
  return examination.findings;
}

const MARKS: Readonly<Record<FindingState, string>> = { ok: 'ok', warning: 'WARNING', failed: 'FAILED', skipped: '-' };

/** A table, then a fix for each line that needs one. */
function text(findings: readonly Finding[]): string {
  const rows = findings.map(({ subject, step, state, detail, ms }, i) => [
    findings[i - 1]?.subject === subject ? '' : subject,
    step,
    MARKS[state],
    printable(detail),
    ms === undefined ? '' : `${ms} ms`,
  ]);
  const fixes = findings.flatMap(({ subject, step, fix }) =>
    fix === undefined ? [] : [`${subject}, ${step}: ${fix}`],
  );
  const failures = findings.filter(({ state }) => state === 'failed').length;
  const summary = failures === 0 ? 'Nothing failed.' : `${failures} ${failures === 1 ? 'step' : 'steps'} failed.`;
  return `${[
    ...inColumns([['PART', 'STEP', 'STATE', 'SEEN', 'TIME'], ...rows]),
    '',
    ...fixes.map((fix) => `Fix  ${fix}`),
    ...(fixes.length > 0 ? [''] : []),
    summary,
  ].join('\n')}\n`;
}
