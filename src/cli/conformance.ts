/** `dimseway conformance`: the DICOM conformance statement of the site, by its configuration. */
import { toHtml } from '../papers/html.ts';
import { toMarkdown } from '../papers/markdown.ts';
import { conformanceStatement } from '../papers/statement.ts';
import { siteOf, writePaper } from './paper.ts';

export interface ConformanceOptions {
  readonly config: string;
  readonly format: 'markdown' | 'html';
  /** Undefined: standard output. */
  readonly output?: string;
}

/** @returns the exit status: 0 written, 2 usage or configuration */
export function conformance({ config, format, output }: ConformanceOptions): Promise<number> {
  const write = async (): Promise<string> => {
    const statement = conformanceStatement(await siteOf(config));
    return format === 'html' ? toHtml(statement) : toMarkdown(statement);
  };
  return writePaper(write, output);
}
