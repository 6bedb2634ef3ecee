/** The command line: which commands there are. Each lives in a file of its own, loaded when it is called. */
import { Command, CommanderError, Option } from 'commander';
import { SERVICES } from '../services/port.ts';
import { versionOfPackage } from '../version.ts';
import { addCommitCommands } from './commit-commands.ts';
import type { ExplainOptions } from './explain.ts';
import { addMppsCommands } from './mpps-commands.ts';
import { addPaperCommands } from './paper-commands.ts';
import { defaultConfig, LOCAL_CONFIG, toCount, toList, toWaitMs, withConfig } from './options.ts';
import { EXIT } from './report.ts';
import { addSpoolCommands } from './spool-commands.ts';

/** Parses the command line and runs one command. Returns the exit status. */
export async function run(argv: readonly string[]): Promise<number> {
  let status: number = EXIT.done;
  const program = createProgram((ended) => {
    status = ended;
  });
  try {
    await program.parseAsync(argv, { from: 'user' });
    return status;
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    // Help and version that were asked for end with 0, whatever commander makes of a wrong command line ends with 2.
    return error.exitCode === 0 ? EXIT.done : EXIT.usage;
  }
}

function createProgram(end: (status: number) => void): Command {
  const program = new Command('dimseway')
    .description('Gateway between classic DICOM networking (DIMSE) and DICOMweb for the modality’s workflow.')
    .version(versionOfPackage())
    .exitOverride()
    .showHelpAfterError('Try dimseway --help.')
    .addHelpText(
      'after',
      '\nExit status: 0 done; 1 a peer failed or refused; 2 usage or configuration; 3 cannot start.\n' +
        `Without --config, ${LOCAL_CONFIG} is read, or the one of the package where that does not exist.`,
    );

  withConfig(program.command('serve').description('run the gateway')).action(async (options: { config: string }) => {
    const { serve } = await import('./serve.ts');
    end(await serve(options));
  });

  program
    .command('demo')
    .description('start the embedded default, play both directions and show every message')
    .option('--keep', 'leave it running afterwards, and go on showing what passes', false)
    .action(async (options: { keep: boolean }) => {
      const { demo } = await import('./demo.ts');
      end(await demo(options));
    });

  program
    .command('check')
    .description('check a configuration: every problem at once, or a summary')
    .argument('[file]', 'the configuration file')
    .action(async (file: string | undefined) => {
      const { check } = await import('./check.ts');
      end(await check({ config: file ?? defaultConfig() }));
    });

  withConfig(program.command('explain').description('say which route a request takes, why, and what its rules do'))
    .option('--listener <name>', 'the listener that is called')
    .option('--called <title>', 'called AE title; the listener’s own when it has only one')
    .option('--calling <title>', 'calling AE title')
    .option('--address <ip>', 'address of the one who asks (127.0.0.1)')
    .option('--path <path>', 'path of a web request, e.g. /dicomweb')
    .addOption(new Option('--route <name>', 'a route, instead of a request that takes one').conflicts(REQUEST_OPTIONS))
    .addOption(
      new Option(
        '--service <service>',
        'the service that is asked for: worklist by default, with --route every one',
      ).choices(SERVICES),
    )
    .option('--dataset <file>', 'a dry run of the rules: DICOM JSON, or what spool export wrote')
    .addHelpText(
      'after',
      '\nNothing is sent. The data set is printed before and after the rules, with all its values: who may see the output\n' +
        'sees the patient data of the file.',
    )
    .action(async (options: ExplainOptions, command: Command) => {
      if ((options.listener ?? options.route ?? options.dataset) === undefined) {
        command.error('error: give --listener <name> or --route <name>');
      }
      const { explain } = await import('./explain.ts');
      end(await explain(options));
    });

  withConfig(program.command('echo').description('ask an upstream whether it is there'))
    .argument('<upstream>', 'name of the upstream in the configuration')
    .option('--json', 'print JSON', false)
    .action(async (upstream: string, options: { config: string; json: boolean }) => {
      const { echo } = await import('./echo.ts');
      end(await echo({ ...options, upstream }));
    });

  withConfig(program.command('doctor').description('look at every upstream, step by step, and say what to mend'))
    .argument('[upstreams...]', 'names of upstreams; none for all, and the certificates of the gateway')
    .option('--timeout <duration>', 'of each step', toWaitMs, 10_000)
    .option('--json', 'print JSON', false)
    .addHelpText('after', '\nNothing is changed, here or there: what is asked for does not exist.')
    .action(async (upstreams: string[], options: { config: string; timeout: number; json: boolean }) => {
      const { doctor } = await import('./doctor.ts');
      end(await doctor({ ...options, upstreams, timeoutMs: options.timeout }));
    });

  withConfig(program.command('find').description('search the worklist of an upstream'))
    .argument('<upstream>', 'name of the upstream in the configuration')
    .argument('[keys...]', 'KEY=VALUE, e.g. ScheduledProcedureStepSequence.Modality=CT or 00100020=4711')
    .option('--include <keys>', 'further attributes, separated by commas; all for every one', toList, [])
    .option('--limit <n>', 'at most so many results', toCount)
    .option('--json', 'print DICOM JSON instead of a table', false)
    .action(async (upstream: string, keys: string[], options: FindArguments) => {
      const { find } = await import('./find.ts');
      end(await find({ ...options, upstream, keys }));
    });

  program
    .command('hash')
    .description('print the hash of an API key or passcode, which is all the configuration needs of it')
    .option('--new', 'make a new key, instead of reading one from standard input', false)
    .option('--sha256', 'a plain digest: for long random keys only, checked faster than scrypt', false)
    .action(async (options: { new: boolean; sha256: boolean }) => {
      const { hash } = await import('./hash.ts');
      end(await hash(options));
    });

  addMppsCommands(program, end);
  addCommitCommands(program, end);
  addSpoolCommands(program, end);
  addPaperCommands(program, end);
  return program;
}

const REQUEST_OPTIONS = ['listener', 'called', 'calling', 'address', 'path'];

interface FindArguments {
  config: string;
  include: string[];
  limit?: number;
  json: boolean;
}
