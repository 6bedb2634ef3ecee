/** The commands that write papers of a site: its conformance statement, and what its web listeners can be asked. */
import { Option } from 'commander';
import type { Command } from 'commander';
import type { ConformanceOptions } from './conformance.ts';
import type { OpenApiOptions } from './openapi.ts';
import { withConfig } from './options.ts';

export function addPaperCommands(program: Command, end: (status: number) => void): void {
  withConfig(program.command('conformance').description('write the DICOM conformance statement of this configuration'))
    .addOption(new Option('--format <format>', 'what it is written as').choices(['markdown', 'html']).default('markdown'))
    .option('--output <file>', 'where it goes, instead of standard output')
    .addHelpText('after', '\nIt is laid out as PS3.2 Annex N. Nothing is opened or called.')
    .action(async (options: ConformanceOptions) => {
      const { conformance } = await import('./conformance.ts');
      end(await conformance(options));
    });

  withConfig(program.command('openapi').description('write what a web listener can be asked, as OpenAPI 3.1'))
    .option('--listener <name>', 'name of a web listener; the only one where there is one')
    .option('--base-path <path>', 'one of its base paths; the first')
    .addOption(new Option('--console', 'the API of the console instead').default(false).conflicts(['listener', 'basePath']))
    .option('--output <file>', 'where it goes, instead of standard output')
    .addHelpText(
      'after',
      '\nA listener that runs gives the same at openapi.json below its base path, for the one who asks; the console at\n' +
        '/api/openapi.json.',
    )
    .action(async (options: OpenApiOptions) => {
      const { openapi } = await import('./openapi.ts');
      end(await openapi(options));
    });
} // prettier-ignore
